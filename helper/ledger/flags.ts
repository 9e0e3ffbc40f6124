import * as kernel from '../plan/constants.js';

type FlagTable = readonly (readonly [number, string])[];

const namespaces: FlagTable = [
  [kernel.CLONE_NEWUSER, 'CLONE_NEWUSER'],
  [kernel.CLONE_NEWNS, 'CLONE_NEWNS'],
  [kernel.CLONE_NEWPID, 'CLONE_NEWPID'],
  [kernel.CLONE_NEWUTS, 'CLONE_NEWUTS'],
  [kernel.CLONE_NEWIPC, 'CLONE_NEWIPC'],
  [kernel.CLONE_NEWNET, 'CLONE_NEWNET'],
  [kernel.CLONE_NEWCGROUP, 'CLONE_NEWCGROUP'],
  [kernel.CLONE_NEWTIME, 'CLONE_NEWTIME'],
];
const clone: FlagTable = [...namespaces, [0x1000, 'CLONE_PIDFD']];
const mountAttributes: FlagTable = [
  [kernel.MOUNT_ATTR_RDONLY, 'MOUNT_ATTR_RDONLY'],
  [kernel.MOUNT_ATTR_NOSUID, 'MOUNT_ATTR_NOSUID'],
  [kernel.MOUNT_ATTR_NODEV, 'MOUNT_ATTR_NODEV'],
  [kernel.MOUNT_ATTR_NOEXEC, 'MOUNT_ATTR_NOEXEC'],
  [kernel.MOUNT_ATTR_NOATIME, 'MOUNT_ATTR_NOATIME'],
  [kernel.MOUNT_ATTR_STRICTATIME, 'MOUNT_ATTR_STRICTATIME'],
];
const mountFlags: FlagTable = [
  [1, 'MS_RDONLY'],
  [2, 'MS_NOSUID'],
  [4, 'MS_NODEV'],
  [8, 'MS_NOEXEC'],
  [0x20, 'MS_REMOUNT'],
  [0x1000, 'MS_BIND'],
  [kernel.MS_REC, 'MS_REC'],
  [kernel.MS_PRIVATE, 'MS_PRIVATE'],
  [kernel.MS_SLAVE, 'MS_SLAVE'],
  [kernel.MS_SHARED, 'MS_SHARED'],
];

/** Flag tables by call. */
const tables: Readonly<Record<string, FlagTable>> = {
  clone3: clone,
  clone,
  unshare: namespaces,
  setns: namespaces,
  mount: mountFlags,
  mount_setattr: mountAttributes,
  fsmount: mountAttributes,
  umount2: [[2, 'MNT_DETACH']],
  open_tree: [
    [1, 'OPEN_TREE_CLONE'],
    [0o2000000, 'OPEN_TREE_CLOEXEC'],
    [0x8000, 'AT_RECURSIVE'],
    [0x1000, 'AT_EMPTY_PATH'],
  ],
  close_range: [[4, 'CLOSE_RANGE_CLOEXEC']],
};

/** Flags by name where a table knows every bit; hexadecimal otherwise, so that nothing is hidden. */
export function flagNames(call: string, value: bigint): string {
  if (value === 0n) return '0';
  const hexadecimal = `0x${value.toString(16)}`;
  const table = tables[call];
  if (table === undefined) return hexadecimal;
  let rest = value;
  const names: string[] = [];
  for (const [bit, name] of table) {
    if ((rest & BigInt(bit)) === BigInt(bit)) {
      names.push(name);
      rest &= ~BigInt(bit);
    }
  }
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names.length === 0 ? hexadecimal : names.join('|');
}
