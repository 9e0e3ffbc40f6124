/** What the fields of a specification become: their place in OCI's configuration, and what counts without them. */
import { defaultCapabilities } from '../security/capabilities.js';
import { defaultMaskedPaths, defaultPath, defaultReadonlyPaths } from '../specification/complete.js';

export interface FieldMeaning {
  /** Where OCI's runtime configuration has it. */
  oci?: string;
  /** Document and heading of the runtime specification. */
  section?: string;
  /** What counts when it is left out. */
  otherwise?: string;
}

const list = (names: readonly string[]) => names.join(', ');

/** By the pattern of the field's path: see `patternOf`. */
export const fieldMeanings: Readonly<Record<string, FieldMeaning>> = {
  name: { otherwise: 'a name made up for you' },
  root: { oci: 'root', section: 'config.md#root', otherwise: 'this machine’s own /' },
  writable: { oci: 'root.readonly', section: 'config.md#root', otherwise: 'overlay' },
  hostname: { oci: 'hostname', section: 'config.md#hostname', otherwise: 'the name' },
  args: { oci: 'process.args', section: 'config.md#process', otherwise: 'the image’s command; else it stays up' },
  env: { oci: 'process.env', section: 'config.md#process', otherwise: `${defaultPath}, HOME, and what the image has` },
  cwd: { oci: 'process.cwd', section: 'config.md#process', otherwise: 'the image’s; else /' },
  user: { oci: 'process.user', section: 'config.md#posix-platform-user', otherwise: 'the image’s; else root' },
  terminal: { oci: 'process.terminal', section: 'config.md#process', otherwise: 'false' },
  mounts: { oci: 'mounts', section: 'config.md#mounts', otherwise: 'only /proc, /dev, /sys and their like' },
  'mounts[].destination': { oci: 'mounts[].destination', section: 'config.md#mounts' },
  'mounts[].source': { oci: 'mounts[].source', section: 'config.md#mounts' },
  'mounts[].type': { oci: 'mounts[].type', section: 'config.md#mounts', otherwise: 'bind with a source, else tmpfs' },
  'mounts[].options': { oci: 'mounts[].options', section: 'config.md#mounts', otherwise: 'rbind for a bind' },
  ports: { otherwise: 'none is published' },
  network: { oci: 'linux.namespaces', section: 'config-linux.md#namespaces', otherwise: 'one of its own with only lo' },
  namespaces: { oci: 'linux.namespaces', section: 'config-linux.md#namespaces', otherwise: 'all are new but time' },
  timeOffsets: {
    oci: 'linux.timeOffsets',
    section: 'config-linux.md#time-offsets',
    otherwise: 'no time namespace, the machine’s clocks',
  },
  pod: { otherwise: 'none: its namespaces are its own' },
  group: { otherwise: 'none: it has only limits of its own, and those of all containers' },
  resources: { oci: 'linux.resources', section: 'config-linux.md#control-groups', otherwise: 'no limits' },
  'resources.memory.limit': { oci: 'linux.resources.memory.limit', section: 'config-linux.md#memory' },
  'resources.memory.reservation': { oci: 'linux.resources.memory.reservation', section: 'config-linux.md#memory' },
  'resources.memory.swap': { oci: 'linux.resources.memory.swap', section: 'config-linux.md#memory' },
  'resources.memory.kernel': { oci: 'linux.resources.memory.kernel', section: 'config-linux.md#memory' },
  'resources.memory.swappiness': {
    oci: 'linux.resources.memory.swappiness',
    section: 'config-linux.md#memory',
    otherwise: 'that of the group above',
  },
  'resources.memory.disableOOMKiller': {
    oci: 'linux.resources.memory.disableOOMKiller',
    section: 'config-linux.md#memory',
    otherwise: 'false',
  },
  'resources.cpu.shares': { oci: 'linux.resources.cpu.shares', section: 'config-linux.md#cpu', otherwise: '1024' },
  'resources.cpu.quota': { oci: 'linux.resources.cpu.quota', section: 'config-linux.md#cpu' },
  'resources.cpu.period': { oci: 'linux.resources.cpu.period', section: 'config-linux.md#cpu', otherwise: '100000' },
  'resources.cpu.cpus': { oci: 'linux.resources.cpu.cpus', section: 'config-linux.md#cpu', otherwise: 'all' },
  'resources.cpu.mems': { oci: 'linux.resources.cpu.mems', section: 'config-linux.md#cpu', otherwise: 'all' },
  'resources.cpu.burst': { oci: 'linux.resources.cpu.burst', section: 'config-linux.md#cpu', otherwise: '0' },
  'resources.cpu.idle': { oci: 'linux.resources.cpu.idle', section: 'config-linux.md#cpu', otherwise: '0' },
  'resources.pids.limit': { oci: 'linux.resources.pids.limit', section: 'config-linux.md#pids' },
  'resources.blockIO': { oci: 'linux.resources.blockIO', section: 'config-linux.md#block-io' },
  'resources.hugepageLimits': {
    oci: 'linux.resources.hugepageLimits',
    section: 'config-linux.md#huge-page-limits',
  },
  'resources.rdma': { oci: 'linux.resources.rdma', section: 'config-linux.md#rdma' },
  'resources.unified': { oci: 'linux.resources.unified', section: 'config-linux.md#unified' },
  rlimits: { oci: 'process.rlimits', section: 'config.md#posix-process', otherwise: 'those of the helper' },
  capabilities: {
    oci: 'process.capabilities',
    section: 'config.md#linux-process',
    otherwise: list(defaultCapabilities),
  },
  seccomp: { oci: 'linux.seccomp', section: 'config-linux.md#seccomp', otherwise: 'default' },
  'seccomp.profile': { oci: 'linux.seccomp', section: 'config-linux.md#seccomp', otherwise: 'default' },
  'seccomp.allow': { otherwise: 'none' },
  'seccomp.notify': { otherwise: 'false: the kernel refuses them by itself, and nobody knows' },
  noNewPrivileges: { oci: 'process.noNewPrivileges', section: 'config.md#linux-process', otherwise: 'true' },
  nestedNamespaces: { otherwise: 'as the system call filter has it: refused without CAP_SYS_ADMIN' },
  maskedPaths: {
    oci: 'linux.maskedPaths',
    section: 'config-linux.md#masked-paths',
    otherwise: list(defaultMaskedPaths),
  },
  readonlyPaths: {
    oci: 'linux.readonlyPaths',
    section: 'config-linux.md#readonly-paths',
    otherwise: list(defaultReadonlyPaths),
  },
  sysctl: { oci: 'linux.sysctl', section: 'config-linux.md#sysctl' },
  oomScoreAdj: { oci: 'process.oomScoreAdj', section: 'config.md#linux-process', otherwise: 'that of the helper' },
  chroot: { otherwise: 'false: pivot_root, and the old root is gone' },
  init: { otherwise: 'false: the command is PID 1' },
  annotations: { oci: 'annotations', section: 'config.md#annotations' },
};
