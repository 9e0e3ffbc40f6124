/**
 * The part of a script that comes to namespaces of others: those that are joined, and the network that a container is connected
 * to. A say over them has who is in the user namespace that Terrarium works in. So the script goes there first and joins what is
 * to be joined, and a second process stays there, which maps the ids and lays the cable while the new user namespace waits. Pure.
 */
import * as kernel from '../plan/constants.js';
import type { Plan, StepOf } from '../plan/step.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { mountLine } from './scriptSteps.js';
import { quote } from './scriptWords.js';
import { stepOf } from './stepOf.js';

/** Whether a plan has anything to do with namespaces of others. */
export function comesToOthers(plan: Plan): boolean {
  return plan.some(({ kind }) => kind === 'holdNamespaces' || kind === 'makeVeth' || kind === 'checkUserNamespace');
}

/** What nsenter(1) calls each type of namespace, as do the files below /proc/PID/ns but for `mount`, which no container joins. */
const names: readonly [number, string][] = [
  [kernel.CLONE_NEWUSER, 'user'],
  [kernel.CLONE_NEWNS, 'mount'],
  [kernel.CLONE_NEWUTS, 'uts'],
  [kernel.CLONE_NEWIPC, 'ipc'],
  [kernel.CLONE_NEWNET, 'net'],
  [kernel.CLONE_NEWPID, 'pid'],
  [kernel.CLONE_NEWCGROUP, 'cgroup'],
  [kernel.CLONE_NEWTIME, 'time'],
];

/** The options of nsenter(1) for namespaces of these types (CLONE_NEW*). */
export function nsenterOptions(flags: number): string {
  return namesOf(flags)
    .map((name) => `--${name}`)
    .join(' ');
}

