import { readFile } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { parseMountinfo } from '../inspect/mountinfo.js';
import { isGone } from '../inspect/proc.js';
import type { MountInfo } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';

/** Names of the kinds of namespaces as /proc/sys/user has them. */
export const namespaceKinds = ['user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup', 'time'] as const;
export type NamespaceKind = (typeof namespaceKinds)[number];

/** What of this machine bears on why something fails. A missing value: the kernel has no such switch. */
export interface Facts {
  /** For instance 6.1.0-18-amd64. */
  kernel: string;
  /** Node's name: x64, arm64. */
  architecture: string;
  mapping: Identity['mapping'];
  /** kernel.apparmor_restrict_unprivileged_userns, of Ubuntu since 23.10. */
  apparmorRestriction?: number;
  /** kernel.unprivileged_userns_clone, of Debian and Arch. */
  unprivilegedUserNamespaces?: number;
  /** user.max_*_namespaces. */
  namespaceLimits: Partial<Record<NamespaceKind, number>>;
  /** kernel.yama.ptrace_scope. */
  ptraceScope?: number;
  /** SELinux refuses what its policy does not allow; missing: there is no SELinux. */
  selinuxEnforcing?: boolean;
  /** The AppArmor profile we run under, for instance `unconfined`. */
  apparmorProfile?: string;
  /** RLIMIT_NPROC, soft; missing: unlimited. */
  processLimit?: number;
  /** Mounts as the helper sees them: on what a path lies, and whether somebody covered parts of /proc. */
  mounts: MountInfo[];
}

/** Reads the facts. Only done when something has failed, or when the doctor is asked. Throws Node's errors. */
export async function gatherFacts(identity: Identity, proc = '/proc', sys = '/sys'): Promise<Facts> {
  const number = async (name: string): Promise<number | undefined> => {
    const text = await readUnlessMissing(`${proc}/sys/${name}`);
    return text === undefined ? undefined : Number(text);
  };
  const [
    apparmorRestriction,
    unprivilegedUserNamespaces,
    ptraceScope,
    selinux,
    apparmorProfile,
    limits,
    processLimits,
    mountinfo,
  ] = await Promise.all([
    number('kernel/apparmor_restrict_unprivileged_userns'),
    number('kernel/unprivileged_userns_clone'),
    number('kernel/yama/ptrace_scope'),
    readUnlessMissing(`${sys}/fs/selinux/enforce`),
    readUnlessMissing(`${proc}/self/attr/apparmor/current`),
    Promise.all(namespaceKinds.map(async (kind) => [kind, await number(`user/max_${kind}_namespaces`)] as const)),
    readUnlessMissing(`${proc}/self/limits`),
    readUnlessMissing(`${proc}/self/mountinfo`),
  ]);
  const processLimit = /^Max processes\s+(\d+)/m.exec(processLimits ?? '')?.[1];
  return {
    kernel: release(),
    architecture: arch(),
    mapping: identity.mapping,
    ...(apparmorRestriction === undefined ? {} : { apparmorRestriction }),
    ...(unprivilegedUserNamespaces === undefined ? {} : { unprivilegedUserNamespaces }),
    ...(ptraceScope === undefined ? {} : { ptraceScope }),
    ...(selinux === undefined ? {} : { selinuxEnforcing: selinux === '1' }),
    ...(apparmorProfile === undefined || apparmorProfile === '' ? {} : { apparmorProfile }),
    namespaceLimits: Object.fromEntries(limits.filter(([, limit]) => limit !== undefined)),
    ...(processLimit === undefined ? {} : { processLimit: Number(processLimit) }),
    mounts: parseMountinfo(mountinfo ?? ''),
  };
}

async function readUnlessMissing(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    // Nested containers hide parts of /proc (EACCES); without AppArmor its attributes cannot be read (EINVAL).
    const { code } = error as NodeJS.ErrnoException;
    if (isGone(error) || code === 'EACCES' || code === 'EINVAL') return undefined;
    throw error;
  }
}

/** The mount a path lies on. */
export function mountOf(facts: Facts, path: string): MountInfo | undefined {
  const covers = ({ destination }: MountInfo): boolean =>
    destination === '/' || path === destination || path.startsWith(`${destination}/`);
  // Later mounts cover earlier ones at the same place.
  return facts.mounts
    .filter(covers)
    .reduce<MountInfo | undefined>(
      (best, mount) => (best === undefined || mount.destination.length >= best.destination.length ? mount : best),
      undefined,
    );
}

/** Whether something is mounted over parts of /proc, as container engines do: then the kernel refuses a new proc. */
export function isProcCovered(facts: Facts): boolean {
  return facts.mounts.some(({ destination, type }) => destination.startsWith('/proc/') && !harmlessOverProc.has(type));
}

/** Mounted below /proc on every machine, on directories that are empty in themselves, which the kernel lets pass. */
const harmlessOverProc: ReadonlySet<string> = new Set(['autofs', 'binfmt_misc', 'nfsd', 'rpc_pipefs']);
