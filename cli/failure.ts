import { ResponseError } from 'vscode-jsonrpc';
import { ErrorCode, type ErrorData } from '../helper/protocol/index.js';

/** Statuses of our own, as env(1), timeout(1) and container engines have them. */
export const exitStatus = { failed: 125, cannotExecute: 126, notFound: 127 } as const;

/** An error as lines for a terminal: what, why, what to do. Control characters of what we pass on are escaped. */
export function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const data = error instanceof ResponseError ? (error.data as ErrorData | undefined) : undefined;
  return [
    `terrarium: ${message}`,
    ...(data?.cause === undefined ? [] : [`  cause: ${data.cause}`]),
    ...(data?.fix === undefined ? [] : [`  fix:   ${data.fix}`]),
    ...(data?.command === undefined ? [] : [`         ${data.command}`]),
    ...(data?.ledger === undefined
      ? []
      : [`  more:  terrarium ledger ${data.ledger.container} --operation ${data.ledger.operation}`]),
  ]
    .map(printable)
    .join('\n');
}

/** Escapes what a terminal would obey, except line ends. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => (c === '\n' ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

/** A value as JSON that a terminal can be shown too: JSON itself leaves DEL and the C1 control characters as they are. */
export function json(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The shell's convention: 127 when the command is not there, 126 when it cannot be executed, 125 for the rest. */
export function statusOf(error: unknown): number {
  if (!(error instanceof ResponseError) || error.code !== ErrorCode.StepFailed) return exitStatus.failed;
  const { step, errno } = (error.data as ErrorData | undefined) ?? {};
  if (step !== 'execute') return exitStatus.failed;
  return errno === 'ENOENT' ? exitStatus.notFound : exitStatus.cannotExecute;
}
