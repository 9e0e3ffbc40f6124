/** System calls that a filter refused, and what is let through at the next start: what `container/denied` answers. */
import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { CapabilityName } from './capabilities.js';
import type { ErrorData } from './errors.js';
import type { Seccomp } from './oci.js';
import type { ContainerReference } from './requests.js';

/** A profile with what a container has beside it. */
export interface SeccompChoice {
  /**
   * `default`, a profile, or the absolute path of a file with one, in OCI's or Docker's format, which is read when the container is
   * made. Default: `default`.
   */
  profile?: string | Seccomp;
  /** Calls that are let through whatever the profile says of them. */
  allow?: string[];
  /** Count the calls that are refused with EPERM, and tell of them. Default: false. */
  notify?: boolean;
}

/** Why it takes more than the filter's leave. */
export type AlsoNeeded =
  /** A capability that the container does not have. */
  | { kind: 'capability'; capability: CapabilityName }
  /** Privileges on the machine itself, which no container of an ordinary user can have. */
  | { kind: 'machine' };

/** A call that a program was refused. */
export interface DeniedCall {
  /** Its name, or its number where it has none. */
  call: string;
  number: number;
  /** The thread's name (comm), of at most 15 bytes, which a program chooses for itself. Empty: it ended too soon to be asked. */
  program: string;
  /** How often in this run. */
  count: number;
  /** The next start lets it through. */
  allowed: boolean;
  /** What else the kernel wants once the filter lets it through. */
  needs?: AlsoNeeded;
}

export interface DeniedReport {
  /** Whether refused calls are counted at all. */
  notify: boolean;
  /** Of the latest run, the most frequent first. */
  calls: DeniedCall[];
  /** How often others were refused, beyond the kinds that are kept apart. */
  others: number;
  /** What the next start lets through beyond the profile. */
  allow: string[];
}

/** What the filter of a container refused in its latest run. */
export const ReadDenied = new RequestType<ContainerReference, DeniedReport, ErrorData>('container/denied');

export interface AllowCallsParams extends ContainerReference {
  /** Names of system calls. */
  calls: string[];
  /** Take them back instead. */
  revoke?: boolean;
}
/**
 * Has later starts let calls through: a filter that is loaded cannot be loosened. @throws Invalid for what is no system call,
 * WrongState for a container without a filter.
 */
export const AllowCalls = new RequestType<AllowCallsParams, DeniedReport, ErrorData>('container/allowCalls');

/** The profile that containers have by default, to begin one's own with. */
export const ReadDefaultProfile = new RequestType0<Seccomp, ErrorData>('seccomp/default');

/** Calls were refused, or are let through at the next start: the whole list, since it is short. */
export const CallsDenied = new NotificationType<{ container: string; report: DeniedReport }>('seccomp/denied');
