import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderedUnix, parseUnixSockets } from '../../../helper/network/unixSockets.js';
import type { UnixSocket } from '../../../helper/protocol/index.js';

interface Told {
  type?: number;
  state?: number;
  inode: number;
  name?: string;
  peer?: number;
}

/** A message of netlink(7). */
function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, body]);
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function told({ type = 1, state = 10, inode, name, peer }: Told): Buffer {
  const structure = Buffer.alloc(16);
  structure.set([1, type, state], 0);
  structure.writeUInt32LE(inode, 4);
  const number = Buffer.alloc(4);
  number.writeUInt32LE(peer ?? 0);
  return message(
    20,
    Buffer.concat([
      structure,
      ...(name === undefined ? [] : [attribute(0, Buffer.from(name))]),
      ...(peer === undefined ? [] : [attribute(2, number)]),
    ]),
  );
}

const done = message(3, Buffer.alloc(4));

test('paths end at their NUL, abstract names begin with one, and a line feed is a part of either', () => {
  const sockets = parseUnixSockets(
    Buffer.concat([
      told({ inode: 1, name: '/run/a b\n2: /forged\0' }),
      told({ inode: 2, name: '\0bus\0x', type: 5 }),
      told({ inode: 3, name: `/${'x'.repeat(107)}`, type: 2, state: 7 }),
      told({ inode: 4, state: 1, peer: 5 }),
      told({ inode: 6, state: 1, peer: 0 }),
      done,
    ]),
  );
  assert.deepEqual(sockets, [
    { type: 'stream', state: 'listen', path: '/run/a b\n2: /forged', inode: 1 },
    { type: 'seqpacket', state: 'listen', abstract: 'bus@x', inode: 2 },
    { type: 'dgram', state: 'unconnected', path: `/${'x'.repeat(107)}`, inode: 3 },
    { type: 'stream', state: 'established', inode: 4, peer: 5 },
    { type: 'stream', state: 'established', inode: 6 },
  ]);
});

test('a kernel that does not tell is told from a namespace without any', () => {
  const refused = Buffer.alloc(20);
  refused.writeInt32LE(-2);
  assert.equal(parseUnixSockets(message(2, refused)), undefined);
  assert.equal(parseUnixSockets(Buffer.alloc(0)), undefined);
  assert.deepEqual(parseUnixSockets(done), []);
});

test('what others may reach comes first, connections by their names after it', () => {
  const bare: Pick<UnixSocket, 'type' | 'processes'> = { type: 'stream', processes: [] };
  const ordered = orderedUnix([
    { ...bare, state: 'established', inode: 1 },
    { ...bare, state: 'established', inode: 2, path: '/run/a' },
    { ...bare, state: 'unconnected', inode: 3 },
    { ...bare, type: 'dgram', state: 'unconnected', inode: 4, path: '/run/log' },
    { ...bare, state: 'listen', inode: 5, path: '/run/a' },
  ]);
  assert.deepEqual(
    ordered.map(({ inode }) => inode),
    [5, 4, 2, 1, 3],
  );
});
