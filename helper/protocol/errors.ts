import { ResponseError } from 'vscode-jsonrpc';
import type { DoctorLineId } from './machine.js';

/** Numbers in the range JSON-RPC leaves to servers (outside -32768…-32000). */
export enum ErrorCode {
  /** The request names a container, image, session or operation that is not there. */
  NotFound = 1,
  NameTaken = 2,
  /** Not possible in the present state: start of a running container and the like. */
  WrongState = 3,
  /** The specification, an option or a value is wrong. */
  Invalid = 4,
  /** A step of a plan failed: see `ErrorData`. */
  StepFailed = 5,
  /** This machine lacks what the request needs. */
  Unavailable = 6,
  /** A file, archive or image could not be read. */
  BadInput = 7,
  /** Ours: a defect. */
  Internal = 8,
  /** A registry wants other credentials, or some. */
  Unauthorized = 9,
}

/** What every error carries to the user beside its message: cause and fix, never only an errno. */
export interface ErrorData {
  /** Kind of the step that failed. */
  step?: string;
  syscall?: string;
  errno?: string;
  path?: string;
  /** The likely cause, found by probing. */
  cause?: string;
  /** What to do, in words. */
  fix?: string;
  /** A command to copy, when there is one. */
  command?: string;
  /** The line of the doctor that tells more, by its id. */
  doctor?: DoctorLineId;
  /** Operation whose ledger tells the rest. */
  ledger?: { container: string; operation: string };
}

export type TerrariumError = ResponseError<ErrorData>;

/** Makes the one kind of error that crosses the protocol. */
export function terrariumError(code: ErrorCode, message: string, data: ErrorData = {}): TerrariumError {
  return new ResponseError<ErrorData>(code, message, data);
}
