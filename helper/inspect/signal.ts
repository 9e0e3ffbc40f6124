/** Signals, by name and number, sent to exactly the process that was meant. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { SystemError } from '../../native/bindings/libc.js';
import { pidfdOpen, pidfdSendSignal } from '../../native/bindings/pidfd.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { processIdentity } from './stat.js';

const numbersByName: Readonly<Record<string, number>> = constants.signals;

/** Names for choosing from, `SIGTERM` and so on, by number. */
export const signalNames = Object.entries(numbersByName)
  .filter(([name]) => !['SIGIOT', 'SIGPOLL', 'SIGUNUSED'].includes(name))
  .sort(([, one], [, other]) => one - other)
  .map(([name]) => name);

const namesByNumber = new Map(signalNames.map((name) => [numbersByName[name], name]));
/** SIGRTMAX. */
const lastSignal = 64;

/** `SIGKILL` for 9, `signal 40` for one without a name. */
export function signalName(number: number): string {
  return namesByNumber.get(number) ?? `signal ${number}`;
}

/**
 * The number of a signal given as `SIGTERM`, `TERM`, `term` or `15`.
 * @throws a terrariumError (Invalid) for anything that is no signal.
 */
export function parseSignal(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= lastSignal) {
    return Number(text);
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const number = Object.hasOwn(numbersByName, name) ? numbersByName[name] : undefined;
  if (number === undefined) {
    throw terrariumError(ErrorCode.Invalid, `There is no signal ${JSON.stringify(text)}`, {
      fix: `Use a number from 1 to ${lastSignal} or a name such as SIGTERM, SIGINT, SIGHUP or SIGKILL.`,
    });
  }
  return number;
}

/**
 * Sends a signal to a process, never to another one that came to have its pid.
 * @param signal its number.
 * @throws a terrariumError: NotFound when the process has ended, Unavailable when the kernel refuses (EPERM).
 */
export function signalProcess(identity: ProcessIdentity, signal: number): void {
  const gone = () =>
    terrariumError(ErrorCode.NotFound, `Process ${identity.pid} has ended`, { syscall: 'pidfd_send_signal' });
  let pidfd: number;
  try {
    pidfd = pidfdOpen(identity.pid);
  } catch (error) {
    throw hasCode(error, 'ESRCH') ? gone() : error;
  }
  try {
    // Only now the pid cannot be given to another process unnoticed: the check must follow the open.
    if (processIdentity(identity.pid)?.startTime !== identity.startTime) {
      throw gone();
    }
    pidfdSendSignal(pidfd, signal);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) {
      throw gone();
    }
    if (hasCode(error, 'EPERM')) {
      throw terrariumError(ErrorCode.Unavailable, `Process ${identity.pid} may not be signalled`, {
        syscall: 'pidfd_send_signal',
        errno: 'EPERM',
        cause: 'The process belongs to a user outside of the user namespaces that you own.',
      });
    }
    throw error;
  } finally {
    closeSync(pidfd);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof SystemError && error.code === code;
}
