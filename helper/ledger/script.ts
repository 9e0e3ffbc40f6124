import { basename, dirname } from 'node:path';
import * as kernel from '../plan/constants.js';
import type { Plan, Step, StepOf } from '../plan/step.js';
import type { oci, ProcessIdentity } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import { aroundLines, attachLines, comesToOthers } from './scriptAround.js';
import { enterLines } from './scriptEnter.js';
import { executeLines } from './scriptExecution.js';
import { gapsOf } from './scriptGaps.js';
import { mountLines } from './scriptMounts.js';
import { functions, insideLines, outsideLines, propagationName } from './scriptSteps.js';
import { quote } from './scriptWords.js';

export interface ScriptHeading {
  /** As people call it: `container 0123456789ab`. */
  container: string;
  operation: string;
  identity: Identity;
  /** Who is in the user namespace that the plan was carried out in, unless that was another's: see checkUserNamespace. */
  zygote?: ProcessIdentity | undefined;
}

/**
 * The plan as a shell script that a person can run with nothing but util-linux, iproute2 and perl: the same namespaces,
 * mounts, ids, capabilities and limits, made by hand. It works in a folder and a cgroup of its own, so the container is
 * left alone, and runs no program of the container's root but the command. Where it differs is said in it. Pure.
 */
export function renderScript(plan: Plan, heading: ScriptHeading): string {
  const clone = plan.find((step): step is StepOf<'clone'> => step.kind === 'clone');
  const born = clone === undefined ? -1 : plan.indexOf(clone);
  const outer = plan.slice(0, Math.max(born, 0));
  const inner = plan.slice(born + 1);
  const rooted = inner.findIndex((step) => step.kind === 'setRoot');
  const [beforeRoot, afterRoot] = [inner.slice(0, rooted), inner.slice(rooted + 1)];
  const attached = inner.filter(({ kind }) => kind === 'attachPrepared');
  const own = ownOptions(plan, clone?.flags ?? 0);
  const around = comesToOthers(plan) ? aroundLines(plan, heading.zygote, own) : undefined;
  const title = [
    '#!/bin/bash',
    `# ${heading.operation} of ${heading.container}, as a script. Run it as an ordinary user:   bash script.sh`,
  ];
  const strict = ['set -eu -o pipefail', ''];
  // What makes a container maps ids; it may join another's network, too.
  const isEntering = plan.some(({ kind }) => kind === 'setNamespaces' || kind === 'openNamespace');
  if (!plan.some((step) => step.kind === 'mapIds') && isEntering) {
    return [...title, '# Needs util-linux 2.38 or later.', ...strict, ...(mountLines(plan) ?? enterLines(plan))].join(
      '\n',
    );
  }
  return [
    ...title,
    '# Needs util-linux 2.38 or later, iproute2 and perl. It makes everything below a folder of its own.',
    '#',
    '# Where it differs from the container:',
    ...gapsOf(plan).map((gap) => `# - ${gap}`),
    ...strict,
    '# Where ip and pivot_root are: not every user has these folders in the path.',
    'PATH=$PATH:/usr/sbin:/sbin',
    ...(around?.head ?? []),
    'if [ "${1-}" = "" ]; then',
    ...indent([
      'dir=${TERRARIUM_DIR:-$(mktemp -d /var/tmp/terrarium-script.XXXXXX)}',
      'mkdir -p "$dir"/{rootfs,upper,work,scratch,empty}',
      ...outer.flatMap((step) => outerLines(step, plan)),
      ...joinLines([
        ...inner.flatMap((step) => (step.kind === 'joinCgroup' ? [step.path] : [])),
        ...(clone === undefined || clone.cgroup === '' ? [] : [clone.cgroup]),
      ]),
      ...(around?.leave ?? [
        '# New namespaces; root inside is you outside.',
        `exec unshare ${[...idOptions(heading.identity), ...own].join(' ')} -- bash "$0" inside "$dir"`,
      ]),
    ]),
    'fi',
    ...(around?.parts ?? []),
    '',
    'dir=$(realpath "$2") root=$dir/rootfs',
    ...functions,
    '',
    ...beforeRoot.flatMap(outsideLines),
    ...afterRoot.flatMap((step) =>
      step.kind === 'attachPrepared' ? attachLines(step, attached.indexOf(step)) : insideLines(step),
    ),
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

/** The options of unshare(1) for what is the container's own, but for its user namespace. */
function ownOptions(plan: Plan, cloneFlags: number): string[] {
  const flags = plan.reduce((all, step) => (step.kind === 'unshare' ? all | step.flags : all), cloneFlags);
  const offsets = plan.find(
    (step): step is StepOf<'writeFile'> => step.kind === 'writeFile' && step.path.endsWith('timens_offsets'),
  );
  const clock = (name: string) => new RegExp(`^${name} (-?\\d+)`, 'm').exec(offsets?.data ?? '')?.[1];
  const clocks = [
    ...((flags & kernel.CLONE_NEWTIME) !== 0 ? ['--time'] : []),
    ...(clock('monotonic') === undefined ? [] : [`--monotonic ${clock('monotonic')}`]),
    ...(clock('boottime') === undefined ? [] : [`--boottime ${clock('boottime')}`]),
  ];
  const propagation = plan.find((step): step is StepOf<'setPropagation'> => step.kind === 'setPropagation');
  return [
    ...namespaceOptions.filter(([flag]) => (flags & flag) !== 0).map(([, option]) => option),
    ...clocks,
    // It is recursive always.
    `--propagation ${propagationName((propagation?.flags ?? kernel.MS_PRIVATE) & ~kernel.MS_REC)}`,
  ];
}

/** Those for a user namespace in which root is who runs the script. */
function idOptions({ uidMappings, gidMappings }: Identity): string[] {
  return [
    '--user --map-root-user',
    ...uidMappings.slice(1).map((range) => `--map-users=${extent(range)}`),
    ...gidMappings.slice(1).map((range) => `--map-groups=${extent(range)}`),
  ];
}

/** As unshare(1) takes it: outside, inside, how many. */
function extent({ containerID, hostID, size }: oci.IdMapping): string {
  return `${hostID},${containerID},${size}`;
}

function outerLines(step: Step, plan: Plan): string[] {
  switch (step.kind) {
    case 'makeCgroup':
      return [`mkdir -p ${quote(ownCgroup(step.path))}`];
    case 'shareCgroups':
      return sharedLines(step.paths);
    case 'writeFile': {
      if (step.path.startsWith('/proc/self/')) return [];
      const folder = dirname(step.path);
      const isLimit = plan.some(
        ({ kind, ...other }) => kind === 'makeCgroup' && 'path' in other && other.path === folder,
      );
      const file = isLimit ? `${ownCgroup(folder)}/${basename(step.path)}` : step.path;
      return [`echo ${quote(step.data.trim())} > ${quote(file)}`];
    }
    default:
      return [];
  }
}

/** The container's stays as it is, with nothing of the script's in it. */
function ownCgroup(path: string): string {
  return `${path}-script`;
}

/** The outer ones first; those of v2 have to pass on their controllers. */
function sharedLines(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return [
    '# Groups that it is in together with other containers.',
    `for group in ${paths.toReversed().map(quote).join(' ')}; do`,
    '  mkdir -p "$group"',
    '  if [ -e "$group/cgroup.subtree_control" ]; then',
    `    sed 's/[^ ]\\+/+&/g' "$group/cgroup.controllers" > "$group/cgroup.subtree_control"`,
    '  fi',
    '  # A group of v1 that has no CPUs cannot be joined.',
    '  if [ -e "$group/cpuset.cpus" ] && [ -e "$group/cgroup.clone_children" ]; then',
    '    for file in cpuset.cpus cpuset.mems; do [ -n "$(cat "$group/$file")" ] || cat "$group/../$file" > "$group/$file"; done',
    '    echo 1 > "$group/cgroup.clone_children"',
    '  fi',
    'done',
  ];
}

/** Who may move a process is told by the group above both places: in a login session that is root's. cgroups(7) */
function joinLines(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return [
    '# Into the groups, before anything else, so that all of it counts.',
    `for group in ${paths.map((path) => quote(ownCgroup(path))).join(' ')}; do`,
    '  echo $$ > "$group/cgroup.procs" ||',
    `    echo "Limits in $group do not count. Try: systemd-run --user --scope bash SCRIPT" >&2`,
    'done',
  ];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
