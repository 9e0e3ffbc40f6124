import { finished, PassThrough } from 'node:stream';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { wholeMessages } from './requests/wholeMessages.js';
import { findInstallation, serve } from './server.js';

/**
 * Serves one client in this very process, over a pair of streams: the `terrarium` command saves itself a second Node.
 * The messages are the same.
 */
export function serveInProcess(): { input: NodeJS.WritableStream; output: NodeJS.ReadableStream } {
  const [input, output] = [new PassThrough(), new PassThrough()];
  start(input, output);
  return { input, output };
}

function start(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): void {
  // Given streams, not readers: the connection then ends this process with its client, as soon as this stream ends.
  const untilLeft = new PassThrough();
  const connection = createConnection(ProposedFeatures.all, untilLeft, wholeMessages(output));
  const { leave } = serve(connection, findInstallation(__dirname));
  input.pipe(untilLeft, { end: false });
  // A window that crashed says no shutdown.
  finished(input, () => void leave().finally(() => untilLeft.end()));
}

if (require.main === module) {
  // Any stray byte on standard output breaks the protocol.
  console.log = console.error;
  start(process.stdin, process.stdout);
}
