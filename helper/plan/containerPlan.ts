import type { oci, ProcessIdentity } from '../protocol/index.js';
import { nestedMap } from '../zygote/identity.js';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
  makeDevice,
  namespaceFlags,
  PROC_SUPER_MAGIC,
} from './constants.js';
import { parseMountOptions } from './mountOptions.js';
import { type Connection, connectAfterClone, connectBeforeClone, connectInside } from './networkSteps.js';
import { type Execution, executeSteps, privilegeSteps } from './processSteps.js';
import { type RootPlan, rootSteps } from './rootSteps.js';
import type { Plan, Step } from './step.js';

/** Steps that put the process into its cgroup: see helper/cgroup/plan.ts. */
export interface CgroupPlan {
  beforeClone: readonly Step[];
  cloneInto: string;
  afterClone: readonly Step[];
  eventsFile: string;
}

export interface MonitorPlan {
  directory: string;
  socket: string;
  outputLimit: number;
}

/** Some namespaces of a process. */
export interface Join {
  process: ProcessIdentity;
  types: readonly oci.NamespaceType[];
}

/** For a filter whose refusals the monitor counts. */
export interface DeniedPlan {
  file: string;
  /** Of seccomp(2), to have a listener. */
  flags: number;
}

export interface ContainerPlanInput {
  config: oci.Config;
  root: RootPlan;
  monitor: MonitorPlan;
  cgroup: CgroupPlan;
  execution: Execution;
  /** Compiled filter, empty for none. */
  seccomp: Uint8Array;
  /** Whose namespaces it joins. */
  joins?: readonly Join[];
  /** Where what it refuses is counted. */
  denied?: DeniedPlan | undefined;
  /** Who has the user namespace that it is made in, if that is not Terrarium’s: it has no other. */
  foreign?: ProcessIdentity | undefined;
  /** In the pid namespace of other containers: what it leaves running there ends with it. */
  sharesPids?: boolean;
  /** File that its monitor keeps locked: the holder of its pod stays until then. */
  lease?: string | undefined;
  /** The named network that it is connected to. */
  connection?: Connection | undefined;
  /** Only chroot(2), to show what it does not do. */
  chroot: boolean;
  /** Give standard input a pipe; else /dev/null. */
  stdin: boolean;
}

/** Made later, by unshare(2): a time namespace before the first process, a cgroup namespace from inside the cgroup. */
const unshared: readonly oci.NamespaceType[] = ['cgroup', 'time'];

/** File systems that show a namespace, and are to be made only by who owns it. */
const shownBy: ReadonlyMap<string, oci.NamespaceType> = new Map([
  ['proc', 'pid'],
  ['sysfs', 'network'],
  ['mqueue', 'ipc'],
  ['cgroup2', 'cgroup'],
]);

const devices: readonly [string, number, number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];

const deviceLinks: readonly [string, string][] = [
  ['/proc/self/fd', '/dev/fd'],
  ['/proc/self/fd/0', '/dev/stdin'],
  ['/proc/self/fd/1', '/dev/stdout'],
  ['/proc/self/fd/2', '/dev/stderr'],
  ['pts/ptmx', '/dev/ptmx'],
];

/** The plan that makes a container from its configuration. Pure. */
export function containerPlan(input: ContainerPlanInput): Plan {
  const { config, connection, joins = [] } = input;
  const joined = (type: oci.NamespaceType) => joins.some(({ types }) => types.includes(type));
  const made = config.linux.namespaces.flatMap(({ type }) => (joined(type) ? [] : type));
  const own = (type: oci.NamespaceType) => made.includes(type);
  const isPrepared = ({ type = '' }: oci.Mount) => joined(shownBy.get(type) ?? 'mount');
  // Nobody in a cgroup namespace can be put into a cgroup that cannot be seen from there. cgroup_namespaces(7)
  const cgroupLater = joined('cgroup') && input.cgroup.cloneInto !== '';
  const follows = config.mounts.some(followsHost);
  return [
    monitorStep(input.monitor, input.cgroup.eventsFile),
    ...deniedSteps(input.denied),
    ...(input.lease === undefined ? [] : [{ kind: 'useLease', path: input.lease } as const]),
    ...input.cgroup.beforeClone,
    ...(own('time') ? timeSteps(config) : []),
    ...(input.foreign === undefined
      ? []
      : [
          {
            kind: 'checkUserNamespace',
            pid: input.foreign.pid,
            startTime: BigInt(input.foreign.startTime),
          } as const,
        ]),
    ...joins.map(
      ({ process, types }): Step => ({
        kind: 'holdNamespaces',
        pid: process.pid,
        startTime: BigInt(process.startTime),
        flags: flagsOf(types),
      }),
    ),
    ...config.mounts.filter(isPrepared).map(prepareStep),
    ...(connection === undefined ? [] : connectBeforeClone(connection)),
    ...(config.process.terminal ? [] : [{ kind: 'makePipes', stdin: input.stdin ? 1 : 0 } as const]),
    {
      kind: 'clone',
      flags: flagsOf(made.filter((type) => !unshared.includes(type))),
      cgroup: cgroupLater ? '' : input.cgroup.cloneInto,
    },
    ...(own('user') ? mapSteps(config.linux.uidMappings ?? [], config.linux.gidMappings ?? []) : []),
    ...(input.sharesPids === true && joined('pid') && own('user') ? [{ kind: 'killLeft' } as const] : []),
    ...(cgroupLater ? [{ kind: 'joinCgroup', path: input.cgroup.cloneInto } as const] : []),
    ...input.cgroup.afterClone,
    ...(connection === undefined ? [] : connectAfterClone(connection)),
    ...(own('cgroup') ? [{ kind: 'unshare', flags: CLONE_NEWCGROUP } as const] : []),
    { kind: 'setPropagation', path: '/', flags: MS_REC | (follows ? MS_SLAVE : MS_PRIVATE) },
    ...rootSteps(input.root),
    ...config.mounts.flatMap((mount) => (isPrepared(mount) ? attachStep(mount) : mountSteps(mount, follows))),
    ...sysctlSteps(config.linux.sysctl ?? {}),
    ...(own('network') ? [{ kind: 'bringUp', interface: 'lo' } as const] : []),
    ...(connection === undefined ? [] : connectInside(connection)),
    ...config.linux.readonlyPaths.map((path): Step => ({ kind: 'readonlyPath', path, tolerate: 'missing' })),
    ...config.linux.maskedPaths.map((path): Step => ({ kind: 'maskPath', path, tolerate: 'missing' })),
    ...(own('uts') && config.hostname !== undefined ? [{ kind: 'setHostname', name: config.hostname } as const] : []),
    { kind: input.chroot ? 'chroot' : 'pivotRoot' },
    ...(config.root.readonly ? [{ kind: 'setRootAttributes', attributes: MOUNT_ATTR_RDONLY } as const] : []),
    ...privilegeSteps({
      process: config.process,
      seccomp: input.seccomp,
      seccompFlags: input.denied?.flags,
      identity: config.linux.gidMappings ?? [],
    }),
    ...executeSteps(config.process, input.execution),
  ];
}

