/** Actions of a profile as the numbers a filter returns: linux/seccomp.h. */
import { ErrorCode, type oci, terrariumError } from '../../protocol/index.js';

export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
const SECCOMP_RET_ERRNO = 0x00050000;

const returns: Readonly<Record<oci.SeccompAction, number>> = {
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

const EPERM = 1;
const ENOSYS = 38;
/** MAX_ERRNO of the kernel: larger ones would be taken for addresses. */
const largestErrno = 4095;

/** What the filter itself answers when nothing else is said, and what it hands over instead to be answered so. */
export const refused = SECCOMP_RET_ERRNO | EPERM;
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;

export const unknownCall = SECCOMP_RET_ERRNO | ENOSYS;

/**
 * The number for an action.
 * @param errnoRet for SCMP_ACT_ERRNO; EPERM when there is none.
 * @throws a terrariumError (Invalid) for an action the kernel cannot take alone, and an errno out of range.
 */
export function verdict(action: oci.SeccompAction, errnoRet: number | undefined): number {
  if (!Object.hasOwn(returns, action)) {
    throw terrariumError(ErrorCode.Invalid, `The seccomp profile has an unknown action ${JSON.stringify(action)}`, {
      fix: `Use one of ${Object.keys(returns).join(', ')}.`,
    });
  }
  if (action !== 'SCMP_ACT_ERRNO') {
    return returns[action];
  }
  const errno = errnoRet ?? EPERM;
  if (!Number.isInteger(errno) || errno < 0 || errno > largestErrno) {
    throw terrariumError(ErrorCode.Invalid, `The seccomp profile has an impossible errnoRet ${JSON.stringify(errno)}`, {
      fix: `Use a number from 0 to ${largestErrno}; 1 is EPERM, 38 is ENOSYS.`,
    });
  }
  return SECCOMP_RET_ERRNO | errno;
}
