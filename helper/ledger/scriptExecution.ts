import * as kernel from '../plan/constants.js';
import type { Plan, StepOf } from '../plan/step.js';
import { capabilityNamesOf } from '../protocol/index.js';
import { filterLines } from './scriptFilter.js';
import { quote } from './scriptWords.js';
import { stepOf } from './stepOf.js';

/**
 * The last lines: change the root, drop privileges, run the command. Once the root is changed no program of this machine
 * can be found, and none of the image is to be run for us. So the command waits as a bash of this machine that has its
 * privileges dropped already; another one changes the root, for all that have the old one, and unmounts it.
 */
export function executeLines(plan: Plan): string[] {
  const execution = stepOf(plan, 'execute');
  const [args, env] = execution === undefined ? [['sh'], stayEnvironment] : [execution.args, execution.env];
  const command = args.map(quote).join(' ');
  const folder = stepOf(plan, 'changeDirectory')?.path ?? '/';
  const filter = stepOf(plan, 'installSeccomp');
  const umask = stepOf(plan, 'setIds')?.umask;
  const isChroot = stepOf(plan, 'chroot') !== undefined;
  const preparation = [
    ...(filter === undefined ? [] : filterLines(filter, isChroot ? '$(borrow perl)' : 'perl')),
    ...(umask === undefined ? [] : [`umask ${umask.toString(8).padStart(4, '0')}`]),
    '# Set limits, drop capabilities, become the user, run the command with an environment of its own.',
  ];
  const environment = `env -i ${env.map(quote).join(' ')}`;
  if (isChroot) return [...borrowingLines, ...preparation, ...chrootLines(plan, environment, folder, command)];
  return [
    'rm -f "$dir/ready" "$dir/gone"; mkfifo "$dir/ready" "$dir/gone"; exec 8<> "$dir/ready" 9<> "$dir/gone"',
    '(',
    '  trap "echo failed >&9" EXIT',
    ...[...borrowingLines, 'umount=$(borrow umount)', 'read -ru 8'].map((line) => `  ${line}`),
    '  # The new root becomes the root; the old one, now on top of it, is detached.',
    '  cd "$root"; pivot_root . .',
    '  $umount -l .',
    '  trap - EXIT; echo gone >&9',
    ') &',
    'cd /',
    ...preparation,
    `exec ${droppedTo(plan, `${environment} "$BASH"`)} -c '`,
    '  echo >&8; read -ru 9 word; exec 8<&- 9<&-; [ "$word" = gone ] || exit 125',
    '  cd "$1"; shift; unset word PWD OLDPWD SHLVL; exec "$@"',
    `' bash ${quote(folder)} ${command}`,
  ];
}

/** What gives a program of this machine as words to run it by when it can no longer be found at its place. */
const borrowingLines: readonly string[] = [
  '# The old root stays open here, so that a program of it can be run, by its loader, when it is no longer at /.',
  'exec 7< /',
  'borrow() {',
  '  local program libraries= loader= file',
  '  program=$(realpath "$(command -v "$1")")',
  `  for file in $(ldd "$program" | grep -o '/[^ ]*'); do`,
  '    file=$(realpath "$file")',
  '    libraries=$libraries:/proc/self/fd/7$(dirname "$file")',
  '    case $file in */ld-*) loader=$file ;; esac',
  '  done',
  '  echo "/proc/self/fd/7$loader --library-path $libraries /proc/self/fd/7$program"',
  '}',
];

/** chroot(2) needs a capability that may be dropped, so it comes first; what drops them is then borrowed. */
function chrootLines(plan: Plan, environment: string, folder: string, command: string): string[] {
  return [
    '# Only where paths start changes: everything else of the host is still there.',
    `inside ${quote(folder)}`,
    `exec ${environment} "$(command -v nsenter)" --root="$root" --wd="$root"${quote(folder)} -- \\`,
    `  ${droppedTo(plan, '$(borrow bash)', '$(borrow ')} -c 'exec 7<&-; unset PWD OLDPWD SHLVL; exec "$@"' bash ${command}`,
  ];
}

const stayEnvironment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];

/** The command with limits set and privileges dropped before it; `borrow`: by programs that are to be borrowed. */
function droppedTo(plan: Plan, command: string, borrow?: string): string {
  const program = (name: string) => (borrow === undefined ? name : `${borrow}${name})`);
  const limits = plan.flatMap((step) => (step.kind === 'setRlimit' ? [limitOption(step)] : []));
  const hasFilter = stepOf(plan, 'installSeccomp') !== undefined;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's array, not ours
  const load = hasFilter ? ['"${load[@]}"'] : [];
  const isPrivileged = stepOf(plan, 'setNoNewPrivileges') === undefined;
  return [
    ...(limits.length === 0 ? [] : [program('prlimit'), ...limits]),
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that is given up.
    ...(isPrivileged ? load : []),
    `${program('setpriv')} ${privilegeOptions(plan)} --`,
    ...(isPrivileged ? [] : load),
    command,
  ].join(' ');
}

/** As prlimit(1) takes it: `--nofile=64:128`. */
function limitOption({ resource, soft, hard }: StepOf<'setRlimit'>): string {
  const name = Object.entries(kernel.rlimitNumbers).find(([, number]) => number === resource)?.[0] ?? '';
  return `--${name.replace('RLIMIT_', '').toLowerCase()}=${soft}:${hard}`;
}

/** The options of setpriv(1) for what a plan leaves its process of ids and capabilities. */
export function privilegeOptions(plan: Plan): string {
  const ids = stepOf(plan, 'setIds');
  const others = ids === undefined ? [] : new Uint32Array(Uint8Array.from(ids.groups).buffer);
  const groups = ids?.setgroups !== 1 ? '--keep-groups' : others.length === 0 ? '--clear-groups' : `--groups ${others}`;
  const sets = stepOf(plan, 'setCapabilities');
  const ambient = sets?.ambient ?? 0n;
  return [
    `--bounding-set ${capabilityOption(stepOf(plan, 'limitBoundingSet')?.keep ?? 0n)}`,
    `--inh-caps ${capabilityOption(sets?.inheritable ?? 0n)}`,
    ...(ambient === 0n ? [] : [`--ambient-caps ${capabilityOption(ambient)}`]),
    ...(ids === undefined ? [] : [`--reuid ${ids.uid} --regid ${ids.gid} ${groups}`]),
    ...(stepOf(plan, 'setNoNewPrivileges') === undefined ? [] : ['--no-new-privs']),
  ].join(' ');
}

/** Exactly this set, as setpriv(1) takes it: `-all,+chown`. */
function capabilityOption(set: bigint): string {
  const names = capabilityNamesOf(set).map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`);
  return ['-all', ...names].join(',');
}
