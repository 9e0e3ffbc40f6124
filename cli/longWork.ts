import { randomUUID } from 'node:crypto';
import {
  type CancellationToken,
  CancellationTokenSource,
  type MessageConnection,
  type ProgressType,
} from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { bytes } from './table.js';

/** Does something that Ctrl-C, or the end of the terminal, cancels: what was made half is then removed. */
export async function cancellable<T>(work: (token: CancellationToken) => Promise<T>): Promise<T> {
  const cancel = new CancellationTokenSource();
  const end = () => cancel.cancel();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  try {
    return await work(cancel.token);
  } finally {
    for (const signal of signals) process.off(signal, end);
    cancel.dispose();
  }
}

/**
 * As `cancellable`, with how far the request is in one line, where standard error is a terminal.
 * @param work sends the request, with `progress` and the token that cancels it.
 */
export async function followed<P, T>(
  connection: MessageConnection,
  type: ProgressType<P>,
  describe: (progress: P) => string,
  work: (progress: string, token: CancellationToken) => Promise<T>,
): Promise<T> {
  const show = (line: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${line}\x1b[K`);
  };
  const progress = randomUUID();
  const listener = connection.onProgress(type, progress, (report) => show(describe(report)));
  try {
    return await cancellable((token) => work(progress, token));
  } finally {
    show('');
    listener.dispose();
  }
}

/** As `followed`, for requests on images. */
export function followedImage<T>(
  connection: MessageConnection,
  work: (progress: string, token: CancellationToken) => Promise<T>,
): Promise<T> {
  return followed(connection, protocol.ImageProgressType, imageLine, work);
}

function imageLine({ phase, doneBytes, totalBytes, entries }: protocol.ImageProgress): string {
  const total = totalBytes > 0 ? ` of ${bytes(totalBytes)}` : '';
  return `${phase}: ${bytes(doneBytes)}${total}${entries > 0 ? `, ${entries} entries` : ''}`;
}
