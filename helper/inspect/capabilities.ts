/** What a process may do: its capability sets, no_new_privs, seccomp and security label. */
import { readFileSync } from 'node:fs';
import { type CapabilityReport, capabilityNamesOf } from '../protocol/index.js';
import { procFolder } from './proc.js';
import { type ProcessStatus, readStatus } from './status.js';

/** Report on a process, or undefined when it has ended. */
export function readCapabilities(pid: number, proc = procFolder): CapabilityReport | undefined {
  const status = readStatus(pid, proc);
  return status && capabilityReport(status, readSecurityLabel(pid, proc));
}

/** The sets by name. @param securityLabel as in /proc/PID/attr/current. */
export function capabilityReport(status: ProcessStatus, securityLabel?: string): CapabilityReport {
  const { bounding, effective, permitted, inheritable, ambient } = status.capabilities;
  return {
    sets: {
      bounding: capabilityNamesOf(bounding),
      effective: capabilityNamesOf(effective),
      permitted: capabilityNamesOf(permitted),
      inheritable: capabilityNamesOf(inheritable),
      ambient: capabilityNamesOf(ambient),
    },
    noNewPrivileges: status.noNewPrivileges,
    seccomp: status.seccomp,
    ...(securityLabel ? { securityLabel } : {}),
  };
}

/** Errors that mean: no module that keeps labels (EINVAL), or one that hides this one, or the process has ended. */
const noLabel = new Set(['EINVAL', 'EACCES', 'ENOENT', 'ESRCH']);

/** AppArmor's or SELinux's label of a process; undefined where there is none to be read. */
export function readSecurityLabel(pid: number, proc = procFolder): string | undefined {
  try {
    // SELinux ends it with a NUL, AppArmor with a line feed.
    return readFileSync(`${proc}/${pid}/attr/current`, 'utf8').replace(/[\0\n]+$/, '') || undefined;
  } catch (error) {
    if (noLabel.has((error as NodeJS.ErrnoException).code ?? '')) {
      return undefined;
    }
    throw error;
  }
}
