import { ResponseError } from 'vscode-jsonrpc';
import { ErrorCode, type ErrorData, enteredProcesses } from '../helper/protocol/index.js';

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
    ...(data?.doctor === undefined ? [] : [`  see:   terrarium doctor ${data.doctor}`]),
    ...(data?.ledger === undefined
      ? []
      : [`  more:  terrarium ledger ${ledgersOf(data.ledger.container)} --operation ${data.ledger.operation}`]),
  ]
    .map(printable)
    .join('\n');
}

/** As `terrarium ledger` is told whose ledgers are meant. */
function ledgersOf(container: string): string {
  return container === enteredProcesses ? '--entered' : container;
}

/** What a terminal or a reader's eye obeys: control characters, marks that turn the direction of text, line separators. */
const obeyed = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Escapes what a terminal would obey, except line ends. */
export function printable(text: string): string {
  return text.replace(obeyed, (c) => {
    if (c === '\n') return c;
    const digits = c.charCodeAt(0).toString(16);
    return digits.length <= 2 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
  });
}

/** JSON for people and machines: `JSON.stringify` leaves DEL, the C1 controls and marks of direction as they are. */
export function json(value: unknown): string {
  const escaped = (c: string) => (c === '\n' ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return JSON.stringify(value, null, 2).replace(obeyed, escaped);
}

/** The shell's convention: 127 when the command is not there, 126 when it cannot be executed, 125 for the rest. */
export function statusOf(error: unknown): number {
  if (!(error instanceof ResponseError) || error.code !== ErrorCode.StepFailed) return exitStatus.failed;
  const { step, errno } = (error.data as ErrorData | undefined) ?? {};
  if (step !== 'execute') return exitStatus.failed;
  return errno === 'ENOENT' ? exitStatus.notFound : exitStatus.cannotExecute;
}
