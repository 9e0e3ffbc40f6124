import type { Plan, StepKind, StepOf } from '../plan/step.js';
import { capabilityNamesOf } from '../protocol/index.js';
import { quote } from './scriptWords.js';

/**
 * The last lines: change the root, drop privileges, run the command. Once the root is changed no program of this machine
 * can be found, and none of the image is to be run for us. So the command waits as a bash of this machine that has its
 * privileges dropped already; another one changes the root, for all that have the old one, and unmounts it.
 */
export function executeLines(plan: Plan): string[] {
  const execution = stepOf(plan, 'execute');
  const [args, env] = execution === undefined ? [['sh'], stayEnvironment] : [execution.args, execution.env];
  const drop = `setpriv ${privilegeOptions(plan)} -- env -i ${env.map(quote).join(' ')}`;
  const command = args.map(quote).join(' ');
  const filter = stepOf(plan, 'installSeccomp');
  const comments = [
    '# Drop capabilities, become the user, run the command with an environment of its own.',
    ...(filter === undefined ? [] : ['# The seccomp filter is left out: util-linux 2.38 has no tool that loads one.']),
  ];
  if (stepOf(plan, 'chroot') !== undefined) {
    return [
      ...comments,
      '# Only where paths start changes: everything else of the host is still there.',
      `exec ${drop} "$(command -v chroot)" "$root" ${command}`,
    ];
  }
  const folder = quote(stepOf(plan, 'changeDirectory')?.path ?? '/');
  return [
    'rm -f "$dir/ready" "$dir/gone"; mkfifo "$dir/ready" "$dir/gone"; exec 8<> "$dir/ready" 9<> "$dir/gone"',
    '(',
    '  trap "echo failed >&9" EXIT',
    '  # The old root stays open here, so that its umount can be run, by its loader, when it is no longer at /.',
    '  exec 7< /',
    '  umount=$(realpath "$(command -v umount)") libraries= loader=',
    `  for file in $(ldd "$umount" | grep -o '/[^ ]*'); do`,
    '    file=$(realpath "$file")',
    '    libraries=$libraries:/proc/self/fd/7$(dirname "$file")',
    '    case $file in */ld-*) loader=$file ;; esac',
    '  done',
    '  read -ru 8',
    '  # The new root becomes the root; the old one, now on top of it, is detached.',
    '  cd "$root"; pivot_root . .',
    '  "/proc/self/fd/7$loader" --library-path "$libraries" "/proc/self/fd/7$umount" -l .',
    '  trap - EXIT; echo gone >&9',
    ') &',
    'cd /',
    ...comments,
    `exec ${drop} "$BASH" -c '`,
    '  echo >&8; read -ru 9 word; exec 8<&- 9<&-; [ "$word" = gone ] || exit 125',
    '  cd "$1"; shift; unset word PWD OLDPWD SHLVL; exec "$@"',
    `' bash ${folder} ${command}`,
  ];
}

const stayEnvironment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];

function privilegeOptions(plan: Plan): string {
  const ids = stepOf(plan, 'setIds');
  const names = capabilityNamesOf(stepOf(plan, 'limitBoundingSet')?.keep ?? 0n).map(
    (name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`,
  );
  const others = ids === undefined ? [] : new Uint32Array(Uint8Array.from(ids.groups).buffer);
  const groups = ids?.setgroups !== 1 ? '--keep-groups' : others.length === 0 ? '--clear-groups' : `--groups ${others}`;
  return [
    `--bounding-set ${['-all', ...names].join(',')} --inh-caps -all`,
    ...(ids === undefined ? [] : [`--reuid ${ids.uid} --regid ${ids.gid} ${groups}`]),
    ...(stepOf(plan, 'setNoNewPrivileges') === undefined ? [] : ['--no-new-privs']),
  ].join(' ');
}

function stepOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K> | undefined {
  return plan.find((step): step is StepOf<K> & Plan[number] => step.kind === kind);
}
