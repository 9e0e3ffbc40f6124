import * as kernel from '../plan/constants.js';
import type { Plan, Step, StepOf } from '../plan/step.js';
import { capabilityNamesOf } from '../security/capabilities.js';
import type { Identity } from '../zygote/identity.js';

export interface ScriptHeading {
  container: string;
  operation: string;
  identity: Identity;
}

/**
 * The plan as a shell script that a person can run with nothing but util-linux and iproute2: the same namespaces,
 * mounts, ids and capabilities, made by hand. It works in a folder of its own, so the container is left alone. Pure.
 */
export function renderScript(plan: Plan, heading: ScriptHeading): string {
  const clone = plan.find((step): step is StepOf<'clone'> => step.kind === 'clone');
  const born = clone === undefined ? -1 : plan.indexOf(clone);
  const outer = plan.slice(0, Math.max(born, 0));
  const inner = plan.slice(born + 1);
  const target = plan.find((step): step is StepOf<'setNamespaces'> => step.kind === 'setNamespaces');
  const lines = [
    '#!/bin/bash',
    `# ${heading.operation} of container ${heading.container}, as a script. Run it as an ordinary user:   bash script.sh`,
    '# Needs util-linux 2.38 or later and iproute2. It makes everything below a folder of its own.',
    'set -eu',
    '',
  ];
  if (target !== undefined) return [...lines, ...enterLines(target, inner)].join('\n');
  return [
    ...lines,
    'if [ "${1-}" != inside ]; then',
    ...indent([
      'dir=${TERRARIUM_DIR:-$(mktemp -d /var/tmp/terrarium-script.XXXXXX)}',
      'mkdir -p "$dir"/{rootfs,upper,work,scratch,empty}',
      ...outer.flatMap(outerLines),
      ...inner.flatMap((step) => (step.kind === 'joinCgroup' ? joinLines(step.path) : [])),
      ...(clone !== undefined && clone.cgroup !== '' ? joinLines(clone.cgroup) : []),
      ...unshareLines(plan, clone?.flags ?? 0, heading.identity),
    ]),
    'fi',
    '',
    'dir=$2 root=$2/rootfs',
    'make() { if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "${2%/*}"; [ -e "$2" ] || : > "$2"; fi; }   # a place to mount on',
    ...inner.flatMap((step) => innerLines(step, plan)),
    '',
  ].join('\n');
}

const namespaceOptions: readonly [number, string][] = [
  [kernel.CLONE_NEWNS, '--mount'],
  [kernel.CLONE_NEWUTS, '--uts'],
  [kernel.CLONE_NEWIPC, '--ipc'],
  [kernel.CLONE_NEWNET, '--net'],
  [kernel.CLONE_NEWPID, '--pid --fork --kill-child'],
  [kernel.CLONE_NEWCGROUP, '--cgroup'],
];

function unshareLines(plan: Plan, cloneFlags: number, identity: Identity): string[] {
  const flags = plan.reduce((all, step) => (step.kind === 'unshare' ? all | step.flags : all), cloneFlags);
  const offsets = plan.find(
    (step): step is StepOf<'writeFile'> => step.kind === 'writeFile' && step.path.endsWith('timens_offsets'),
  );
  const clock = (name: string) => new RegExp(`^${name} (-?\\d+)`, 'm').exec(offsets?.data ?? '')?.[1];
  const options = [
    '--user --map-root-user',
    ...(identity.mapping === 'range' ? ['--map-auto'] : []),
    ...namespaceOptions.filter(([flag]) => (flags & flag) !== 0).map(([, option]) => option),
    ...((flags & kernel.CLONE_NEWTIME) !== 0 ? ['--time'] : []),
    ...(clock('monotonic') === undefined ? [] : [`--monotonic ${clock('monotonic')}`]),
    ...(clock('boottime') === undefined ? [] : [`--boottime ${clock('boottime')}`]),
    '--propagation private',
  ];
  return [
    '# New namespaces; root inside is you outside.',
    `exec unshare ${options.join(' ')} -- bash "$0" inside "$dir"`,
  ];
}

