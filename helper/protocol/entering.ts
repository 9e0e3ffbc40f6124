/** Entering any process, of a container of ours or not: what `process/*` does beside looking. */
import { RequestType } from 'vscode-jsonrpc';
import type { ExecSession, ExecSpecification, ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';

export interface EnterProcessParams extends ExecSpecification {
  /** Without a start time whoever has the pid now. */
  process: { pid: number; startTime?: number };
}

/**
 * Starts one more process in the namespaces of another.
 * @throws NotFound when that has ended, Unavailable for a namespace that this user has no say over, StepFailed
 */
export const EnterProcess = new RequestType<EnterProcessParams, ExecSession, ErrorData>('process/enter');

export interface SignalProcessParams {
  process: ProcessIdentity;
  /** Name or number. Default SIGTERM. */
  signal?: string;
}

/** @throws NotFound when it has ended, Unavailable when it is not this user's to signal */
export const SignalProcess = new RequestType<SignalProcessParams, null, ErrorData>('process/signal');
