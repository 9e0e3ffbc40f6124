/** Inputs of plans: a container on an image's root with everything at its default, and a way to change one thing. */
import type { ContainerPlanInput } from '../../../helper/plan/containerPlan.js';
import type { Plan, StepKind, StepOf } from '../../../helper/plan/step.js';
import type { ContainerSpecification } from '../../../helper/protocol/index.js';
import { completeConfig, type SpecificationFacts } from '../../../helper/specification/complete.js';
import { decideIdentity } from '../../../helper/zygote/identity.js';

export const rangeIdentity = decideIdentity(
  { uid: 1500, gid: 1500 },
  { uids: { start: 100_000, count: 65_536 }, gids: { start: 100_000, count: 65_536 }, mapTools: true },
);
export const singleIdentity = decideIdentity({ uid: 1500, gid: 1500 }, { mapTools: false });

export const facts: SpecificationFacts = {
  name: 'quiet-fern',
  rootPath: '/data/containers/0123456789ab/rootfs',
  identity: rangeIdentity,
  user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
  cgroupMount: false,
  hostQueues: true,
};

export const onImage: ContainerSpecification = { root: { kind: 'image', name: 'busybox' }, args: ['sh', '-c', 'id'] };

/** What the helper would plan for a specification. */
export function planInput(
  specification: ContainerSpecification = {},
  changes: Partial<ContainerPlanInput> = {},
  known: Partial<SpecificationFacts> = {},
): ContainerPlanInput {
  return {
    config: completeConfig({ ...onImage, ...specification }, { ...facts, ...known }),
    root: {
      path: facts.rootPath,
      content: {
        kind: 'layered',
        layers: { lower: ['/image'], writable: { upper: '/c/upper', work: '/c/work' }, volatile: false },
      },
    },
    monitor: { directory: '/c/runs/1', socket: '/run/c-1.sock', outputLimit: 65_536 },
    cgroup: { beforeClone: [], cloneInto: '', afterClone: [], eventsFile: '' },
    execution: { kind: 'execute', supervise: false },
    seccomp: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    chroot: specification.chroot ?? false,
    stdin: false,
    ...changes,
  };
}

/** Every step of a kind. */
export function stepsOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K>[] {
  return plan.filter((step): step is Extract<typeof step, { kind: K }> & StepOf<K> => step.kind === kind);
}

/** The one step of a kind; fails when there is none or more. */
export function stepOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K> {
  const [step, ...more] = stepsOf(plan, kind);
  if (step === undefined || more.length > 0) throw new Error(`${step === undefined ? 0 : 1 + more.length} × ${kind}`);
  return step;
}
