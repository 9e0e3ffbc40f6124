import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
} from './constants.js';

export interface ParsedMountOptions {
  /** MOUNT_ATTR_*. */
  attributes: number;
  /** MS_PRIVATE and the like, 0 for none. */
  propagation: number;
  bind: boolean;
  recursive: boolean;
  /** `nofail`: where it cannot be mounted the container does without. */
  mayFail: boolean;
  /** What is the file system's own, joined by commas. */
  data: string;
}

const attributeOptions = optionTable({
  ro: MOUNT_ATTR_RDONLY,
  nosuid: MOUNT_ATTR_NOSUID,
  nodev: MOUNT_ATTR_NODEV,
  noexec: MOUNT_ATTR_NOEXEC,
  noatime: MOUNT_ATTR_NOATIME,
  strictatime: MOUNT_ATTR_STRICTATIME,
  nodiratime: MOUNT_ATTR_NODIRATIME,
  nosymfollow: MOUNT_ATTR_NOSYMFOLLOW,
});
const opposites = optionTable({
  rw: MOUNT_ATTR_RDONLY,
  suid: MOUNT_ATTR_NOSUID,
  dev: MOUNT_ATTR_NODEV,
  exec: MOUNT_ATTR_NOEXEC,
  atime: MOUNT_ATTR_NOATIME,
  diratime: MOUNT_ATTR_NODIRATIME,
});
/**
 * runtime-spec's names for attributes of all mounts below the source too, which is what the plain ones mean here: the stage
 * sets them with AT_RECURSIVE. Source: runtime-spec config.md, Linux mount options.
 */
const recursiveOptions = new Map(
  [...attributeOptions.keys(), ...opposites.keys(), 'relatime'].map((option) => [`r${option}`, option]),
);
const propagations = optionTable({
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
});

/** A map, for options come from people: an object would know "constructor" too. */
function optionTable(flags: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(flags));
}

/**
 * The same options with runtime-spec's names where they count for all mounts below the source. Only those that forbid:
 * to allow something there is never asked of the kernel here, which would refuse it.
 */
export function recursively(options: readonly string[]): string[] {
  return options.map((option) => (attributeOptions.has(option) ? `r${option}` : option));
}

/** Splits mount options into what the kernel takes as attributes, as propagation and as data. Source: mount(8). */
export function parseMountOptions(options: readonly string[]): ParsedMountOptions {
  const parsed: ParsedMountOptions = {
    attributes: 0,
    propagation: 0,
    bind: false,
    recursive: false,
    mayFail: false,
    data: '',
  };
  const data: string[] = [];
  for (const asked of options) {
    const option = recursiveOptions.get(asked) ?? asked;
    const attribute = attributeOptions.get(option);
    const opposite = opposites.get(option);
    const propagation = propagations.get(option);
    if (attribute !== undefined) parsed.attributes |= attribute;
    else if (opposite !== undefined) parsed.attributes &= ~opposite;
    else if (propagation !== undefined) parsed.propagation = propagation;
    else if (option === 'bind') parsed.bind = true;
    else if (option === 'rbind') parsed.bind = parsed.recursive = true;
    else if (option === 'nofail') parsed.mayFail = true;
    else if (option !== 'defaults' && option !== 'relatime') data.push(option);
  }
  parsed.data = data.join(',');
  return parsed;
}

/** Layers of an overlay, as paths. */
export interface OverlayLayers {
  /** Top first, as the kernel wants them. */
  lower: readonly string[];
  /** Absent: read-only. */
  writable?: { upper: string; work: string } | undefined;
  /** Skip all syncing: what is in it is lost with the machine, and unmounting does not sync the whole host. */
  volatile: boolean;
}

/** The kernel takes `:` and `,` and `\` in overlay paths only with a backslash before them. */
export function escapeOverlayPath(path: string): string {
  return path.replace(/[\\:,]/g, (character) => `\\${character}`);
}

/** Options of an overlay mounted inside a user namespace (hence `userxattr`). */
export function overlayData(layers: OverlayLayers): string {
  return [
    `lowerdir=${layers.lower.map(escapeOverlayPath).join(':')}`,
    ...(layers.writable
      ? [`upperdir=${escapeOverlayPath(layers.writable.upper)}`, `workdir=${escapeOverlayPath(layers.writable.work)}`]
      : []),
    'userxattr',
    ...(layers.volatile && layers.writable ? ['volatile'] : []),
  ].join(',');
}
