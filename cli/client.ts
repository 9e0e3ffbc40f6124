import * as path from 'node:path';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';

/** What the helper's bundle exports: it serves this process over a pair of streams. */
interface HelperModule {
  serveInProcess(): { input: NodeJS.WritableStream; output: NodeJS.ReadableStream };
}

let connection: MessageConnection | undefined;

/** The connection to a helper of our own. */
export async function connect(): Promise<MessageConnection> {
  if (connection !== undefined) return connection;
  const helper = require(path.join(__dirname, 'helper.cjs')) as HelperModule;
  const { input, output } = helper.serveInProcess();
  connection = createMessageConnection(new StreamMessageReader(output), new StreamMessageWriter(input));
  connection.listen();
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  return connection;
}

/** Lets the helper finish what it still writes. */
export async function disconnect(): Promise<void> {
  await connection?.sendRequest('shutdown');
}
