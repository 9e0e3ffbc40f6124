import { Writable } from 'node:stream';

/**
 * A stream to give to a connection in the place of `stream`: each message leaves in one piece. vscode-jsonrpc writes
 * its header and its content one after the other, for which whoever reads is woken twice.
 */
export function wholeMessages(stream: NodeJS.WritableStream): Writable {
  let header: Buffer | undefined;
  const whole = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (header === undefined && isHeader(chunk)) {
        header = chunk;
        done();
        return;
      }
      const message = header === undefined ? chunk : Buffer.concat([header, chunk]);
      header = undefined;
      stream.write(message, done);
    },
  });
  stream.on('error', (error: Error) => whole.destroy(error));
  stream.on('close', () => whole.destroy());
  return whole;
}

/** What precedes the content of a message: language server protocol, "Header Part". */
function isHeader(chunk: Buffer): boolean {
  return (
    chunk.toString('latin1', 0, 15) === 'Content-Length:' && chunk.toString('latin1', chunk.length - 4) === '\r\n\r\n'
  );
}
