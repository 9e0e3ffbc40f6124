import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame, type Frame, FrameDecoder } from '../../../helper/container/frame.js';

function frame(type: number, payload: Uint8Array, time = 5n): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt8(type, 4);
  header.writeBigUInt64LE(time, 8);
  return Buffer.concat([header, payload]);
}

const exit = Buffer.from('8900000009000000' + '01000000', 'hex');
const gap = Buffer.from('0001000000000000', 'hex');
const stream = Buffer.concat([
  frame(1, Buffer.from('out')),
  frame(2, Buffer.from('err')),
  frame(1, Buffer.alloc(0)),
  frame(3, gap),
  frame(4, exit),
]);
const frames: Frame[] = [
  { type: 'stdout', time: 5n, data: Buffer.from('out') },
  { type: 'stderr', time: 5n, data: Buffer.from('err') },
  { type: 'stdout', time: 5n, data: Buffer.alloc(0) },
  { type: 'gap', time: 5n, bytes: 256n },
  { type: 'exit', time: 5n, exitCode: 137, signal: 9, oomKilled: true },
];

test('frames come out whole however the stream is cut', () => {
  for (let size = 1; size <= stream.length; size++) {
    const decoder = new FrameDecoder();
    const got: Frame[] = [];
    for (let at = 0; at < stream.length; at += size) got.push(...decoder.push(stream.subarray(at, at + size)));
    assert.deepEqual(got, frames, `cut every ${size} bytes`);
    assert.equal(decoder.pendingBytes, 0);
  }
});

test('data of a frame stay as they were when the chunk is used again', () => {
  const chunk = frame(1, Buffer.from('kept'));
  const [got] = [...new FrameDecoder().push(chunk)];
  chunk.fill(0);
  assert.deepEqual(got, { type: 'stdout', time: 5n, data: Buffer.from('kept') });
});

test('a part of a frame is no frame yet', () => {
  assert.equal(decodeFrame(stream.subarray(0, 15)), undefined);
  assert.equal(decodeFrame(stream.subarray(0, 18)), undefined);
});

for (const [what, bytes] of [
  ['an unknown type', frame(9, Buffer.alloc(0))],
  ['a gap without its count', frame(3, Buffer.alloc(4))],
  ['an exit that is too long', frame(4, Buffer.alloc(16))],
  ['an absurd length', Buffer.alloc(16, 0xff)],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => decodeFrame(bytes), { code: 7 });
  });
}
