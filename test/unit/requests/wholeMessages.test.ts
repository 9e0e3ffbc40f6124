import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { type Message, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { wholeMessages } from '../../../helper/requests/wholeMessages.js';
import { eventually } from '../../kernel/support/wait.js';

const message = (id: number): Message & { id: number } => ({ jsonrpc: '2.0', id });

/** A stream that remembers each write. */
function recorder(): { stream: Writable; writes: string[] } {
  const writes: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString());
      done();
    },
  });
  return { stream, writes };
}

test('a message leaves in one write, where the library alone makes two', async () => {
  const [plain, whole] = [recorder(), recorder()];
  for (let id = 0; id < 3; id++) {
    await new StreamMessageWriter(plain.stream).write(message(id));
    await new StreamMessageWriter(wholeMessages(whole.stream)).write(message(id));
  }
  assert.equal(plain.writes.length, 6, 'control');
  assert.equal(whole.writes.length, 3);
  assert.equal(whole.writes.join(''), plain.writes.join(''));
});

test('what is written arrives as it was, also what looks like a header', async () => {
  const pipe = new PassThrough();
  const stream = wholeMessages(pipe);
  const writer = new StreamMessageWriter(stream);
  const received: Message[] = [];
  new StreamMessageReader(pipe).listen((one) => received.push(one));
  const sent = [
    { ...message(1), params: 'Content-Length: 3\r\n\r\n' },
    message(2),
    { ...message(3), params: 'é'.repeat(70_000) },
  ];
  await Promise.all(sent.map((one) => writer.write(one)));
  await eventually('all of it', () => received.length === sent.length);
  assert.deepEqual(received, sent);
});

test('an error of the stream below is the stream’s own', async () => {
  const broken = new PassThrough();
  const stream = wholeMessages(broken);
  const failed = once(stream, 'error');
  broken.destroy(new Error('EPIPE'));
  assert.match(String((await failed)[0]), /EPIPE/);
});
