import type { ProgressType } from 'vscode-jsonrpc';
import type { CancellationToken, Connection } from 'vscode-languageserver/node';

/** Runs work that its caller may cancel. */
export async function cancellable<T>(token: CancellationToken, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const listener = token.onCancellationRequested(() => abort.abort());
  if (token.isCancellationRequested) abort.abort();
  try {
    return await work(abort.signal);
  } finally {
    listener.dispose();
  }
}

/** Passes progress on to whoever wants it; without a token nobody does. */
export function reporter<G>(
  connection: Connection,
  type: ProgressType<G>,
  token: string | undefined,
): (progress: G) => void {
  return token === undefined
    ? () => undefined
    : (progress) => void connection.sendProgress<unknown>(type, token, progress);
}
