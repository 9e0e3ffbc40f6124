import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_RDONLY,
  PROC_SUPER_MAGIC,
} from '../plan/constants.js';
import type { Step, StepOf } from '../plan/step.js';
import type { DoctorLineId } from '../protocol/index.js';
import { attempt, type Undertaking } from './attempt.js';
import type { Rule } from './explanation.js';
import { findingOf, type Trial } from './finding.js';
import { trialRules } from './trialRules.js';

/** A line that is one plan: what it makes, and how. */
interface PlanTrial extends Undertaking {
  id: DoctorLineId;
  /** As in "Made …". */
  what: string;
}

/** The trial a plan makes; the rules of its line explain what it is refused. */
function planTrial({ id, what, ...undertaking }: PlanTrial, advice: Rule | undefined = trialRules[id]): Trial {
  return {
    id,
    inside: true,
    run: async ({ bench, facts }) => findingOf(await attempt(bench, undertaking), what, facts, advice),
  };
}

const mountStep = (type: string, destination: string, data = ''): StepOf<'mount'> => ({
  kind: 'mount',
  type,
  source: type,
  destination,
  attributes: 0,
  data,
});

/** An empty root of our own, as containers have it before anything is mounted in it. */
const inRoot = async (scratch: string, ...steps: readonly Step[]): Promise<Step[]> => {
  const root = path.join(scratch, 'root');
  await mkdir(root);
  return [mountStep('tmpfs', root), { kind: 'setRoot', path: root }, ...steps];
};

const bind = (source: string, destination: string, attributes: number): Step => ({
  kind: 'bind',
  source,
  destination,
  recursive: 1,
  attributes,
  propagation: 0,
  device: 0n,
});

/** BPF_RET | BPF_K. Source: linux/bpf_common.h, linux/filter.h. */
const ret = (action: number): number[] => [0x06, 0, 0, 0, ...littleEndian(action)];
/** BPF_LD | BPF_W | BPF_ABS of `nr`, the first field of struct seccomp_data. */
const loadNumber = [0x20, 0, 0, 0, 0, 0, 0, 0];
/** BPF_JMP | BPF_JEQ | BPF_K: the next instruction for this call, the one after for others. */
const unlessCall = (number: number): number[] => [0x15, 0, 0, 1, ...littleEndian(number)];
const littleEndian = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

const SECCOMP_RET_LOG = 0x7ffc0000;
const SECCOMP_RET_ALLOW = 0x7fff0000;
/** Source: asm/unistd_64.h, asm-generic/unistd.h. */
const fchdirNumber = process.arch === 'arm64' ? 50 : 81;

const allowAll = Uint8Array.from(ret(SECCOMP_RET_ALLOW));
/** Only one call is logged: the kernel's log is others' too. */
const logFchdir = Uint8Array.from([
  ...loadNumber,
  ...unlessCall(fchdirNumber),
  ...ret(SECCOMP_RET_LOG),
  ...ret(SECCOMP_RET_ALLOW),
]);

const filterSteps = (filter: Uint8Array): Step[] => [
  { kind: 'setNoNewPrivileges' },
  { kind: 'installSeccomp', filter, flags: 0 },
];

const loopbackUp: Step = { kind: 'bringUp', interface: 'lo' };
const calls = (name: string): Step => ({ kind: 'trial', name });

