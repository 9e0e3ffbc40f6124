import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// The table has two names for one number; the kernel's manual pages use these.
names.set(constants.errno.EAGAIN, 'EAGAIN').set(constants.errno.ENOTSUP, 'ENOTSUP');

/** `ENOENT` for 2; the number itself where Node knows no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}