function outerLines(step: Step): string[] {
  switch (step.kind) {
    case 'makeCgroup':
      return ['# A cgroup, for limits and statistics.', `mkdir -p ${quote(step.path)}`];
    case 'writeFile':
      if (step.path.startsWith('/proc/self/')) return [];
      return [`echo ${quote(step.data.trim())} > ${quote(step.path)}`];
    case 'joinNamespace':
      return [`# Joins the network of another container: run the rest under   nsenter --net=${step.path}`];
    default:
      return [];
  }
}

function joinLines(path: string): string[] {
  return [
    `echo $$ > ${quote(`${path}/cgroup.procs`)} || echo 'not moved: the cgroup must be below the one this shell is in' >&2`,
  ];
}

function innerLines(step: Step, plan: Plan): string[] {
  switch (step.kind) {
    case 'mount':
      return mountLines(step);
    case 'bind':
      return bindLines(step);
    case 'symlink':
      return [`ln -sfn ${quote(step.target)} "$root"${quote(step.path)}`];
    case 'makeDirectory':
      return [`mkdir -p ${ours(step.path)}`];
    case 'writeFile':
      return step.path.startsWith('/proc/sys/')
        ? [`echo ${quote(step.data)} > "$root"${quote(step.path)}`]
        : [`echo ${quote(step.data.trim())} > ${quote(step.path)}`];
    case 'bringUp':
      return [`ip link set ${quote(step.interface)} up`];
    case 'readonlyPath':
      return [
        `if [ -e "$root"${quote(step.path)} ]; then mount --rbind "$root"${quote(step.path)} "$root"${quote(step.path)}; ` +
          `mount -o remount,bind,ro,nosuid,nodev,noexec "$root"${quote(step.path)}; fi`,
      ];
    case 'maskPath':
      return [
        `if [ -d "$root"${quote(step.path)} ]; then mount -t tmpfs -o ro,size=0k tmpfs "$root"${quote(step.path)}; ` +
          `elif [ -e "$root"${quote(step.path)} ]; then mount --bind /dev/null "$root"${quote(step.path)}; fi`,
      ];
    case 'setHostname':
      return [`hostname ${quote(step.name)}`];
    case 'pivotRoot':
      return [
        '# The new root becomes the root; the old one, now below it, is detached.',
        'cd "$root" && pivot_root . . && umount -l . && cd /',
      ];
    case 'chroot':
      return [
        '# Only where paths start changes: everything else of the host is still there.',
        'cd "$root"',
        'enter="chroot ."',
      ];
    case 'setRootAttributes':
      return ['mount -o remount,bind,ro /'];
    case 'setRlimit':
      return [`prlimit --pid $$ --${rlimitName(step.resource)}=${step.soft}:${step.hard}`];
    case 'changeDirectory':
      return plan.some((other) => other.kind === 'chroot') ? [] : [`cd ${quote(step.path)}`];
    case 'execute':
      return executeLines(plan, step.args, step.env);
    case 'stayInit':
      return executeLines(
        plan,
        ['sh'],
        ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
      );
    case 'installSeccomp':
      return ['# The seccomp filter is left out: util-linux 2.38 has no tool that loads one.'];
    default:
      return [];
  }
}

function mountLines(step: StepOf<'mount'>): string[] {
  const options = [...attributeOptions(step.attributes), ...(step.data === '' ? [] : [step.data])].join(',');
  const flag = options === '' ? '' : ` -o ${ours(options)}`;
  if (isOurs(step.destination)) {
    const why = step.type === 'overlay' ? ['# The root: read-only layers below, a private writable layer on top.'] : [];
    return [...why, `mount -t ${quote(step.type)} ${quote(step.source)} ${ours(step.destination)}${flag}`];
  }
  const place = `"$root"${quote(step.destination)}`;
  return [`mkdir -p ${place}; mount -t ${quote(step.type)} ${quote(step.source)} ${place}${flag}`];
}