const plans: readonly PlanTrial[] = [
  {
    id: 'pidfd',
    what: 'a process, joined its UTS namespace, killed it and waited for it, all by one descriptor',
    flags: CLONE_NEWPID,
    steps: () => [calls('pidfd')],
  },
  {
    id: 'mount-api',
    what: 'a tmpfs with fsopen and fsmount, and a read-only bind with open_tree, mount_setattr and move_mount',
    flags: CLONE_NEWNS,
    steps: (scratch) =>
      inRoot(scratch, mountStep('tmpfs', '/new', 'size=64k'), bind('/dev/null', '/null', MOUNT_ATTR_RDONLY)),
  },
  {
    id: 'overlay-layers',
    what: 'an overlay of two lower layers, given one by one (lowerdir+)',
    flags: CLONE_NEWNS,
    steps: async (scratch) => {
      const layers = ['one', 'two'].map((name) => path.join(scratch, name));
      await Promise.all(layers.map((layer) => mkdir(layer)));
      const data = [...layers.map((layer) => `lowerdir+=${layer}`), 'userxattr'].join(',');
      return inRoot(scratch, mountStep('overlay', '/merged', data));
    },
  },
  {
    id: 'pivot-root',
    what: 'a tmpfs the root with pivot_root, and detached the old one',
    flags: CLONE_NEWNS,
    steps: (scratch) => inRoot(scratch, { kind: 'pivotRoot' }),
  },
  {
    id: 'bind',
    what: 'a recursive, read-only bind of a folder in the data folder',
    flags: CLONE_NEWNS,
    steps: async (scratch) => {
      const source = path.join(scratch, 'source');
      await mkdir(source);
      return inRoot(scratch, bind(source, '/bound', MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV));
    },
  },
  {
    id: 'proc',
    what: 'a proc for a pid namespace of its own',
    flags: CLONE_NEWNS | CLONE_NEWPID,
    steps: (scratch) => inRoot(scratch, mountStep('proc', '/proc')),
  },
  {
    id: 'tmpfs',
    what: 'a tmpfs of 64 KiB with mode 1777',
    flags: CLONE_NEWNS,
    steps: (scratch) => inRoot(scratch, mountStep('tmpfs', '/tmp', 'mode=1777,size=64k')),
  },
  {
    id: 'devpts',
    what: 'a devpts with a ptmx that everybody may open',
    flags: CLONE_NEWNS,
    steps: (scratch) => inRoot(scratch, mountStep('devpts', '/dev/pts', 'newinstance,ptmxmode=0666,mode=0620')),
  },
  {
    id: 'mqueue',
    what: 'an mqueue for an IPC namespace of its own',
    flags: CLONE_NEWNS | CLONE_NEWIPC,
    steps: (scratch) => inRoot(scratch, mountStep('mqueue', '/dev/mqueue')),
  },
  {
    id: 'sysfs',
    what: 'a sysfs for a network namespace of its own',
    flags: CLONE_NEWNS | CLONE_NEWNET,
    steps: (scratch) => inRoot(scratch, mountStep('sysfs', '/sys')),
  },
  {
    id: 'cgroup-mount',
    what: 'a cgroup2 for a cgroup namespace of its own',
    flags: CLONE_NEWNS | CLONE_NEWCGROUP,
    steps: (scratch) => inRoot(scratch, mountStep('cgroup2', '/cgroup')),
  },
  { id: 'mount-namespace', what: 'a mount namespace, private to the last mount', flags: CLONE_NEWNS },
  { id: 'pid-namespace', what: 'a pid namespace', flags: CLONE_NEWPID },
  {
    id: 'uts-namespace',
    what: 'a UTS namespace, and a host name in it',
    flags: CLONE_NEWUTS,
    steps: () => [{ kind: 'setHostname', name: 'doctor' }],
  },
  { id: 'ipc-namespace', what: 'an IPC namespace', flags: CLONE_NEWIPC },
  {
    id: 'network',
    what: 'a network namespace, and its loopback brought up',
    flags: CLONE_NEWNET,
    steps: () => [loopbackUp],
  },
  {
    id: 'cgroup-namespace',
    what: 'a cgroup namespace',
    flags: 0,
    steps: () => [{ kind: 'unshare', flags: CLONE_NEWCGROUP }],
  },
  {
    id: 'time-namespace',
    what: 'a time namespace, an hour ahead of the machine',
    flags: 0,
    before: () => [
      { kind: 'unshare', flags: CLONE_NEWTIME },
      { kind: 'writeFile', path: '/proc/self/timens_offsets', data: 'boottime 3600 0\n', magic: PROC_SUPER_MAGIC },
    ],
  },
  {
    id: 'nested-namespace',
    what: 'a user namespace inside of a container’s',
    flags: 0,
    steps: () => [{ kind: 'unshare', flags: CLONE_NEWUSER }],
  },
  { id: 'keyring', what: 'a session keyring', flags: 0, steps: () => [calls('keyring')] },
  {
    id: 'veth',
    what: 'a pair of interfaces (veth), and one of them brought up',
    flags: CLONE_NEWNET,
    steps: () => [calls('veth')],
  },
  {
    id: 'bridge',
    what: 'a bridge, and an interface attached to it',
    flags: CLONE_NEWNET,
    steps: () => [calls('bridge')],
  },
  {
    id: 'ipv6',
    what: 'an address of IPv6 given to the loopback of a network namespace',
    flags: CLONE_NEWNET,
    steps: () => [loopbackUp, { kind: 'addAddress', interface: 'lo', address: 'fd00::1', prefix: 128 }],
  },
  {
    id: 'masquerade',
    what: 'a rule of nf_tables that gives what leaves by an interface its address',
    flags: CLONE_NEWNET,
    steps: () => [calls('masquerade')],
  },
  {
    id: 'netem',
    what: 'an interface that packets leave by a millisecond later (netem)',
    flags: CLONE_NEWNET,
    steps: () => [calls('netem')],
  },
  {
    id: 'low-port',
    what: 'a socket bound to port 80 of a network namespace',
    flags: CLONE_NEWNET,
    steps: () => [calls('lowPort')],
  },
  {
    id: 'ping',
    what: 'an echo over the loopback of a network namespace, after net.ipv4.ping_group_range was set there',
    flags: CLONE_NEWNET,
    steps: () => [
      loopbackUp,
      { kind: 'writeFile', path: '/proc/sys/net/ipv4/ping_group_range', data: '0 0', magic: PROC_SUPER_MAGIC },
      calls('ping'),
    ],
  },
  { id: 'seccomp', what: 'a seccomp filter that allows everything', flags: 0, steps: () => filterSteps(allowAll) },
  {
    id: 'seccomp-log',
    what: 'a seccomp filter that logs one call (SECCOMP_RET_LOG), and that call under it',
    flags: 0,
    steps: () => [...filterSteps(logFchdir), { kind: 'changeDirectory', path: '/' }],
  },
  {
    id: 'seccomp-notify',
    what: 'a seccomp filter with a listener (SECCOMP_RET_USER_NOTIF), and answered a call of a child under it',
    flags: CLONE_NEWPID,
    steps: () => [calls('seccompNotify')],
  },
  { id: 'ptrace', what: 'a process, and attached to it', flags: CLONE_NEWPID, steps: () => [calls('ptrace')] },
];

/** Lines that are one plan each. */
export const planTrials: readonly Trial[] = plans.map((plan) => planTrial(plan));
