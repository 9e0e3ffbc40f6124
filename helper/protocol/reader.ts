import { StreamMessageReader } from 'vscode-jsonrpc/node';

/**
 * Reads the messages of a process that may be killed in the middle of one. vscode-jsonrpc would wait for the rest with a
 * timer that it sets again and again, also once the connection is disposed: it keeps this process alive for ever.
 */
export function readMessages(stream: NodeJS.ReadableStream): StreamMessageReader {
  const reader = new StreamMessageReader(stream);
  reader.partialMessageTimeout = 0;
  return reader;
}