function bindLines(step: StepOf<'bind'>): string[] {
  const place = `"$root"${quote(step.destination)}`;
  const options = attributeOptions(step.attributes).join(',');
  return [
    `make ${quote(step.source)} ${place}; mount --${step.recursive === 1 ? 'rbind' : 'bind'} ${quote(step.source)} ${place}` +
      (options === '' ? '' : `; mount -o remount,bind,${options} ${place}`),
  ];
}

function executeLines(plan: Plan, args: readonly string[], env: readonly string[]): string[] {
  const bounding = plan.find((step): step is StepOf<'limitBoundingSet'> => step.kind === 'limitBoundingSet');
  const ids = plan.find((step): step is StepOf<'setIds'> => step.kind === 'setIds');
  const names = capabilityNamesOf(bounding?.keep ?? 0n).map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`);
  const others = ids === undefined ? [] : new Uint32Array(Uint8Array.from(ids.groups).buffer);
  const groups = ids?.setgroups !== 1 ? '--keep-groups' : others.length === 0 ? '--clear-groups' : `--groups ${others}`;
  const options = [
    `--bounding-set ${['-all', ...names].join(',')} --inh-caps -all`,
    ...(ids === undefined ? [] : [`--reuid ${ids.uid} --regid ${ids.gid} ${groups}`]),
    ...(plan.some((step) => step.kind === 'setNoNewPrivileges') ? ['--no-new-privs'] : []),
  ].join(' ');
  return [
    '# Drop capabilities, become the user, run the command with an environment of its own.',
    `exec \${enter-} env -i ${env.map(quote).join(' ')} setpriv ${options} -- ${args.map(quote).join(' ')}`,
  ];
}

/** Entering a running container is one command of util-linux. */
function enterLines(target: StepOf<'setNamespaces'>, inner: Plan): string[] {
  const execution = inner.find((step): step is StepOf<'execute'> => step.kind === 'execute');
  const ids = inner.find((step): step is StepOf<'setIds'> => step.kind === 'setIds');
  return [
    '# Enter every namespace of the running process, as the user inside.',
    `exec nsenter --target ${target.pid} --all --setuid ${ids?.uid ?? 0} --setgid ${ids?.gid ?? 0} -- ${(execution?.args ?? ['sh']).map(quote).join(' ')}`,
    '',
  ];
}

const attributeNames: readonly [number, string][] = [
  [kernel.MOUNT_ATTR_RDONLY, 'ro'],
  [kernel.MOUNT_ATTR_NOSUID, 'nosuid'],
  [kernel.MOUNT_ATTR_NODEV, 'nodev'],
  [kernel.MOUNT_ATTR_NOEXEC, 'noexec'],
  [kernel.MOUNT_ATTR_NOATIME, 'noatime'],
  [kernel.MOUNT_ATTR_STRICTATIME, 'strictatime'],
];

function attributeOptions(attributes: number): string[] {
  return attributeNames.filter(([flag]) => (attributes & flag) !== 0).map(([, name]) => name);
}

function rlimitName(resource: number): string {
  const name = Object.entries(kernel.rlimitNumbers).find(([, number]) => number === resource)?.[0] ?? '';
  return name.replace('RLIMIT_', '').toLowerCase();
}

/** Folders of the container itself, `…/containers/ID/upper` and the like, become the script's own. */
const ownFolder = /[^=:,]*\/containers\/[0-9a-f]{12}\/(?=(?:rootfs|upper|work|scratch|empty)\b)/g;

function isOurs(path: string): boolean {
  return new RegExp(ownFolder).test(path);
}

/** Quotes text in which our folders are replaced by `$dir`. */
function ours(text: string): string {
  return `"${text.replace(/[\\"$`]/g, '\\$&').replace(ownFolder, '$dir/')}"`;
}

/** One shell word, whatever is in it; control characters by name, so that a script can be shown on a terminal. */
function quote(word: string): string {
  if (/\p{Cc}/u.test(word)) {
    // By its bytes: what \u means depends on the locale.
    const bytes = (c: string) => [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    return `$'${word.replace(/[\\']/g, '\\$&').replace(/\p{Cc}/gu, bytes)}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
