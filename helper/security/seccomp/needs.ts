/**
 * What the kernel wants of a call besides the leave of a filter: letting it through is not always enough. For calls that the default
 * profile refuses. Sources: the calls' manual pages, section ERRORS, and capabilities(7). Pure.
 */
import type { AlsoNeeded, CapabilityName } from '../../protocol/index.js';

/** Asked for in the user namespace of the container, which can have it. */
const inContainer: Readonly<Partial<Record<CapabilityName, readonly string[]>>> = {
  CAP_SYS_ADMIN: [
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree_attr',
    'pivot_root',
    'setdomainname',
    'sethostname',
    'setns',
    'umount2',
  ],
  CAP_SYS_BOOT: ['reboot'],
};

/** Asked for in the first user namespace, or of root of the machine. */
const ofMachine: ReadonlySet<string> = new Set([
  'acct',
  'clock_settime',
  'delete_module',
  'finit_module',
  'init_module',
  'ioperm',
  'iopl',
  'kexec_file_load',
  'kexec_load',
  'lookup_dcookie',
  'quotactl',
  'quotactl_fd',
  'settimeofday',
  'swapoff',
  'swapon',
  'syslog',
  'vhangup',
]);

/** What a container with this bounding set lacks for a call; undefined: nothing that is known. */
export function alsoNeeded(call: string, bounding: readonly string[]): AlsoNeeded | undefined {
  if (ofMachine.has(call)) return { kind: 'machine' };
  for (const [capability, calls] of Object.entries(inContainer) as [CapabilityName, readonly string[]][]) {
    if (calls.includes(call) && !bounding.includes(capability)) return { kind: 'capability', capability };
  }
  return undefined;
}
