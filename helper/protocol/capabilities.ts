/** Linux capabilities as data, each with what it allows: capabilities(7). */

/** Every capability of Linux 5.9 and later: the index is its number. What each allows is said for inside a container. */
const table = [
  ['CAP_CHOWN', 'Give files to any other owner or group'],
  ['CAP_DAC_OVERRIDE', 'Read, write and execute whatever the permission bits say'],
  ['CAP_DAC_READ_SEARCH', 'Read any file and list any folder whatever the permission bits say; open files by handle'],
  ['CAP_FOWNER', 'Do what only a file’s owner may: change its mode, times and attributes, delete in sticky folders'],
  ['CAP_FSETID', 'Keep the setuid and setgid bits when a file changes'],
  ['CAP_KILL', 'Signal processes of other users'],
  ['CAP_SETGID', 'Change the group and the supplementary groups'],
  ['CAP_SETUID', 'Become any other user'],
  ['CAP_SETPCAP', 'Drop capabilities from the bounding set, and hand on inheritable ones'],
  ['CAP_LINUX_IMMUTABLE', 'Make files immutable or append-only'],
  ['CAP_NET_BIND_SERVICE', 'Listen on ports below 1024'],
  ['CAP_NET_BROADCAST', 'Unused by the kernel'],
  ['CAP_NET_ADMIN', 'Configure interfaces, addresses, routes and firewalls'],
  ['CAP_NET_RAW', 'Craft packets: raw and packet sockets, classic ping'],
  ['CAP_IPC_LOCK', 'Lock any amount of memory'],
  ['CAP_IPC_OWNER', 'Use System V IPC objects of others'],
  ['CAP_SYS_MODULE', 'Load and unload kernel modules'],
  ['CAP_SYS_RAWIO', 'Reach I/O ports and raw memory'],
  ['CAP_SYS_CHROOT', 'Change the root folder, and enter other mount namespaces'],
  ['CAP_SYS_PTRACE', 'Trace and inspect processes of other users'],
  ['CAP_SYS_PACCT', 'Turn process accounting on and off'],
  ['CAP_SYS_ADMIN', 'Mount, make and enter namespaces, set the host name, and a great deal more'],
  ['CAP_SYS_BOOT', 'Reboot, and load another kernel'],
  ['CAP_SYS_NICE', 'Raise priorities, choose real-time scheduling and CPUs for others'],
  ['CAP_SYS_RESOURCE', 'Go beyond resource limits, quotas and reserved blocks'],
  ['CAP_SYS_TIME', 'Set the clocks'],
  ['CAP_SYS_TTY_CONFIG', 'Hang up and configure virtual terminals'],
  ['CAP_MKNOD', 'Make device files'],
  ['CAP_LEASE', 'Take leases on files of others'],
  ['CAP_AUDIT_WRITE', 'Write to the kernel’s audit log'],
  ['CAP_AUDIT_CONTROL', 'Configure auditing'],
  ['CAP_SETFCAP', 'Give capabilities to program files'],
  ['CAP_MAC_OVERRIDE', 'Go around mandatory access control (Smack)'],
  ['CAP_MAC_ADMIN', 'Configure mandatory access control'],
  ['CAP_SYSLOG', 'Read and clear the kernel’s log, see kernel addresses'],
  ['CAP_WAKE_ALARM', 'Set alarms that wake the machine'],
  ['CAP_BLOCK_SUSPEND', 'Keep the machine from suspending'],
  ['CAP_AUDIT_READ', 'Follow the audit log'],
  ['CAP_PERFMON', 'Use performance counters and tracing'],
  ['CAP_BPF', 'Load BPF programs and maps'],
  ['CAP_CHECKPOINT_RESTORE', 'Choose pids and read what checkpointing needs'],
] as const satisfies readonly (readonly [string, string])[];

export type CapabilityName = (typeof table)[number][0];

/** What a container's root keeps by default: enough to install and run services, nothing that reaches beyond. */
export const defaultCapabilities: readonly CapabilityName[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_SETFCAP',
];

export interface Capability {
  name: CapabilityName;
  number: number;
  /** What it allows, in one line. */
  allows: string;
}

/** All of them, by number. */
export const capabilities: readonly Capability[] = table.map(([name, allows], number) => ({ name, number, allows }));

const byName = new Map<string, Capability>(capabilities.map((capability) => [capability.name, capability]));

/** The capability of a name: `CAP_CHOWN`, `chown`, in any case; undefined when there is none. */
export function findCapability(name: string): Capability | undefined {
  const upper = name.toUpperCase();
  return byName.get(upper.startsWith('CAP_') ? upper : `CAP_${upper}`);
}

/** Names in a set, by number. A bit beyond those known here is named after its number, `CAP_41`. */
export function capabilityNamesOf(mask: bigint): string[] {
  const names: string[] = [];
  for (let number = 0; mask >> BigInt(number) > 0n; number++) {
    if ((mask >> BigInt(number)) & 1n) {
      names.push(capabilities[number]?.name ?? `CAP_${number}`);
    }
  }
  return names;
}
