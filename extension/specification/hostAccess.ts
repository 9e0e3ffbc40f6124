import { createHash } from 'node:crypto';
import * as path from 'node:path/posix';
import * as z from 'zod/mini';
import { ErrorCode, isReadOnly, terrariumError } from '../../helper/protocol/index.js';

/**
 * What a specification file reaches of the machine it runs on. Files of a workspace are written by others: what is
 * found here is shown and agreed to before anything starts. The helper checks the whole file; this looks, strictly,
 * at the fields that count here, so that nothing it does not understand passes as harmless.
 */
const reach = z.looseObject({
  root: z.optional(
    z.discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('host'), show: z.optional(z.array(z.string())) }),
      z.looseObject({ kind: z.literal('image') }),
      z.looseObject({ kind: z.literal('directory'), path: z.string() }),
    ]),
  ),
  mounts: z.optional(
    z.array(
      z.looseObject({
        destination: z.string(),
        source: z.optional(z.string()),
        type: z.optional(z.string()),
        options: z.optional(z.array(z.string())),
      }),
    ),
  ),
  network: z.optional(
    z.looseObject({
      kind: z.string(),
      container: z.optional(z.string()),
      pid: z.optional(z.number()),
      network: z.optional(z.string()),
    }),
  ),
  pod: z.optional(z.string()),
  ports: z.optional(z.array(z.looseObject({ hostPort: z.number(), address: z.optional(z.string()) }))),
  namespaces: z.optional(
    z.record(
      z.string(),
      z.union([z.string(), z.strictObject({ container: z.string() }), z.strictObject({ process: z.number() })]),
    ),
  ),
  capabilities: z.optional(z.looseObject({ add: z.optional(z.array(z.string())) })),
  seccomp: z.optional(
    z.union([z.string(), z.looseObject({ profile: z.optional(z.unknown()), allow: z.optional(z.array(z.string())) })]),
  ),
  noNewPrivileges: z.optional(z.boolean()),
  nestedNamespaces: z.optional(z.boolean()),
  chroot: z.optional(z.boolean()),
  maskedPaths: z.optional(z.array(z.string())),
  readonlyPaths: z.optional(z.array(z.string())),
});
type Reach = z.infer<typeof reach>;

/** Places that a file from elsewhere may not mount, below or above them. */
export interface ProtectedPlace {
  path: string;
  reason: string;
}

export interface HostFacts {
  /** Folder of the file: relative sources start there. */
  folder: string;
  home: string;
  protected: readonly ProtectedPlace[];
  /** The path with every link resolved; `undefined` when there is nothing. */
  realpath(path: string): Promise<string | undefined>;
  /** The value of a JSON file. Rejects, with a sentence for people, when it cannot be read. */
  readValue(path: string): Promise<unknown>;
}

export interface HostAccess {
  /**
   * The specification with sources of mounts made absolute and free of links, and with the seccomp profile in the place of its file:
   * what was judged is what counts.
   */
  specification: Record<string, unknown>;
  /** One sentence for each thing that a person has to agree to; empty: there is nothing. */
  items: string[];
  /** What is not done even when agreed to. */
  refused: string[];
  /** Identifies text and resolved paths together: agreeing to it says nothing about another text or another target. */
  key: string;
}

/** Finds out what a specification reaches. Rejects with `Invalid` when its shape is wrong. */
export async function judgeHostAccess(text: string, value: unknown, facts: HostFacts): Promise<HostAccess> {
  const parsed = reach.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: where, message }) => `${where.join('.') || 'it'}: ${message}`);
    throw terrariumError(ErrorCode.Invalid, `The specification is not valid: ${problems.join('; ')}`);
  }
  const specification = parsed.data;
  const items: string[] = [];
  const refused: string[] = [];
  const sources: string[] = [];

  const judge = async (source: string, describe: (shown: string) => string): Promise<string> => {
    const absolute = absolutePath(source, facts);
    const real = (await facts.realpath(absolute)) ?? absolute;
    sources.push(real);
    items.push(describe(real === absolute ? real : `${absolute} (really ${real})`));
    const place = facts.protected.find(({ path: kept }) => overlaps(real, kept));
    if (place !== undefined) {
      refused.push(
        contains(place.path, real) ? `${real}: ${place.reason}` : `${real} contains ${place.path}: ${place.reason}`,
      );
    }
    return real;
  };

  const mounts = await inOrder(specification.mounts ?? [], async (mount) => {
    if (!isBind(mount)) return mount;
    if (mount.type === 'volume') {
      const use = isReadOnly(mount.options) ? 'to read' : 'to read and write';
      items.push(`The volume ${mount.source ?? ''}, which other containers may have, ${use}, as ${mount.destination}`);
      return mount;
    }
    const access = isReadOnly(mount.options) ? 'to read' : 'to read and write';
    const source = await judge(mount.source ?? '', (shown) => `${shown}, ${access}, as ${mount.destination}`);
    return { ...mount, source };
  });
  if (specification.root?.kind === 'directory') {
    const real = await judge(specification.root.path, (shown) => `${shown}, to read, as its root`);
    specification.root = { ...specification.root, path: real };
  }
  if (specification.root?.kind === 'host' && specification.root.show !== undefined) {
    const show = await inOrder(specification.root.show, (folder) =>
      judge(folder, (shown) => `${shown}, to read, with this machine’s own files`),
    );
    specification.root = { ...specification.root, show };
  }
  const { seccomp } = specification;
  if (typeof seccomp === 'object' && typeof seccomp.profile === 'string' && seccomp.profile !== 'default') {
    const real = await judge(seccomp.profile, (shown) => `${shown}, to read, as its system call filter`);
    const profile = refused.length > 0 ? seccomp.profile : await facts.readValue(real);
    sources.push(JSON.stringify(profile));
    specification.seccomp = { ...seccomp, profile };
  }
  items.push(...describeSharing(specification));
  // The machine's own root alone has no way out for what is read there; together with one it has.
  if (items.length > 0 && (specification.root?.kind ?? 'host') === 'host') {
    items.push('This machine’s own files, to read, as far as you may read them');
  }
  return {
    specification: { ...specification, ...(specification.mounts && { mounts }) },
    items,
    refused,
    key: createHash('sha256')
      .update(JSON.stringify([text, sources]))
      .digest('hex'),
  };
}

