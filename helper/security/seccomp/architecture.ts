/** Architectures a filter can be made for, and their system call numbers. */
import { ErrorCode, terrariumError } from '../../protocol/index.js';
import tables from './syscalls.json';

export type Architecture = keyof typeof tables;

/** AUDIT_ARCH_* of linux/audit.h: what seccomp_data.arch holds. */
export const auditArchitecture: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** Numbers by name: scripts/generate-syscalls.mjs makes them from the kernel's headers. */
export const systemCallNumbers: Record<Architecture, Readonly<Record<string, number>>> = tables;

/** The one this process runs on. @throws a terrariumError (Unavailable) for others than x64 and arm64. */
export function ownArchitecture(): Architecture {
  if (process.arch === 'x64' || process.arch === 'arm64') {
    return process.arch;
  }
  throw terrariumError(ErrorCode.Unavailable, `There are no seccomp filters for ${process.arch}`, {
    fix: 'Use a machine with x86-64 or arm64, or switch seccomp off for this container.',
  });
}
