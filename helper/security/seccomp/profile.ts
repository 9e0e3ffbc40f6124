/**
 * The default profile: default.json, in OCI's format. A call is allowed unless it reaches beyond the container, serves
 * to attack the kernel, or is unknown: what is refused answers EPERM, what is unknown ENOSYS, so that programs fall
 * back. Calls that Linux has dropped are let through, for the kernel says ENOSYS itself. What its numbers stand for:
 *
 * - clone, unshare: the CLONE_NEW* flags. clone3 keeps its flags in memory, where a filter cannot look: ENOSYS makes
 *   libc use clone.
 * - socket: unix, inet, inet6, netlink and packet; the rare families with a history of holes answer EPERM.
 * - personality: Linux, 32 bit, old version number, no address randomisation (debuggers), and asking (0xffffffff).
 * - ioctl: TIOCSTI and TIOCLINUX type into the terminal. Only the low 32 bits are compared, as the kernel does
 *   (CVE-2019-10063).
 */
import type { oci } from '../../protocol/index.js';
import defaultJson from './default.json';

const profile = defaultJson as oci.Seccomp;

/** What making namespaces inside the container takes: for the first two lines the flags are no longer looked at. */
const nestingCalls = new Set([
  'clone',
  'unshare',
  'setns',
  'mount',
  'umount2',
  'pivot_root',
  'open_tree',
  'open_tree_attr',
  'move_mount',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'mount_setattr',
  'sethostname',
  'setdomainname',
]);

export interface ProfileOptions {
  /** Lets the container make namespaces of its own, and mount in them: for containers in containers. Default: no. */
  nestedNamespaces?: boolean;
}

/** The profile that containers get when they ask for none: fresh copies, free to be changed. */
export function defaultProfile({ nestedNamespaces = false }: ProfileOptions = {}): oci.Seccomp {
  const copy = structuredClone(profile);
  return nestedNamespaces ? withNestedNamespaces(copy) : copy;
}

/** clone3 stays ENOSYS: libc does as well with clone. */
function withNestedNamespaces(base: oci.Seccomp): oci.Seccomp {
  return withAllowed(base, nestingCalls);
}

/** The profile with some calls let through, whatever it says of them. Pure. */
export function withAllowed(base: oci.Seccomp, calls: ReadonlySet<string>): oci.Seccomp {
  if (calls.size === 0) return base;
  const rules = (base.syscalls ?? [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !calls.has(name)) }))
    .filter((rule) => rule.names.length > 0);
  return { ...base, syscalls: [...rules, { names: [...calls], action: 'SCMP_ACT_ALLOW' }] };
}
