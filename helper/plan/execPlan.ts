import type { oci, ProcessIdentity } from '../protocol/index.js';
import { CLONE_NEWPID, namespaceFlags } from './constants.js';
import { type CgroupPlan, type DeniedPlan, deniedSteps, type MonitorPlan, monitorStep } from './containerPlan.js';
import { executeSteps, privilegeSteps } from './processSteps.js';
import type { Plan } from './step.js';

export interface ExecPlanInput {
  /** The container's init, whose namespaces are entered. */
  target: ProcessIdentity;
  /** Namespaces the container has of its own; entering one already shared is an error for user namespaces (EINVAL). */
  namespaces: readonly oci.NamespaceType[];
  process: oci.Process;
  identity: readonly oci.IdMapping[];
  seccomp: Uint8Array;
  denied?: DeniedPlan | undefined;
  monitor: MonitorPlan;
  cgroup: Pick<CgroupPlan, 'cloneInto' | 'afterClone' | 'eventsFile'>;
  stdin: boolean;
  /** Where the root is in the container's mount namespace, if it was only entered by chroot(2); else it is `/`. */
  chroot?: string | undefined;
}

/** The plan that starts one more process in a running container. Pure. */
export function execPlan(input: ExecPlanInput): Plan {
  const { target } = input;
  const flags = input.namespaces.reduce((all, type) => all | namespaceFlags[type], 0);
  const atFork = flags & CLONE_NEWPID;
  const startTime = BigInt(target.startTime);
  return [
    monitorStep(input.monitor, input.cgroup.eventsFile),
    ...deniedSteps(input.denied),
    // A pid namespace is entered by being born in it: the monitor joins for its children and stays outside.
    ...(atFork === 0 ? [] : [{ kind: 'setNamespaces', pid: target.pid, startTime, flags: atFork } as const]),
    ...(input.process.terminal === true ? [] : [{ kind: 'makePipes', stdin: input.stdin ? 1 : 0 } as const]),
    { kind: 'clone', flags: 0, cgroup: input.cgroup.cloneInto },
    ...input.cgroup.afterClone,
    // CVE-2016-9962: from here on the container could look at this process.
    { kind: 'setDumpable', value: 0 },
    { kind: 'setNamespaces', pid: target.pid, startTime, flags: flags & ~atFork },
    { kind: 'setRoot', path: input.chroot ?? '/' },
    ...(input.chroot === undefined ? [] : [{ kind: 'chroot' } as const]),
    ...privilegeSteps({
      process: input.process,
      seccomp: input.seccomp,
      seccompFlags: input.denied?.flags,
      identity: input.identity,
    }),
    ...executeSteps(input.process, { kind: 'execute', supervise: false }),
  ];
}