type MountReach = NonNullable<Reach['mounts']>[number];

/** As the helper decides it: without a type, a source makes a bind. Any type but tmpfs counts as the worse one. */
function isBind(mount: MountReach): boolean {
  return mount.type === undefined ? mount.source !== undefined : mount.type !== 'tmpfs';
}

function describeSharing(specification: Reach): string[] {
  const items = Object.entries(specification.namespaces ?? {}).flatMap(([type, choice]) =>
    choice === 'new' ? [] : [`The ${type} namespace of ${whose(choice)}`],
  );
  if (specification.network?.kind === 'host') items.push('This machine’s network, with all that listens on it');
  if (specification.network?.kind === 'container') {
    items.push(`The network of the container ${specification.network.container ?? ''}`);
  }
  if (specification.network?.kind === 'process') {
    items.push(`The network of process ${specification.network.pid ?? ''}`);
  }
  if (specification.network?.kind === 'bridge') {
    items.push(`The containers in the network ${specification.network.network ?? ''}, and what it leads to`);
  }
  if (specification.pod !== undefined) {
    items.push(`The namespaces and the network that the containers of the pod ${specification.pod} share`);
  }
  for (const { hostPort, address } of specification.ports ?? []) {
    items.push(`Port ${hostPort} of this machine, at ${address ?? '127.0.0.1'}: it leads into the container`);
  }
  if (specification.chroot === true) items.push('chroot alone: processes and namespaces of this machine stay in reach');
  items.push(...describeFilter(specification.seccomp));
  if (specification.noNewPrivileges === false) items.push('Programs may gain privileges (no_new_privs is off)');
  if (specification.nestedNamespaces === true) items.push('Programs may make namespaces, and mount in them');
  const added = specification.capabilities?.add ?? [];
  if (added.length > 0) items.push(`More capabilities than by default: ${added.join(', ')}`);
  if (specification.maskedPaths !== undefined) items.push('A list of its own of what is hidden in /proc and /sys');
  if (specification.readonlyPaths !== undefined) items.push('A list of its own of what is read-only in /proc');
  return items;
}

function whose(choice: NonNullable<Reach['namespaces']>[string]): string {
  if (typeof choice === 'string') return choice === 'host' ? 'this machine' : choice;
  return 'container' in choice ? `the container ${choice.container}` : `process ${choice.process}`;
}

/** To count what is refused gives nothing away. */
function describeFilter(seccomp: Reach['seccomp']): string[] {
  if (seccomp === undefined || seccomp === 'default') return [];
  if (seccomp === 'unconfined') return ['No system call filter'];
  const own = 'A system call filter of its own, not the default';
  if (typeof seccomp === 'string' || 'defaultAction' in seccomp) return [own];
  const { profile = 'default', allow = [] } = seccomp;
  return [
    ...(profile === 'default' ? [] : [own]),
    ...(allow.length === 0 ? [] : [`System calls that its filter would refuse: ${allow.join(', ')}`]),
  ];
}

function absolutePath(source: string, { folder, home }: HostFacts): string {
  if (source === '~' || source.startsWith('~/')) return path.join(home, source.slice(1));
  return path.resolve(folder, source);
}

const contains = (outer: string, inner: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
const overlaps = (one: string, other: string): boolean => contains(one, other) || contains(other, one);

async function inOrder<T>(list: readonly T[], each: (item: T) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const item of list) results.push(await each(item));
  return results;
}

/** What is protected by default: keys, sockets that are as good as being this user outside, and our own state. */
export function protectedPlaces(home: string, runtime: string | undefined, data: string): ProtectedPlace[] {
  const inHome = [
    '.ssh',
    '.gnupg',
    '.aws',
    '.azure',
    '.kube',
    '.docker',
    '.config/gcloud',
    '.netrc',
    '.git-credentials',
  ];
  // Engines' sockets, the buses, systemd --user and agents: whoever reaches them starts programs outside.
  const sockets = [
    'docker.sock',
    'podman',
    'containerd',
    'crio',
    'buildkit',
    'dbus',
    'bus',
    'systemd',
    'gnupg',
    'keyring',
  ];
  const runtimes = ['/run', ...(runtime === undefined ? [] : [runtime])];
  const place = (reason: string) => (file: string) => ({ path: file, reason });
  const socketPlaces = runtimes.flatMap((folder) => sockets.map((name) => path.join(folder, name)));
  const ownState = [data, ...(runtime === undefined ? [] : [runtime])].map((folder) => path.join(folder, 'terrarium'));
  return [
    ...inHome.map((name) => path.join(home, name)).map(place('keys and credentials are not handed to a file')),
    ...[...socketPlaces, '/run/user'].map(place('whoever reaches it is no longer contained')),
    ...ownState.map(place('containers may not change what makes containers')),
  ];
}
