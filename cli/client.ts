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

/** A connection to a helper of our own. It ends with the process. */
export async function connect(): Promise<MessageConnection> {
  const helper = require(path.join(__dirname, 'helper.cjs')) as HelperModule;
  const { input, output } = helper.serveInProcess();
  const connection = createMessageConnection(new StreamMessageReader(output), new StreamMessageWriter(input));
  connection.listen();
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  return connection;
}
