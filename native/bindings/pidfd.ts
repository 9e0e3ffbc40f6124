/** Descriptors that name one process for good, where a pid may come to name another. */
import { check, declare, systemCallNumber } from './libc.js';

const syscall = declare<(number: number, a: number, b: number, c: number, d: number) => number>('syscall', 'long', [
  'long',
  'int',
  'int',
  'size_t',
  'uint',
]);
const pidfdOpenNumber = systemCallNumber({ x64: 434, arm64: 434 });
const pidfdSendSignalNumber = systemCallNumber({ x64: 424, arm64: 424 });

/**
 * pidfd_open(2). The kernel sets close-on-exec itself.
 * @throws SystemError: ESRCH when there is no such process.
 */
export function pidfdOpen(pid: number): number {
  return check(syscall(pidfdOpenNumber, pid, 0, 0, 0), 'pidfd_open');
}

/**
 * pidfd_send_signal(2).
 * @param signal its number; 0 only checks.
 * @throws SystemError: ESRCH when it has ended and was reaped, EPERM when it belongs to another user.
 */
export function pidfdSendSignal(pidfd: number, signal: number): void {
  check(syscall(pidfdSendSignalNumber, pidfd, signal, 0, 0), 'pidfd_send_signal');
}
