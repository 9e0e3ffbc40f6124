import * as kernel from '../plan/constants.js';
import { capabilities } from '../protocol/index.js';

/** How a number among a call's arguments is written, as strace would. Anything not covered shows as it is. */
type Notation = (value: bigint) => string;
type Table = readonly (readonly [number, string])[];

/** Bits by name; what no name covers stays in hexadecimal, so that nothing is hidden. */
function bits(...tables: Table[]): Notation {
  return (value) => {
    if (value === 0n) return '0';
    let rest = value;
    const names: string[] = [];
    for (const [bit, name] of tables.flat()) {
      if (bit !== 0 && (rest & BigInt(bit)) === BigInt(bit)) {
        names.push(name);
        rest &= ~BigInt(bit);
      }
    }
    return [...names, ...(rest === 0n ? [] : [hexadecimal(rest)])].join('|');
  };
}

/** One of several constants, with flags beside it where `flags` is given. */
function oneOf(table: Table, mask = 0xffff_ffff, flags?: Notation): Notation {
  return (value) => {
    const chosen = value & BigInt(mask);
    const rest = value & ~BigInt(mask);
    const name = table.find(([number]) => BigInt(number) === chosen)?.[1] ?? String(chosen);
    return rest === 0n || flags === undefined ? name : `${name}|${flags(rest)}`;
  };
}

const hexadecimal: Notation = (value) => `0x${value.toString(16)}`;
const octal: Notation = (value) => `0${value.toString(8)}`;

const namespaces: Table = [
  [kernel.CLONE_NEWUSER, 'CLONE_NEWUSER'],
  [kernel.CLONE_NEWNS, 'CLONE_NEWNS'],
  [kernel.CLONE_NEWPID, 'CLONE_NEWPID'],
  [kernel.CLONE_NEWUTS, 'CLONE_NEWUTS'],
  [kernel.CLONE_NEWIPC, 'CLONE_NEWIPC'],
  [kernel.CLONE_NEWNET, 'CLONE_NEWNET'],
  [kernel.CLONE_NEWCGROUP, 'CLONE_NEWCGROUP'],
  [kernel.CLONE_NEWTIME, 'CLONE_NEWTIME'],
];
/** CLONE_INTO_CGROUP is bit 33: numbers of JavaScript hold it exactly. */
const cloning: Table = [...namespaces, [0x1000, 'CLONE_PIDFD'], [2 ** 33, 'CLONE_INTO_CGROUP']];
const mountAttributes: Table = [
  [kernel.MOUNT_ATTR_RDONLY, 'MOUNT_ATTR_RDONLY'],
  [kernel.MOUNT_ATTR_NOSUID, 'MOUNT_ATTR_NOSUID'],
  [kernel.MOUNT_ATTR_NODEV, 'MOUNT_ATTR_NODEV'],
  [kernel.MOUNT_ATTR_NOEXEC, 'MOUNT_ATTR_NOEXEC'],
  [kernel.MOUNT_ATTR_NOATIME, 'MOUNT_ATTR_NOATIME'],
  [kernel.MOUNT_ATTR_STRICTATIME, 'MOUNT_ATTR_STRICTATIME'],
  [kernel.MOUNT_ATTR_NODIRATIME, 'MOUNT_ATTR_NODIRATIME'],
  [kernel.MOUNT_ATTR_NOSYMFOLLOW, 'MOUNT_ATTR_NOSYMFOLLOW'],
];
const propagations: Table = [
  [kernel.MS_PRIVATE, 'MS_PRIVATE'],
  [kernel.MS_SLAVE, 'MS_SLAVE'],
  [kernel.MS_SHARED, 'MS_SHARED'],
];
const mountFlags: Table = [
  [1, 'MS_RDONLY'],
  [2, 'MS_NOSUID'],
  [4, 'MS_NODEV'],
  [8, 'MS_NOEXEC'],
  [0x1000, 'MS_BIND'],
  [kernel.MS_REC, 'MS_REC'],
  ...propagations,
];
const atFlags: Table = [
  [0x100, 'AT_SYMLINK_NOFOLLOW'],
  [0x200, 'AT_REMOVEDIR'],
  [0x1000, 'AT_EMPTY_PATH'],
  [0x8000, 'AT_RECURSIVE'],
];
const openFlags: Table = [
  [0o100, 'O_CREAT'],
  [0o200, 'O_EXCL'],
  [0o400, 'O_NOCTTY'],
  [0o4000, 'O_NONBLOCK'],
  [0o200000, 'O_DIRECTORY'],
  [0o400000, 'O_NOFOLLOW'],
  [0o2000000, 'O_CLOEXEC'],
  [0o10000000, 'O_PATH'],
];
/** On arm64 two of them have each other's place. Source: asm/fcntl.h. */
const armOpenFlags: Table = openFlags.map(([bit, name]) =>
  name === 'O_DIRECTORY' ? [0o40000, name] : name === 'O_NOFOLLOW' ? [0o100000, name] : [bit, name],
);
const access: Table = [
  [0, 'O_RDONLY'],
  [1, 'O_WRONLY'],
  [2, 'O_RDWR'],
];
const open = oneOf(access, 3, bits(process.arch === 'arm64' ? armOpenFlags : openFlags));
const opening: Notation = (value) => open(value).replace(/^O_RDONLY\|(?=.*O_PATH)/, '');
const socketFlags = bits([
  [0o4000, 'SOCK_NONBLOCK'],
  [0o2000000, 'SOCK_CLOEXEC'],
]);
const socketTypes: Table = [
  [1, 'SOCK_STREAM'],
  [2, 'SOCK_DGRAM'],
  [5, 'SOCK_SEQPACKET'],
];
const families: Table = [
  [1, 'AF_UNIX'],
  [2, 'AF_INET'],
];
const options: Table = [
  [1, 'PR_SET_PDEATHSIG'],
  [4, 'PR_SET_DUMPABLE'],
  [8, 'PR_SET_KEEPCAPS'],
  [24, 'PR_CAPBSET_DROP'],
  [38, 'PR_SET_NO_NEW_PRIVS'],
  [47, 'PR_CAP_AMBIENT'],
];
const rlimits: Table = Object.entries(kernel.rlimitNumbers).map(([name, number]) => [number, name]);
const capabilitySet = bits(capabilities.map(({ name, number }) => [2 ** number, name]));

