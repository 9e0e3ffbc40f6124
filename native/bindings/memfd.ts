/** memfd_create(2) and seals: memory with a descriptor, which can be made unchangeable. */
import { check, cPath, declare, systemCallNumber } from './libc.js';

export const F_SEAL_SEAL = 0x01;
export const F_SEAL_SHRINK = 0x02;
export const F_SEAL_GROW = 0x04;
export const F_SEAL_WRITE = 0x08;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;

const syscall = declare<(number: number, name: Buffer, flags: number) => number>('syscall', 'long', [
  'long',
  'void *',
  'uint',
]);
const memfdCreateNumber = systemCallNumber({ x64: 319, arm64: 279 });
const fcntl = declare<(fd: number, command: number, argument: number) => number>('fcntl', 'int', [
  'int',
  'int',
  'long',
]);

/**
 * A file in memory that may be sealed.
 * @param name shown in /proc/PID/fd, at most 249 bytes.
 * @returns a descriptor, closed on exec.
 */
export function memfdCreate(name: string): number {
  const label = cPath(name, 'memfd_create');
  return check(syscall(memfdCreateNumber, label, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create', name);
}

/** Adds F_SEAL_*. @throws SystemError: EBUSY when it is mapped writable, EPERM after F_SEAL_SEAL. */
export function addSeals(fd: number, seals: number): void {
  check(fcntl(fd, F_ADD_SEALS, seals), 'fcntl');
}

/** The F_SEAL_* in force. */
export function getSeals(fd: number): number {
  return check(fcntl(fd, F_GET_SEALS, 0), 'fcntl');
}
