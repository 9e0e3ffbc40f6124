import * as kernel from '../plan/constants.js';
import type { Plan, Step, StepOf } from '../plan/step.js';
import type { oci } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import { executeLines } from './scriptExecution.js';
import { mountLines } from './scriptMounts.js';
import { functions, insideLines, outsideLines } from './scriptSteps.js';
import { quote } from './scriptWords.js';

export interface ScriptHeading {
  container: string;
  operation: string;
  identity: Identity;
}

/**
 * The plan as a shell script that a person can run with nothing but util-linux and iproute2: the same namespaces,
 * mounts, ids and capabilities, made by hand. It works in a folder of its own, so the container is left alone, and
 * runs no program of the container's root but the command. Pure.
 */
export function renderScript(plan: Plan, heading: ScriptHeading): string {
  const clone = plan.find((step): step is StepOf<'clone'> => step.kind === 'clone');
  const born = clone === undefined ? -1 : plan.indexOf(clone);
  const outer = plan.slice(0, Math.max(born, 0));
  const inner = plan.slice(born + 1);
  const rooted = inner.findIndex((step) => step.kind === 'setRoot');
  const isConnected = plan.some((step) => step.kind === 'makeVeth');
  const [beforeRoot, afterRoot] = [inner.slice(0, rooted), inner.slice(rooted + 1)];
  const lines = [
    '#!/bin/bash',
    `# ${heading.operation} of container ${heading.container}, as a script. Run it as an ordinary user:   bash script.sh`,
    '# Needs util-linux 2.38 or later and iproute2. It makes everything below a folder of its own.',
    'set -eu -o pipefail',
    '',
  ];
  // What makes a container maps ids; it may join another's network, too.
  const isEntering = plan.some(({ kind }) => kind === 'setNamespaces' || kind === 'openNamespace');
  if (!plan.some((step) => step.kind === 'mapIds') && isEntering) {
    return [...lines, ...(mountLines(plan) ?? enterLines(plan))].join('\n');
  }
  return [
    ...lines,
    'if [ "${1-}" != inside ]; then',
    ...indent([
      'dir=${TERRARIUM_DIR:-$(mktemp -d /var/tmp/terrarium-script.XXXXXX)}',
      'mkdir -p "$dir"/{rootfs,upper,work,scratch,empty}',
      ...outer.flatMap((step) => (isConnected && step.kind === 'setNamespaces' ? [] : outerLines(step))),
      ...inner.flatMap((step) => (step.kind === 'joinCgroup' ? joinLines(step.path) : [])),
      ...(clone !== undefined && clone.cgroup !== '' ? joinLines(clone.cgroup) : []),
      ...unshareLines(plan, clone?.flags ?? 0, heading.identity),
    ]),
    'fi',
    '',
    'dir=$(realpath "$2") root=$dir/rootfs',
    ...functions,
    '',
    ...beforeRoot.flatMap(outsideLines),
    ...afterRoot.flatMap(insideLines),
    ...executeLines(plan),
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
    ...identity.uidMappings.slice(1).map((range) => `--map-users=${extent(range)}`),
    ...identity.gidMappings.slice(1).map((range) => `--map-groups=${extent(range)}`),
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

/** As unshare(1) takes it: outside, inside, how many. */
function extent({ containerID, hostID, size }: oci.IdMapping): string {
  return `${hostID},${containerID},${size}`;
}

function outerLines(step: Step): string[] {
  switch (step.kind) {
    case 'makeCgroup':
      return ['# A cgroup, for limits and statistics.', `mkdir -p ${quote(step.path)}`];
    case 'shareCgroups':
      return sharedLines(step.paths);
    case 'writeFile':
      if (step.path.startsWith('/proc/self/')) return [];
      return [`echo ${quote(step.data.trim())} > ${quote(step.path)}`];
    case 'holdNamespaces':
      return heldLines(step);
    case 'setNamespaces':
      return [`# Joins the network of another container: run the rest under   nsenter --net=/proc/${step.pid}/ns/net`];
    case 'joinNamespace':
      return [`# Joins the network of another container: run the rest under   nsenter --net=${step.path}`];
    default:
      return [];
  }
}

/** unshare(1) makes namespaces below the ones it is in; those of another owner take a shell in there. */
function heldLines({ pid, flags }: StepOf<'holdNamespaces'>): string[] {
  const options = enterOptions
    .filter(([flag]) => ((flags | kernel.CLONE_NEWUSER) & flag) !== 0)
    .map(([, option]) => option);
  return [
    `# Joins namespaces of process ${pid}. By hand that takes a shell there, from which to run this script:`,
    `#   nsenter --target ${pid} ${options.join(' ')} --preserve-credentials -- bash ${'"$0"'}`,
  ];
}

/** The outer ones first; those of v2 have to pass on their controllers. */
function sharedLines(paths: readonly string[]): string[] {
  const lines = paths.toReversed().flatMap((path) => {
    const [controllers, passedOn] = ['controllers', 'subtree_control'].map((file) => quote(`${path}/cgroup.${file}`));
    return [`mkdir -p ${quote(path)}`, `[ ! -e ${passedOn} ] || sed 's/[^ ]\\+/+&/g' ${controllers} > ${passedOn}`];
  });
  return lines.length === 0 ? [] : ['# Groups that it is in together with other containers.', ...lines];
}

function joinLines(path: string): string[] {
  return [
    `echo $$ > ${quote(`${path}/cgroup.procs`)} || echo 'not moved: the cgroup must be below the one this shell is in' >&2`,
  ];
}

/** Entering a running container is one command of util-linux. */
function enterLines(plan: Plan): string[] {
  const targets = plan.flatMap((step) => {
    if (step.kind === 'setNamespaces') return [{ pid: step.pid, flags: step.flags }];
    return step.kind === 'openNamespace' && step.pid !== 0 ? [{ pid: step.pid, flags: step.type }] : [];
  });
  const flags = targets.reduce((all, step) => all | step.flags, 0);
  const execution = plan.find((step): step is StepOf<'execute'> => step.kind === 'execute');
  const ids = plan.find((step): step is StepOf<'setIds'> => step.kind === 'setIds');
  const options = enterOptions.filter(([flag]) => (flags & flag) !== 0).map(([, option]) => option);
  const [uid, gid] = [ids?.uid ?? 0, ids?.gid ?? 0];
  // nsenter sets groups along with an id, which is denied where a single id is mapped; you are root inside as you are.
  const credentials = uid === 0 && gid === 0 ? '--preserve-credentials' : `--setuid ${uid} --setgid ${gid}`;
  return [
    '# Enter the namespaces of the running process, as the user inside.',
    ...(plan.some(({ kind }) => kind === 'pivotRoot')
      ? ['# The root of its tools is not part of this: nsenter has none.']
      : []),
    `exec nsenter --target ${targets[0]?.pid ?? ''} ${options.join(' ')} ${credentials} -- ${(execution?.args ?? ['sh']).map(quote).join(' ')}`,
    '',
  ];
}

const enterOptions: readonly [number, string][] = [
  [kernel.CLONE_NEWUSER, '--user'],
  [kernel.CLONE_NEWNS, '--mount'],
  [kernel.CLONE_NEWUTS, '--uts'],
  [kernel.CLONE_NEWIPC, '--ipc'],
  [kernel.CLONE_NEWNET, '--net'],
  [kernel.CLONE_NEWPID, '--pid'],
  [kernel.CLONE_NEWCGROUP, '--cgroup'],
  [kernel.CLONE_NEWTIME, '--time'],
];

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
