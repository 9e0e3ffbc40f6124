import { l10n } from 'vscode';
import type { ErrorData } from '../../helper/protocol/index.js';
import { isDisconnected } from '../errors/errorReport.js';

/** What the form says of a failure, with what the helper knows about it. */
export function describeError(error: unknown): { message: string; data: ErrorData } {
  if (isDisconnected(error)) {
    const message = l10n.t('The helper ended before it answered. What is set is shown as soon as another one runs.');
    return { message, data: {} };
  }
  const message = error instanceof Error ? error.message : String(error);
  const data = error instanceof Error && 'data' in error ? error.data : undefined;
  return { message, data: typeof data === 'object' && data !== null ? data : {} };
}

/** One after another, each with its full stop. */
export const sentences = (...parts: (string | undefined)[]): string =>
  parts
    .flatMap((part) => (part === undefined || part === '' ? [] : [/[.!?…]$/.test(part) ? part : `${part}.`]))
    .join(' ');

/** The code of a refused request; undefined for other failures. */
export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