const flagsOf = (types: readonly oci.NamespaceType[]): number =>
  types.reduce((flags, type) => flags | namespaceFlags[type], 0);

/** Makes of the zygote's fork the monitor of what follows. @param events the cgroup's event file, or nothing */
export function monitorStep({ directory, socket, outputLimit }: MonitorPlan, events: string): Step {
  return { kind: 'monitor', directory, socket, outputLimit: BigInt(outputLimit), events };
}

/** What the monitor has to know before a filter comes. */
export function deniedSteps(denied: DeniedPlan | undefined): Step[] {
  return denied === undefined ? [] : [{ kind: 'countDenied', path: denied.file }];
}

function timeSteps(config: oci.Config): Step[] {
  const { monotonic, boottime } = config.linux.timeOffsets ?? {};
  const lines = [
    ...(monotonic ? [`monotonic ${monotonic.secs} ${monotonic.nanosecs}\n`] : []),
    ...(boottime ? [`boottime ${boottime.secs} ${boottime.nanosecs}\n`] : []),
  ];
  // The offsets must be written before the first process is in the namespace; unshare(CLONE_NEWTIME) counts for children.
  return [
    { kind: 'unshare', flags: CLONE_NEWTIME },
    ...(lines.length === 0
      ? []
      : [
          {
            kind: 'writeFile',
            path: '/proc/self/timens_offsets',
            data: lines.join(''),
            magic: PROC_SUPER_MAGIC,
          } as const,
        ]),
  ];
}

function mapSteps(uids: readonly oci.IdMapping[], gids: readonly oci.IdMapping[]): Step[] {
  return [
    {
      kind: 'mapIds',
      uidMap: nestedMap(uids),
      gidMap: nestedMap(gids),
      // CVE-2014-8989: with a single id, leaving a group must not be possible, for a group can also take rights away.
      setgroups: gids.length > 1 ? 'allow' : 'deny',
    },
  ];
}

/** Whether what is mounted on the host later is to show in it: a copy of what was made private before never follows. */
function followsHost(mount: oci.Mount): boolean {
  return (parseMountOptions(mount.options ?? []).propagation & MS_SLAVE) !== 0;
}

function mountSteps(mount: oci.Mount, follows: boolean): Step[] {
  const options = parseMountOptions(mount.options ?? []);
  const { destination } = mount;
  if (options.bind || mount.type === 'bind') {
    return [
      {
        kind: 'bind',
        source: mount.source ?? '',
        destination,
        recursive: options.recursive ? 1 : 0,
        attributes: options.attributes,
        propagation: options.propagation === 0 && follows ? MS_REC | MS_PRIVATE : options.propagation,
        device: 0n,
        ...(options.mayFail ? ({ tolerate: 'any' } as const) : {}),
      },
    ];
  }
  const step: Step = {
    kind: 'mount',
    type: mount.type ?? 'none',
    source: mount.source ?? 'none',
    destination,
    attributes: options.attributes,
    data: options.data,
  };
  return destination === '/dev' ? [step, ...deviceSteps()] : [step];
}

function prepareStep({ type = '', source = type, options = [] }: oci.Mount): Step {
  const { attributes, data } = parseMountOptions(options);
  return { kind: 'prepareMount', type, source, attributes, data };
}

function attachStep({ destination }: oci.Mount): Step[] {
  return [{ kind: 'attachPrepared', destination }];
}

/** Device files cannot be made in a user namespace: the host's are bound, after a look at what they are. */
function deviceSteps(): Step[] {
  return [
    ...devices.map(
      ([name, major, minor]): Step => ({
        kind: 'bind',
        source: `/dev/${name}`,
        destination: `/dev/${name}`,
        recursive: 0,
        attributes: 0,
        propagation: 0,
        device: makeDevice(major, minor),
      }),
    ),
    ...deviceLinks.map(([target, path]): Step => ({ kind: 'symlink', target, path })),
  ];
}

function sysctlSteps(sysctl: Readonly<Record<string, string>>): Step[] {
  return Object.entries(sysctl).map(([key, value]) => ({
    kind: 'writeFile',
    path: `/proc/sys/${key.includes('/') ? key : key.replaceAll('.', '/')}`,
    data: value,
    magic: PROC_SUPER_MAGIC,
  }));
}
