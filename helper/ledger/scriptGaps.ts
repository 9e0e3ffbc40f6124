import type { Plan, Step, StepKind } from '../plan/step.js';
import { explain } from './explain.js';

/** What the script does as the stage does it, and what only tells the stage where things are. */
const rendered: ReadonlySet<StepKind> = new Set<StepKind>([
  ...(['makeDirectory', 'makeFile', 'symlink', 'writeFile', 'makeCgroup', 'unshare', 'clone', 'mapIds'] as const),
  ...(['joinCgroup', 'setPropagation', 'mount', 'bind', 'maskPath', 'readonlyPath', 'setRoot', 'pivotRoot'] as const),
  ...(['chroot', 'setRootAttributes', 'setHostname', 'setDomainname', 'bringUp', 'setRlimit'] as const),
  ...(['setNamespaces', 'holdNamespaces', 'checkUserNamespace', 'prepareMount', 'attachPrepared'] as const),
  ...(['addAddress', 'addDefaultRoute'] as const),
  ...(['limitBoundingSet', 'setIds', 'setCapabilities', 'setNoNewPrivileges', 'changeDirectory'] as const),
  // Its own folders are new: there is nothing to remove in them.
  'removeTree',
]);

/** How the script's outcome differs from the plan's, in sentences for people; none when it does not. Pure. */
export function gapsOf(plan: Plan): string[] {
  const gaps = plan.flatMap((step) => (rendered.has(step.kind) ? (partlyOf(step) ?? []) : gapOf(step)));
  const hasRoot = plan.some(({ kind }) => kind === 'setRoot');
  return [
    ...new Set(gaps),
    ...(hasRoot
      ? ['Links in the root are looked at before something is mounted there, not while: nothing else may change it.']
      : []),
  ];
}

/** Of steps that the script does but for a part. */
function partlyOf(step: Step): string | undefined {
  switch (step.kind) {
    case 'makeCgroup':
      return 'Its cgroup lies beside that of the container, and stays: remove it with rmdir when the command has ended.';
    case 'bind':
      return step.recursive === 1 && step.attributes !== 0
        ? 'Of several mounts at one place in a bound folder only the topmost, which is the one that is seen, gets its options.'
        : undefined;
    case 'writeFile':
      return step.path.endsWith('/timens_offsets') && /^\S+ -?\d+ 0*[1-9]/m.test(step.data)
        ? 'Clocks are shifted by whole seconds.'
        : undefined;
    default:
      return undefined;
  }
}

function gapOf(step: Step): string[] {
  switch (step.kind) {
    case 'monitor':
    case 'makePipes':
    case 'shareCgroups':
      return ['There is no monitor: output goes to where the script was started, and nobody keeps the exit status.'];
    case 'openTerminal':
      return ['It has the terminal that the script was started in, not one of its own.'];
    case 'setSession':
      return ['It stays in the session of the shell that started it.'];
    case 'installSeccomp':
      return ['The seccomp filter is loaded by perl: where that is missing, the command runs without one.'];
    case 'execute':
      return step.supervise === 1 ? ['Process 1 is the command itself, not an init that reaps orphans.'] : [];
    case 'stayInit':
      return ['It runs sh, where the container has an init of ours that stays.'];
    case 'makeVeth':
      return ['It has the address of the container in the network: it begins only while that is not connected.'];
    default: {
      const { purpose, without } = explain(step);
      return [`Left out: ${purpose} Without it, ${without}.`];
    }
  }
}
