import type { ErrorData } from '../../helper/protocol/index.js';
import { ErrorCode } from '../../helper/protocol/index.js';
import { messageText } from '../text/untrusted.js';

/** What can be offered on an error, in the order of its buttons. */
export type ErrorAction =
  | { kind: 'copyCommand'; command: string }
  | { kind: 'showLedger'; container: string; operation: string }
  | { kind: 'showDoctorLine'; line: string }
  | { kind: 'openDoctor' }
  | { kind: 'showLog' };

/** An error as one notification: a sentence or three, and what to do about it. */
export interface ErrorReport {
  message: string;
  actions: ErrorAction[];
}

// JSON-RPC and LSP: request cancelled, server cancelled, pending response rejected, connection inactive.
const cancelledCodes = [-32800, -32802];
const connectionCodes = [-32097, -32096];

/** Nothing to report: the person who would read it cancelled. */
export function isCancelled(error: unknown): boolean {
  return codeOf(error) !== undefined && cancelledCodes.includes(Number(codeOf(error)));
}

/** The helper ended, or was ended, before it answered: what was asked for may have been done or not. */
export function isDisconnected(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && connectionCodes.includes(code);
}

/** Makes one report of what a request was refused with. `doing` says what was attempted, as in "Start web". */
export function reportOf(error: unknown, doing: string): ErrorReport {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (isDisconnected(error)) {
    return {
      message: messageText(`${doing}: the helper ended before it answered. Containers run on without it.`),
      actions: [{ kind: 'showLog' }],
    };
  }
  const data = dataOf(error);
  const message = [sentence(`${doing}: ${text}`), sentence(data.cause), sentence(data.fix)].filter(Boolean).join(' ');
  const actions: ErrorAction[] = [];
  if (data.command !== undefined) {
    actions.push({ kind: 'copyCommand', command: data.command });
  }
  if (data.ledger !== undefined) {
    actions.push({ kind: 'showLedger', ...data.ledger });
  }
  if (data.doctor !== undefined) {
    actions.push({ kind: 'showDoctorLine', line: data.doctor });
  } else if (code === ErrorCode.Unavailable || code === ErrorCode.StepFailed) {
    actions.push({ kind: 'openDoctor' });
  }
  if (code === undefined || code === ErrorCode.Internal || code <= -32000) {
    actions.push({ kind: 'showLog' });
  }
  return { message: messageText(message, 900), actions };
}

/** One report for several failures of the same thing on several items: the first in full, the others counted. */
export function combinedReport(failures: readonly { error: unknown; doing: string }[]): ErrorReport | undefined {
  const [first, ...others] = failures.filter(({ error }) => !isCancelled(error));
  if (!first) {
    return undefined;
  }
  const report = reportOf(first.error, first.doing);
  if (others.length === 0) {
    return report;
  }
  const names = others.map(({ doing }) => doing).join(', ');
  return { ...report, message: messageText(`${report.message} Also failed: ${names}.`, 1200) };
}

function codeOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** The data of an error, field by field: it crossed a process boundary. */
function dataOf(error: unknown): Pick<ErrorData, 'cause' | 'fix' | 'command' | 'ledger'> & { doctor?: string } {
  const data = typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
  if (typeof data !== 'object' || data === null) {
    return {};
  }
  const { cause, fix, command, doctor, ledger } = data as Record<string, unknown>;
  const { container, operation } = (typeof ledger === 'object' && ledger !== null ? ledger : {}) as Record<
    string,
    unknown
  >;
  return {
    ...(typeof cause === 'string' ? { cause } : {}),
    ...(typeof fix === 'string' ? { fix } : {}),
    ...(typeof command === 'string' ? { command } : {}),
    ...(typeof doctor === 'string' ? { doctor } : {}),
    ...(typeof container === 'string' && typeof operation === 'string' ? { ledger: { container, operation } } : {}),
  };
}

function sentence(text: string | undefined): string {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' || /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