/** What nsenter(1) calls them. */
export function namesOf(flags: number): string[] {
  return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

/** A namespace that a part of the script holds open, by number. */
interface Held {
  fd: number;
  pid: number;
  name: string;
}

/** Of those that bash leaves to scripts, what the scripts use for nothing else. */
const firstHeld = 10;

/** A function for the script, and how it is called: see `check`. */
export const processFunction: readonly string[] = [
  '# Ends unless a process is still the one that is meant, by its start time: the 22nd field of /proc/PID/stat.',
  'process() {',
  '  local stat',
  '  stat=$(cat "/proc/$1/stat" 2> /dev/null) || stat=',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
  '  set -- "$1" "$2" ${stat##*) }',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
  '  if [ "${22-}" != "$2" ]; then echo "Process $1, whose namespaces are to be joined, has ended." >&2; exit 1; fi',
  '}',
];

export interface Around {
  /** Before all else, and before anything is made. */
  head: string[];
  /** Goes to where the others' namespaces can be joined. */
  leave: string[];
  /** The parts after that, of which the last begins the container's own. */
  parts: string[];
}

/**
 * Each namespace is opened, and only then looked whether the process is the one that is meant: so it was when it was opened.
 *
 * @param zygote who is in the user namespace that Terrarium works in; unknown when there is none.
 * @param own the options of unshare(1) for the namespaces that are the container's own.
 */
export function aroundLines(plan: Plan, zygote: ProcessIdentity | undefined, own: readonly string[]): Around {
  const joins = plan.filter((step): step is StepOf<'holdNamespaces'> => step.kind === 'holdNamespaces');
  const mounts = plan.filter((step): step is StepOf<'prepareMount'> => step.kind === 'prepareMount');
  const cable = cableOf(plan);
  const base = stepOf(plan, 'checkUserNamespace') ?? zygote ?? cable?.anchor;
  const first: Held = { fd: firstHeld, pid: base?.pid ?? 0, name: 'user' };
  const held = joins
    .flatMap(({ pid, flags }) => namesOf(flags).map((name) => ({ pid, name })))
    .map((one, index): Held => ({ ...one, fd: firstHeld + 1 + index }));
  const [user, others] = [held.find(({ name }) => name === 'user'), held.filter(({ name }) => name !== 'user')];
  const isBelow = stepOf(plan, 'mapIds') !== undefined;
  // In a user namespace that is entered: its root, without groups where those may be given up.
  const credentials = stepOf(plan, 'setIds')?.setgroups === 1 ? '' : ' --preserve-credentials';
  const waiting = `bash -c 'read -r _ < "$2/mapped"; exec bash "$0" "$@"' "$0" inside "$dir"`;
  const begin = [
    ...preparedLines(mounts),
    ...(isBelow ? ['# The container’s own. Its capabilities come with the ids, at the next execve.'] : []),
    [
      'exec',
      ...(user === undefined ? [] : [`nsenter ${heldOption(user)}${credentials} --`]),
      `unshare ${[...(isBelow ? ['--user'] : []), ...own].join(' ')} --`,
      isBelow ? waiting : 'bash "$0" inside "$dir"',
    ].join(' '),
  ];
  const join = [
    'exec',
    `nsenter ${others.map(heldOption).join(' ')} --`,
    ...(mounts.length === 0
      ? []
      : ['unshare --mount', ...own.filter((option) => option.startsWith('--propagation')), '--']),
    'bash "$0" joined "$dir"',
  ].join(' ');
  const outside = isBelow
    ? outsideLines(
        plan,
        cable,
        others.some(({ name }) => name === 'pid'),
      )
    : [];
  return {
    head: [
      ...processFunction,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
      'if [ "${1-}" = "" ]; then',
      ...indent([base, ...joins, cable?.anchor].flatMap((process) => (process === undefined ? [] : check(process)))),
      'fi',
    ],
    leave: [
      '# The user namespace in which, or below which, those are that are joined: root there has a say over them.',
      `exec ${opening(first)}`,
      ...(base === undefined ? [] : [check(base)]),
      `exec nsenter ${heldOption(first)}${credentials} -- bash "$0" around "$dir"`,
    ],
    parts: [
      'if [ "$1" = around ]; then',
      ...indent([
        `dir=$2; exec ${closing(first)}`,
        ...(held.length === 0 ? [] : [`exec ${held.map(opening).join(' ')}`, ...joins.map(check)]),
        ...outside,
        ...(others.length === 0 ? begin : [join]),
      ]),
      'fi',
      ...(others.length === 0 ? [] : ['if [ "$1" = joined ]; then', ...indent(['dir=$2', ...begin]), 'fi']),
      ...(held.length === 0 ? [] : [`exec ${held.map(closing).join(' ')}`]),
    ],
  };
}

const heldOption = ({ fd, name }: Held) => `--${name}=/proc/self/fd/${fd}`;
const opening = ({ fd, pid, name }: Held) => `${fd}< /proc/${pid}/ns/${name}`;
const closing = ({ fd }: Held) => `${fd}<&-`;

/** Ends the script unless that process is still there. */
export function check({ pid, startTime }: { pid: number; startTime: number | bigint }): string {
  return `process ${pid} ${startTime}`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Puts the file system that was made as the so many-th at its place in the root. */
export function attachLines({ destination }: StepOf<'attachPrepared'>, index: number): string[] {
  return [`folder ${quote(destination)}`, `mount --bind ${preparedFolder(index)} "$root"${quote(destination)}`];
}

/** Where what shows a joined namespace is mounted as long as the root is not there. */
function preparedFolder(index: number): string {
  return `"$dir"/prepared/${index}`;
}

function preparedLines(mounts: readonly StepOf<'prepareMount'>[]): string[] {
  if (mounts.length === 0) return [];
  return [
    '# File systems that show what was joined: they may be made only by who has a say over it.',
    ...mounts.flatMap((mount, index) => {
      const place = preparedFolder(index);
      return [`mkdir -p ${place}`, mountLine({ ...mount, kind: 'mount', destination: '' }, place)];
    }),
  ];
}

/** What stays in the user namespace around the container's until that is ready; `forks`: nsenter(1) goes on as a child. */
function outsideLines(plan: Plan, cable: Cable | undefined, forks: boolean): string[] {
  const ids = stepOf(plan, 'mapIds');
  return [
    ...(cable?.before ?? []),
    'rm -f "$dir/mapped"; mkfifo "$dir/mapped"',
    '(',
    ...indent([
      'pid=$$; trap \'kill -KILL "$pid"\' EXIT',
      ...(forks
        ? [
            '# Who joins a pid namespace goes on as a child.',
            'self=$BASHPID',
            `until pid=$(tr ' ' '\\n' < "/proc/$$/task/$$/children" | grep -vx -e "$self" -e ''); do pid=$$; kill -0 "$$"; sleep 0.02; done`,
          ]
        : []),
      'until [ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.02; done',
      '# Which ids inside are which of this user namespace: in one write, which the printf of bash does not do.',
      `env printf %s ${quote(ids?.uidMap ?? '')} > "/proc/$pid/uid_map"`,
      ...(ids?.setgroups === 'deny' ? ['printf deny > "/proc/$pid/setgroups"'] : []),
      `env printf %s ${quote(ids?.gidMap ?? '')} > "/proc/$pid/gid_map"`,
      ...(cable?.during ?? []),
      'trap - EXIT; echo > "$dir/mapped"',
    ]),
    ') < /dev/null &',
    ...(cable?.after ?? []),
  ];
}

interface Cable {
  /** A process in the network. */
  anchor: ProcessIdentity;
  before: string[];
  /** While the new network namespace waits. */
  during: string[];
  /** When it is begun. */
  after: string[];
}

/** A veth pair can be made only by who has a say over both network namespaces. */
function cableOf(plan: Plan): Cable | undefined {
  const [veth, network] = [stepOf(plan, 'makeVeth'), stepOf(plan, 'setNamespaces')];
  if (veth === undefined || network === undefined) return undefined;
  const anchor = { pid: network.pid, startTime: Number(network.startTime) };
  const held: Held = { fd: firstHeld, pid: anchor.pid, name: 'net' };
  const ip = `nsenter ${heldOption(held)} -- ip`;
  // Those of all runs of the container begin alike, and end in what is drawn for each.
  const ports = veth.name.replace(/[^-]*$/, '');
  const hardware = [...veth.mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return {
    anchor,
    before: [
      `exec ${opening(held)}; ${check(anchor)}`,
      `if ${ip} -o link show type veth | grep -q ${quote(`: ${ports}`)}; then`,
      "  echo 'Stop the container first: this has its address in the network.' >&2; exit 1",
      'fi',
    ],
    during: [
      '# A cable, one end in the container and the other at the bridge.',
      `${ip} link add ${quote(veth.name)} type veth peer name ${quote(veth.peer)} address ${hardware} netns "$pid"`,
      `${ip} link set ${quote(veth.name)} master ${quote(veth.bridge)} up`,
    ],
    after: [`exec ${closing(held)}`],
  };
}