/** Notations by call, one for each argument as docs/stage.md lists them; a hole leaves the number alone. */
const notations: Readonly<Record<string, readonly (Notation | undefined)[]>> = {
  clone3: [bits(cloning)],
  unshare: [bits(namespaces)],
  setns: [undefined, bits(namespaces)],
  mount: [undefined, undefined, undefined, bits(mountFlags)],
  umount2: [undefined, bits([[2, 'MNT_DETACH']])],
  mount_setattr: [undefined, undefined, bits(atFlags), bits(mountAttributes), accessTimes, bits(propagations)],
  open_tree: [
    undefined,
    undefined,
    bits(
      [
        [1, 'OPEN_TREE_CLONE'],
        [0o2000000, 'OPEN_TREE_CLOEXEC'],
      ],
      atFlags,
    ),
  ],
  move_mount: [
    undefined,
    undefined,
    undefined,
    undefined,
    bits([
      [0x4, 'MOVE_MOUNT_F_EMPTY_PATH'],
      [0x40, 'MOVE_MOUNT_T_EMPTY_PATH'],
    ]),
  ],
  fsopen: [undefined, bits([[1, 'FSOPEN_CLOEXEC']])],
  fsconfig: [
    undefined,
    oneOf([
      [0, 'FSCONFIG_SET_FLAG'],
      [1, 'FSCONFIG_SET_STRING'],
      [6, 'FSCONFIG_CMD_CREATE'],
    ]),
  ],
  fsmount: [undefined, bits([[1, 'FSMOUNT_CLOEXEC']]), bits(mountAttributes)],
  openat: [undefined, undefined, opening, octal],
  openat2: [
    undefined,
    undefined,
    opening,
    bits([
      [0x01, 'RESOLVE_NO_XDEV'],
      [0x02, 'RESOLVE_NO_MAGICLINKS'],
      [0x04, 'RESOLVE_NO_SYMLINKS'],
      [0x08, 'RESOLVE_BENEATH'],
      [0x10, 'RESOLVE_IN_ROOT'],
    ]),
  ],
  mkdirat: [undefined, undefined, octal],
  mknodat: [undefined, undefined, octal],
  unlinkat: [undefined, undefined, bits(atFlags)],
  umask: [octal],
  pipe2: [bits(openFlags)],
  socket: [oneOf(families), oneOf(socketTypes, 0xf, socketFlags)],
  socketpair: [oneOf(families), oneOf(socketTypes, 0xf, socketFlags)],
  close_range: [undefined, undefined, bits([[4, 'CLOSE_RANGE_CLOEXEC']])],
  prctl: [oneOf(options)],
  prlimit64: [undefined, oneOf(rlimits)],
  capset: [capabilitySet, capabilitySet, capabilitySet],
};

/** PR_CAPBSET_DROP's argument is a capability's number. */
const dropped = oneOf(capabilities.map(({ name, number }) => [number, name]));

/** The access time is two bits of which neither is `relatime`: clearing both is how another one is set. */
function accessTimes(value: bigint): string {
  return value === 0x70n ? 'MOUNT_ATTR__ATIME' : bits(mountAttributes)(value);
}

/** Writes an integer argument of a call. `before`: the arguments before it, already written. */
export function writeNumber(
  call: string,
  position: number,
  value: bigint,
  before: readonly string[],
): string | undefined {
  if (call === 'prctl' && position === 1 && before[0] === 'PR_CAPBSET_DROP') return dropped(value);
  return notations[call]?.[position]?.(value);
}
