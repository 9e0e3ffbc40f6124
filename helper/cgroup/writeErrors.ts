import { ResponseError } from 'vscode-jsonrpc';
import {
  ErrorCode,
  type ErrorData,
  knobOf,
  type LimitChange,
  type TerrariumError,
  terrariumError,
} from '../protocol/index.js';
import { doctorLineOf } from './doctorLines.js';

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
  const controller = knobOf(refused.change?.name ?? 'cgroup').controller;
  const data: ErrorData = {
    errno: code,
    syscall: 'write',
    cause,
    fix,
    doctor: doctorLineOf(controller),
    ...(path === undefined ? {} : { path }),
  };
  return terrariumError(kind, `The kernel refused ${what} (${code}). ${undone}`, data);
}

interface Reason {
  kind: ErrorCode;
  cause: string;
  fix: string;
}

const delegate = 'Have the controller delegated (the doctor says how), then restart the container.';

function reasonOf(code: string, refused: RefusedWrite): Reason {
  const name = refused.change?.name ?? 'the limit';
  const { controller, kind } = knobOf(name);
  switch (code) {
    case 'EBUSY':
      return {
        kind: ErrorCode.Invalid,
        cause:
          controller === 'cpuset'
            ? 'Groups below this one use CPUs or memory nodes that would be taken away.'
            : 'More memory is in use than that, and the kernel could not reclaim enough of it.',
        fix:
          controller === 'cpuset'
            ? 'Take them away from the groups below first.'
            : 'Choose a larger value, or end what uses the memory first.',
      };
    case 'EINVAL':
      return invalidReason(name, kind, refused.version);
    case 'ENOSPC':
      return {
        kind: ErrorCode.Invalid,
        cause: 'Processes are in this group, and in cgroup v1 they need at least one CPU and one memory node.',
        fix: 'Name at least one.',
      };
    case 'ERANGE':
      return {
        kind: ErrorCode.Invalid,
        cause: controller === 'cpuset' ? 'This machine has no such CPU or memory node.' : 'The value is out of range.',
        fix: 'Choose another value.',
      };
    case 'EOPNOTSUPP':
      return {
        kind: ErrorCode.Unavailable,
        cause: `The kernel cannot limit ${name} for this device: its scheduler or driver does not take part.`,
        fix: 'Choose another device, or the scheduler bfq for it (/sys/block/DEVICE/queue/scheduler).',
      };
    case 'EROFS':
      return {
        kind: ErrorCode.Unavailable,
        cause: 'The cgroup file system is mounted read-only here.',
        fix: 'Mount it writable as root (mount -o remount,rw), or edit limits where it is.',
      };
    case 'EPERM':
    case 'EACCES':
      return {
        kind: ErrorCode.Unavailable,
        cause:
          controller === 'cpuset'
            ? 'The file is not yours to write, or the group above does not have these CPUs or memory nodes.'
            : 'The file of this limit is not yours to write: the group was not delegated to you.',
        fix: controller === 'cpuset' ? 'Choose some that the group above has, or have cpuset delegated.' : delegate,
      };
    case 'ENOENT':
      return {
        kind: ErrorCode.Unavailable,
        cause:
          name === 'memory.swap.max'
            ? 'The kernel does not account for swap, or the container has ended.'
            : 'The controller is not enabled for this group, or the group is gone: its container has ended.',
        fix: name === 'memory.swap.max' ? 'Boot with the kernel parameter swapaccount=1.' : delegate,
      };
    case 'ENODEV':
      return kind === 'ioMax' || kind === 'ioWeight'
        ? {
            kind: ErrorCode.Invalid,
            cause: 'There is no such disk: it may have been taken away, or it is a partition of one.',
            fix: 'Name a whole disk by its number: lsblk -d -o NAME,MAJ:MIN lists them.',
          }
        : controller === 'rdma'
          ? {
              kind: ErrorCode.Invalid,
              cause: 'There is no such RDMA device.',
              fix: 'Begin each line with the name of a device in /sys/class/infiniband.',
            }
          : { kind: ErrorCode.WrongState, cause: 'The container has just ended.', fix: 'Start it again.' };
    default:
      return {
        kind: ErrorCode.StepFailed,
        cause: `write(2) to the file of ${name} failed with ${code}.`,
        fix: 'Run the doctor to see what this machine allows.',
      };
  }
}

function invalidReason(name: string, kind: string, version: 1 | 2): Reason {
  const refused = { kind: ErrorCode.Invalid };
  if (kind === 'list') {
    return {
      ...refused,
      cause: 'This machine has no such CPU or memory node, or the group above does not.',
      fix: 'Choose some that cpuset.cpus.effective or cpuset.mems.effective of the group above names.',
    };
  }
  if (version === 1 && name === 'cpu.max') {
    return {
      ...refused,
      cause:
        'A group above this one allows less CPU time: in cgroup v1 a child may not ask for more than its parent has.',
      fix: 'Choose a value within the limits of the group above.',
    };
  }
  if (version === 1 && (name === 'memory.max' || name === 'memory.swap.max')) {
    return {
      ...refused,
      cause: 'The value contradicts another limit, for in cgroup v1 memory may not exceed the sum of memory and swap.',
      fix: 'Choose a value within the limits of the group above, or change the other limit in the same go.',
    };
  }
  if (name === 'misc.max') {
    return {
      ...refused,
      cause: 'The kernel takes a line for each resource that this machine has, and a number or max after its name.',
      fix: 'misc.capacity of the topmost control group names those that there are.',
    };
  }
  return { ...refused, cause: `The kernel does not take this value for ${name}.`, fix: 'Choose another value.' };
}
