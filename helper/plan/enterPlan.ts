import type { oci, ProcessIdentity } from '../protocol/index.js';
import { CLONE_NEWNS, MS_PRIVATE, MS_REC, MS_SLAVE, namespaceFlags } from './constants.js';
import { type CgroupPlan, type DeniedPlan, deniedSteps, type MonitorPlan, monitorStep } from './containerPlan.js';
import { executeSteps, privilegeSteps } from './processSteps.js';
import type { Plan, Step } from './step.js';

/** A namespace to enter: that of the target, or so many generations above it. */
export interface EnteredNamespace {
  type: oci.NamespaceType;
  inode: number;
  ancestor: number;
}

/** By which user namespace the others are entered: see helper/entering/way.ts. */
export interface Way {
  /** A user namespace that gives a say over the others. */
  first?: EnteredNamespace;
  others: readonly EnteredNamespace[];
  /** The user namespace that the process is to be in. */
  last?: EnteredNamespace;
}

/** The root of somebody else's tools: see helper/entering/tools.ts. */
export interface ToolsRoot {
  /** A folder of ours, on which `steps` mount it; after them paths of steps are inside of it. */
  path: string;
  steps: readonly Step[];
}

/** Where the target's root is for who has brought tools. */
export const targetFolder = '/target';

export interface EnterPlanInput {
  target: ProcessIdentity;
  way: Way;
  /** Without a user the ids stay as they are: nobody is mapped. */
  process: Omit<oci.Process, 'user'> & { user?: oci.User | undefined };
  /** gidMappings of the user namespace that it will be in; one extent where setgroups(2) is denied. */
  identity: readonly oci.IdMapping[];
  seccomp: Uint8Array;
  denied?: DeniedPlan | undefined;
  monitor: MonitorPlan;
  cgroup: Pick<CgroupPlan, 'cloneInto' | 'afterClone'>;
  stdin: boolean;
  /** Whose devpts gives the terminal: that of what is entered, or the machine's. */
  terminal: 'target' | 'machine';
  tools?: ToolsRoot | undefined;
}

/** The plan that starts a process in chosen namespaces of any other. Pure. */
export function enterPlan(input: EnterPlanInput): Plan {
  const { way, target } = input;
  const held = [...(way.first ? [way.first] : []), ...way.others, ...(way.last ? [way.last] : [])];
  const slotOf = (namespace: EnteredNamespace) => held.indexOf(namespace);
  const [rootSlot, viewSlot] = [held.length, held.length + 1];
  const mount = way.others.find(({ type }) => type === 'mount');
  const process = { ...input.process, user: input.process.user ?? { uid: 0, gid: 0 } };
  const isOfMachine = process.terminal === true && input.terminal === 'machine';
  const enter = (namespace: EnteredNamespace): Step => ({
    kind: 'enterNamespace',
    slot: slotOf(namespace),
    type: namespaceFlags[namespace.type],
  });
  const openTerminal: Step = {
    kind: 'openTerminal',
    rows: process.consoleSize?.height ?? 24,
    columns: process.consoleSize?.width ?? 80,
  };
  const inMountNamespace: Step[] =
    mount === undefined
      ? [{ kind: 'setRoot', path: '/' }]
      : input.tools === undefined
        ? [enter(mount), { kind: 'enterRoot', slot: rootSlot }, { kind: 'setRoot', path: '/' }]
        : toolsSteps(input.tools, viewSlot, [enter(mount), { kind: 'enterRoot', slot: rootSlot }]);
  return [
    monitorStep(input.monitor, ''),
    ...deniedSteps(input.denied),
    ...(process.terminal === true ? [] : [{ kind: 'makePipes', stdin: input.stdin ? 1 : 0 } as const]),
    { kind: 'clone', flags: 0, cgroup: input.cgroup.cloneInto },
    ...input.cgroup.afterClone,
    // CVE-2016-9962: from here on those inside could look at this process.
    { kind: 'setDumpable', value: 0 },
    ...held.map(
      (namespace, slot): Step => ({
        kind: 'openNamespace',
        slot,
        pid: target.pid,
        startTime: BigInt(target.startTime),
        type: namespaceFlags[namespace.type],
        ancestor: namespace.ancestor,
        inode: BigInt(namespace.inode),
      }),
    ),
    ...(mount === undefined
      ? []
      : [{ kind: 'openRoot', slot: rootSlot, pid: target.pid, startTime: BigInt(target.startTime) } as const]),
    ...(way.first === undefined ? [] : [enter(way.first)]),
    ...way.others.filter((namespace) => namespace !== mount).map(enter),
    ...(way.others.some(({ type }) => type === 'pid') ? [{ kind: 'fork' } as const] : []),
    // After the fork: a session whose leader ends loses its terminal.
    ...(isOfMachine ? [openTerminal] : []),
    ...inMountNamespace,
    ...(way.last === undefined ? [] : [enter(way.last)]),
    ...privilegeSteps({
      process,
      seccomp: input.seccomp,
      seccompFlags: input.denied?.flags,
      identity: input.identity,
    }).filter(
      ({ kind }) =>
        !(kind === 'openTerminal' && isOfMachine) && !(kind === 'setIds' && input.process.user === undefined),
    ),
    ...executeSteps(process, { kind: 'execute', supervise: false }),
  ];
}

/** What a process sees of the target where the tools' root has it too. The last ones name the machine as the target knows it. */
const borrowed = ['proc', 'sys', 'dev', 'etc/passwd', 'etc/group', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf'];

/**
 * A mount namespace of its own, with the tools' root as `/` and a copy of the target's mounts in it. The copy is taken in a
 * copy of the target's namespace, which is then left, so that nothing shows there.
 */
function toolsSteps(tools: ToolsRoot, viewSlot: number, enterTarget: readonly Step[]): Step[] {
  return [
    { kind: 'unshare', flags: CLONE_NEWNS },
    { kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE },
    { kind: 'openNamespace', slot: viewSlot, pid: 0, startTime: 0n, type: CLONE_NEWNS, ancestor: 0, inode: 0n },
    ...enterTarget,
    { kind: 'unshare', flags: CLONE_NEWNS },
    // A slave: what is mounted in the target later shows here, and nothing that is mounted here shows there.
    { kind: 'cloneMount', source: '/', recursive: 1, attributes: 0, propagation: MS_SLAVE | MS_REC },
    { kind: 'enterNamespace', slot: viewSlot, type: CLONE_NEWNS },
    ...tools.steps,
    { kind: 'attachMount', destination: targetFolder },
    ...borrowed.map(
      (name): Step => ({
        kind: 'bind',
        source: `${tools.path}${targetFolder}/${name}`,
        destination: `/${name}`,
        recursive: 1,
        attributes: 0,
        propagation: 0,
        device: 0n,
        // The target may lack it, or have a link there, which is not followed.
        tolerate: 'any',
      }),
    ),
    { kind: 'pivotRoot' },
  ];
}
