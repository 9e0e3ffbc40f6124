import * as kernel from '../plan/constants.js';
import type { Step, StepOf } from '../plan/step.js';
import { isOurs, ours, quote } from './scriptWords.js';

/** What the lines of steps call. Paths below the root are the image's: a link in them could lead out of it. */
export const functions: readonly string[] = [
  '# Places to mount on, inside the root: a link that leads out of it is not followed.',
  'inside() { case $(realpath -m "$root$1") in "$root"/*) ;; *) echo "$1 leads out of the root" >&2; exit 1 ;; esac; }',
  'folder() { inside "$1"; mkdir -p "$root$1"; }',
  'file() { inside "$1"; mkdir -p "$(dirname "$root$1")"; [ -e "$root$1" ] || : > "$root$1"; }',
  'place() { if [ -d "$1" ]; then folder "$2"; else file "$2"; fi; }',
  '# Sets options of a mount and of all that is mounted below it.',
  'options() { findmnt -rno TARGET -R "$root$2" | while read -r at; do mount -o "remount,bind,$1" "$(printf %b "$at")"; done; }',
  'readonly_path() { [ ! -e "$root$1" ] || { inside "$1"; mount --rbind "$root$1" "$root$1"; options ro "$1"; }; }',
  'mask_path() {',
  '  if [ ! -e "$root$1" ]; then return; fi',
  '  inside "$1"',
  '  if [ -d "$root$1" ]; then',
  '    mount -t tmpfs -o nosuid,nodev,noexec,mode=555,nr_inodes=1 tmpfs "$root$1"; options ro,nosuid,nodev,noexec "$1"',
  '  else mount --bind /dev/null "$root$1"; options ro,nosuid,noexec "$1"; fi',
  '}',
];

/** Steps before the root is there: their paths are ours. */
export function outsideLines(step: Step): string[] {
  switch (step.kind) {
    case 'makeDirectory':
      return [`mkdir -p ${ours(step.path)}`];
    case 'mount':
      return [...(step.type === 'overlay' ? overlayComment : []), mountLine(step, ours(step.destination))];
    case 'bind':
      return [`mount --bind ${ours(step.source)} ${ours(step.destination)}`];
    default:
      return [];
  }
}

const overlayComment = ['# The root: read-only layers below, a private writable layer on top.'];

/** Steps that make what is inside. Programs of this machine can be found as long as the root is not changed. */
export function insideLines(step: Step): string[] {
  switch (step.kind) {
    case 'mount':
      return [`folder ${quote(step.destination)}`, mountLine(step, below(step.destination))];
    case 'bind':
      return bindLines(step);
    case 'makeFile':
      return [`file ${quote(step.path)}`];
    case 'symlink':
      return [
        `inside ${quote(step.path)}; [ -e ${below(step.path)} ] || ln -sfn ${quote(step.target)} ${below(step.path)}`,
      ];
    case 'makeDirectory':
      return [`folder ${quote(step.path)}; chmod ${step.mode.toString(8)} ${below(step.path)}`];
    case 'writeFile':
      return step.path.startsWith('/proc/sys/')
        ? [`echo ${quote(step.data)} > ${below(step.path)}`]
        : [`echo ${quote(step.data.trim())} > ${quote(step.path)}`];
    case 'addAddress':
      return [
        `ip addr add ${quote(`${step.address}/${step.prefix}`)} dev ${quote(step.interface)}${step.address.includes(':') ? ' nodad' : ''}`,
      ];
    case 'addDefaultRoute':
      return [`ip route add default via ${quote(step.gateway)}`];
    case 'bringUp':
      return [`ip link set ${quote(step.interface)} up`];
    case 'readonlyPath':
      return [`readonly_path ${quote(step.path)}`];
    case 'maskPath':
      return [`mask_path ${quote(step.path)}`];
    case 'setHostname':
      return [`hostname ${quote(step.name)}`];
    case 'setDomainname':
      return [`domainname ${quote(step.name)}`];
    case 'setRootAttributes':
      return [`mount -o remount,bind,${attributeOptions(step.attributes).join(',')} "$root"`];
    default:
      return [];
  }
}

/** Mounts a file system at a place, which is words of the shell. */
export function mountLine(step: StepOf<'mount'>, place: string): string {
  const attributes = attributeOptions(step.attributes);
  // With `ro` mount(8) would make the file system itself read-only, not this mount of it.
  const options = [...attributes.filter((name) => name !== 'ro'), ...(step.data === '' ? [] : [step.data])].join(',');
  const flag = options === '' ? '' : ` -o ${ours(options)}`;
  const mount = `mount -t ${quote(step.type)} ${quote(step.source)} ${place}${flag}`;
  return attributes.includes('ro') ? `${mount}; mount -o remount,bind,${attributes.join(',')} ${place}` : mount;
}

function bindLines(step: StepOf<'bind'>): string[] {
  const source = isOurs(step.source) ? ours(step.source) : quote(step.source);
  const place = below(step.destination);
  const options = attributeOptions(step.attributes).join(',');
  const commands = [
    `place ${source} ${quote(step.destination)}`,
    `mount --${step.recursive === 1 ? 'rbind' : 'bind'} ${source} ${place}`,
    ...(options === ''
      ? []
      : step.recursive === 1
        ? [`options ${options} ${quote(step.destination)}`]
        : [`mount -o remount,bind,${options} ${place}`]),
    ...(step.propagation === 0 ? [] : [`mount --make-${propagationName(step.propagation)} ${place}`]),
  ];
  return step.tolerate === undefined
    ? [commands.join('; ')]
    : [`{ ${commands.join(' && ')}; } || echo 'done without' >&2`];
}

function below(path: string): string {
  return `"$root"${quote(path)}`;
}

const attributeNames: readonly [number, string][] = [
  [kernel.MOUNT_ATTR_RDONLY, 'ro'],
  [kernel.MOUNT_ATTR_NOSUID, 'nosuid'],
  [kernel.MOUNT_ATTR_NODEV, 'nodev'],
  [kernel.MOUNT_ATTR_NOEXEC, 'noexec'],
  [kernel.MOUNT_ATTR_NOATIME, 'noatime'],
  [kernel.MOUNT_ATTR_STRICTATIME, 'strictatime'],
  [kernel.MOUNT_ATTR_NODIRATIME, 'nodiratime'],
  [kernel.MOUNT_ATTR_NOSYMFOLLOW, 'nosymfollow'],
];

/** MOUNT_ATTR_* by the names that mount(8) has for them. */
export function attributeOptions(attributes: number): string[] {
  return attributeNames.filter(([flag]) => (attributes & flag) !== 0).map(([, name]) => name);
}

/** MS_PRIVATE and the like by the name that mount(8) and unshare(1) have for them, `rslave` when it is recursive. */
export function propagationName(flags: number): string {
  const name = (flags & kernel.MS_SHARED) !== 0 ? 'shared' : (flags & kernel.MS_SLAVE) !== 0 ? 'slave' : 'private';
  return (flags & kernel.MS_REC) !== 0 ? `r${name}` : name;
}
