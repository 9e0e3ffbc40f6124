import * as kernel from '../plan/constants.js';
import type { Plan } from '../plan/step.js';
import { capabilities, capabilityNamesOf } from '../protocol/index.js';
import { check, nsenterOptions, processFunction } from './scriptAround.js';
import { privilegeOptions } from './scriptExecution.js';
import { quote } from './scriptWords.js';
import { stepOf } from './stepOf.js';

/** What a plan enters, as far as it is of a process. */
export interface Entry {
  pid: number;
  startTime: bigint;
  /** CLONE_NEW* of the namespaces. */
  flags: number;
  /** The others are entered by the user namespace that is so many generations above the process's own. */
  ancestor?: number;
}

/** Undefined for a plan that enters nothing. Pure. */
export function entryOf(plan: Plan): Entry | undefined {
  const entries = plan.flatMap((step): Entry[] => {
    if (step.kind === 'setNamespaces') return [step];
    if (step.kind !== 'openNamespace' || step.pid === 0) return [];
    const { pid, startTime, type, ancestor } = step;
    return [{ pid, startTime, ...(ancestor === 0 ? { flags: type } : { flags: 0, ancestor }) }];
  });
  const [first] = entries;
  const ancestor = entries.find((one) => one.ancestor !== undefined)?.ancestor;
  const flags = entries.reduce((all, one) => all | one.flags, 0);
  return (
    first && { pid: first.pid, startTime: first.startTime, flags, ...(ancestor === undefined ? {} : { ancestor }) }
  );
}

/** Entering by hand: one command of util-linux, with the same user, folder, environment and, where setpriv is, privileges. Pure. */
export function enterLines(plan: Plan): string[] {
  const entry = entryOf(plan);
  const execution = stepOf(plan, 'execute');
  if (entry === undefined || execution === undefined) return [];
  const { pid, flags, ancestor } = entry;
  const folder = stepOf(plan, 'changeDirectory')?.path ?? '/';
  const hasTools = stepOf(plan, 'pivotRoot') !== undefined;
  const nsenter = '"$(command -v nsenter)"';
  return [
    ...processFunction,
    check(entry),
    ...(hasTools ? ['# The root of its tools is not part of this: nsenter has none.'] : []),
    ...privilegeLines(plan, entry),
    ...(ancestor === undefined ? [] : aroundLines(pid, ancestor)),
    '# Enter the namespaces of the running process, as the user inside.',
    [
      `exec env -i ${execution.env.map(quote).join(' ')}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's array, not ours
      ...(ancestor === undefined ? [] : ['"${around[@]}"']),
      `${nsenter} --target ${pid} ${nsenterOptions(flags)}`,
      ...(stepOf(plan, 'enterRoot') === undefined || hasTools ? [] : ['--root']),
      ...(hasTools ? [] : [`--wdns=${quote(folder)}`]),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's array, not ours
      '$ids -- "${drop[@]}"',
      ...execution.args.map(quote),
    ].join(' '),
    '',
  ];
}

/** NS_GET_PARENT of ioctl_ns(2), for which there is no command. */
const getParent = '0xb702';

/** Puts what enters a user namespace that no process need be in into the array `around`. */
function aroundLines(pid: number, ancestor: number): string[] {
  return [
    '# The user namespace around its own, where the right to enter the others can be had: ioctl_ns(2).',
    'around=("$(command -v perl)" -MFcntl -e \'',
    '  my ($process, $above, @command) = @ARGV; my @held;',
    '  open($held[0], "<", "/proc/$process/ns/user") or die "$!\\n";',
    `  for (1 .. $above) { open($held[$_], "<&=", ioctl($held[$_ - 1], ${getParent}, 0) || die "$!\\n") or die "$!\\n"; }`,
    '  fcntl($held[-1], F_SETFD, 0); my $fd = fileno($held[-1]);',
    '  exec("nsenter", "--user=/proc/self/fd/$fd", "--preserve-credentials", "--",',
    '    "bash", "-c", "exec $fd<&-; exec \\"\\$@\\"", "bash", @command) or die "$!\\n"',
    `' ${pid} ${ancestor})`,
  ];
}

/**
 * Puts the options by which nsenter(1) takes the user into `ids`, and what drops privileges into the array `drop`: a program of
 * what is entered, where that has a root of its own.
 */
function privilegeLines(plan: Plan, { pid, flags }: Entry): string[] {
  const ids = stepOf(plan, 'setIds');
  const [uid, gid] = [ids?.uid ?? 0, ids?.gid ?? 0];
  const isRoot = ids !== undefined && uid === 0 && gid === 0;
  // nsenter sets groups along with an id, which is denied where a single id is mapped: that is you, as you are.
  const hasGroups = ids?.setgroups === 1;
  const user = !hasGroups || isRoot ? '--preserve-credentials' : `--setuid ${uid} --setgid ${gid}`;
  const plain = [`ids='${user}' drop=()`];
  const denied = stepOf(plan, 'setNoNewPrivileges') !== undefined;
  const keep = stepOf(plan, 'limitBoundingSet')?.keep ?? 0n;
  const isFull = capabilityNamesOf(keep).length === capabilities.length;
  // Who is not root there loses all capabilities with the next execve(2), also that to drop more.
  const isAble = hasGroups || isRoot;
  if (!denied && (isFull || !isAble)) return plain;
  const setpriv = `${(flags & kernel.CLONE_NEWNS) === 0 ? '' : `/proc/${pid}/root`}/usr/bin/setpriv`;
  const taken = hasGroups ? "ids='--setuid 0 --setgid 0' " : '';
  return [
    isAble
      ? '# Capabilities are dropped, and the user taken, by the setpriv of what is entered.'
      : '# Who is not root there has no capabilities, and cannot drop any from the bounding set, either.',
    ...plain,
    `if [ -x ${setpriv} ]; then ${taken}drop=(/usr/bin/setpriv ${isAble ? privilegeOptions(plan) : '--no-new-privs'} --)`,
    "else echo 'Privileges are kept: there is no setpriv to drop them.' >&2; fi",
  ];
}
