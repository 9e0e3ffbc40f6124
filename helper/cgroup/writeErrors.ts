import { ResponseError } from 'vscode-jsonrpc';
import { ErrorCode, type ErrorData, type LimitChange, type TerrariumError, terrariumError } from '../protocol/index.js';

export interface RefusedWrite {
  change: LimitChange | undefined;
  file: string | undefined;
  version: 1 | 2;
  /** Files that could not be put back. */
  lost: readonly string[];
}

/** The error for a limit the kernel refused: what it means here, and what to do. Pure. */
export function explainRefusal(error: unknown, refused: RefusedWrite): TerrariumError {
  const undone =
    refused.lost.length === 0
      ? 'Nothing was changed.'
      : `These files could not be put back: ${refused.lost.join(', ')}. Set them by hand, or restart the container.`;
  if (error instanceof ResponseError) {
    const known = error as TerrariumError;
    return terrariumError(known.code, `${known.message}. ${undone}`, known.data ?? {});
  }
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined) return terrariumError(ErrorCode.Internal, `${String(error)}. ${undone}`);
  const what = refused.change === undefined ? 'a limit' : `${refused.change.name} = ${refused.change.value}`;
  const { kind, cause, fix } = reasonOf(code, refused);
  const data: ErrorData = { errno: code, syscall: 'write', cause, fix, ...(path === undefined ? {} : { path }) };
  return terrariumError(kind, `The kernel refused ${what} (${code}). ${undone}`, data);
}

function reasonOf(code: string, { change, version }: RefusedWrite): { kind: ErrorCode; cause: string; fix: string } {
  const name = change?.name ?? 'the limit';
  switch (code) {
    case 'EBUSY':
      return {
        kind: ErrorCode.Invalid,
        cause: 'More memory is in use than that, and the kernel could not reclaim enough of it.',
        fix: 'Choose a larger value, or end what uses the memory first.',
      };
    case 'EINVAL':
      return version === 1
        ? {
            kind: ErrorCode.Invalid,
            cause:
              name === 'cpu.max'
                ? 'A group above this one allows less CPU time: in cgroup v1 a child may not ask for more than its parent has.'
                : 'The value contradicts another limit, for in cgroup v1 memory may not exceed the sum of memory and swap.',
            fix: 'Choose a value within the limits of the group above, or change the other limit in the same go.',
          }
        : {
            kind: ErrorCode.Invalid,
            cause: `The kernel does not take this value for ${name}.`,
            fix: 'Choose another value.',
          };
    case 'ERANGE':
      return { kind: ErrorCode.Invalid, cause: 'The value is out of range.', fix: 'Choose another value.' };
    case 'EPERM':
    case 'EACCES':
    case 'EROFS':
      return {
        kind: ErrorCode.Unavailable,
        cause: 'The file of this limit is not yours to write: the group was not delegated to you.',
        fix: 'Have the controller delegated (the doctor says how), then restart the container.',
      };
    case 'ENOENT':
      return {
        kind: ErrorCode.Unavailable,
        cause:
          name === 'memory.swap.max'
            ? 'The kernel does not account for swap, or the container has ended.'
            : 'The controller is not enabled for this container, or the container has ended.',
        fix:
          name === 'memory.swap.max'
            ? 'Boot with the kernel parameter swapaccount=1.'
            : 'Have the controller delegated (the doctor says how), then restart the container.',
      };
    case 'ENODEV':
      return { kind: ErrorCode.WrongState, cause: 'The container has just ended.', fix: 'Start it again.' };
    default:
      return {
        kind: ErrorCode.StepFailed,
        cause: `write(2) to the file of ${name} failed with ${code}.`,
        fix: 'Run the doctor to see what this machine allows.',
      };
  }
}
