import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { StreamMessageReader } from 'vscode-jsonrpc/node';
import { readMessages } from '../../../helper/protocol/reader.js';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** How many timers a message that is never whole leaves behind. */
async function timersLeft(read: (stream: PassThrough) => StreamMessageReader): Promise<number> {
  const stream = new PassThrough();
  const reader = read(stream);
  const before = timers();
  reader.listen(() => assert.fail('there is no whole message'));
  stream.write('Content-Length: 100\r\n\r\n{"cut');
  await new Promise((resolve) => setImmediate(resolve));
  stream.end();
  reader.dispose();
  return timers() - before;
}

test('a message that is cut short by the death of its sender keeps nobody alive', async () => {
  assert.equal(await timersLeft(readMessages), 0);
  // The library's own reader: it is what the other is for.
  const plain: StreamMessageReader[] = [];
  const left = await timersLeft((stream) => {
    const reader = new StreamMessageReader(stream);
    plain.push(reader);
    reader.partialMessageTimeout = 5;
    return reader;
  });
  for (const reader of plain) reader.partialMessageTimeout = 0;
  assert.equal(left, 1);
});
