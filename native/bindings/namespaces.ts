/** ioctl_ns(2) and setns(2): how namespaces hang together. `fd` is always one of /proc/PID/ns/*, opened. */
import { check, declare } from './libc.js';

const ioctl = declare<(fd: number, request: number, argument: Buffer | null) => number>('ioctl', 'int', [
  'int',
  'ulong',
  'void *',
]);
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;

/**
 * The user namespace that owns this one.
 * @returns a descriptor; the kernel sets close-on-exec itself.
 * @throws SystemError: EPERM when it is outside of what we may see.
 */
export function owningUserNamespace(fd: number): number {
  return check(ioctl(fd, NS_GET_USERNS, null), 'ioctl_ns(NS_GET_USERNS)');
}

/**
 * The parent of a user or pid namespace.
 * @returns a descriptor, closed on exec.
 * @throws SystemError: EPERM when it is outside of what we may see, EINVAL for types without parents.
 */
export function parentNamespace(fd: number): number {
  return check(ioctl(fd, NS_GET_PARENT, null), 'ioctl_ns(NS_GET_PARENT)');
}

/** CLONE_NEW* of the namespace. */
export function namespaceType(fd: number): number {
  return check(ioctl(fd, NS_GET_NSTYPE, null), 'ioctl_ns(NS_GET_NSTYPE)');
}

/** The uid, as seen from here, of who made a user namespace. @throws SystemError: EINVAL for other types. */
export function ownerUid(fd: number): number {
  const uid = Buffer.alloc(4);
  check(ioctl(fd, NS_GET_OWNER_UID, uid), 'ioctl_ns(NS_GET_OWNER_UID)');
  return uid.readUInt32LE();
}

const setnsCall = declare<(fd: number, type: number) => number>('setns', 'int', ['int', 'int']);

/**
 * setns(2): moves the calling thread, and with it what this process reads synchronously, into a uts, ipc or network
 * namespace. The way back needs CAP_SYS_ADMIN over where it came from: meant for a process that has no other task.
 * @param type CLONE_NEW* that it must be, 0 for any.
 * @throws SystemError: EPERM without CAP_SYS_ADMIN over it, EINVAL for another type and, with threads, for user namespaces.
 */
export function enterNamespace(fd: number, type = 0): void {
  check(setnsCall(fd, type), 'setns');
}
