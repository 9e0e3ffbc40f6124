/** prlimit(2): reading and setting the resource limits of any process. */
import { check, declare } from './libc.js';

/** RLIM_INFINITY: no limit. */
export const unlimited = 0xffff_ffff_ffff_ffffn;

/** Exact, since a hard limit that is written back must not come to be a higher one. */
export interface ResourceLimit {
  /** What counts. */
  soft: bigint;
  /** How far a process may raise the soft limit. */
  hard: bigint;
}

type Prlimit = (pid: number, resource: number, wanted: Buffer | null, held: Buffer | null) => number;
const prlimitCall = declare<Prlimit>('prlimit', 'int', ['int', 'int', 'void *', 'void *']);
/** struct rlimit of 64-bit Linux: two unsigned longs. */
const sizeOfRlimit = 16;

/**
 * The limit of a process.
 * @param resource RLIMIT_* by its number.
 * @throws SystemError: ESRCH when there is no such process, EPERM when it is another user's.
 */
export function readResourceLimit(pid: number, resource: number): ResourceLimit {
  const held = Buffer.alloc(sizeOfRlimit);
  check(prlimitCall(pid, resource, null, held), 'prlimit');
  return { soft: held.readBigUInt64LE(0), hard: held.readBigUInt64LE(8) };
}

/**
 * Sets both limits of a process. The owner of a user namespace may do it to all processes in it, whatever their ids: the
 * kernel wants CAP_SYS_RESOURCE in that namespace. To raise a hard limit it wants it in the machine's own.
 * @throws SystemError: ESRCH, EPERM, EINVAL when soft is above hard.
 */
export function setResourceLimit(pid: number, resource: number, { soft, hard }: ResourceLimit): void {
  const wanted = Buffer.alloc(sizeOfRlimit);
  wanted.writeBigUInt64LE(soft, 0);
  wanted.writeBigUInt64LE(hard, 8);
  check(prlimitCall(pid, resource, wanted, null), 'prlimit');
}
