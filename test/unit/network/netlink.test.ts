import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, isInterrupted, parseTables } from '../../../helper/network/netlink.js';
import { partsOf } from '../../../helper/network/view.js';

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.from([value & 255, value >> 8])));
const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
};
const attribute = (type: number, data: Buffer) => padded(Buffer.concat([u16(4 + data.length, type), data]));
const text = (value: string) => Buffer.from(`${value}\0`);

function message(type: number, body: Buffer, ...attributes: Buffer[]): Buffer {
  const all = Buffer.concat([padded(body), ...attributes]);
  return Buffer.concat([u32(16 + all.length), u16(type, 2), u32(1, 0), all]);
}

const stats = Buffer.alloc(24 * 8);
for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) stats.writeBigUInt64LE(BigInt(index + 10), index * 8);

// IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST | IFF_LOWER_UP
const link = (index: number, ...attributes: Buffer[]) =>
  message(16, Buffer.concat([u16(0, 1), u32(index, 0x11043, 0)]), ...attributes);
const bridge = link(7, attribute(3, text('bridge0')), attribute(4, u32(1500)), attribute(16, Buffer.from([6])));
const port = link(
  9,
  attribute(3, text('eth0')),
  attribute(4, u32(1400)),
  attribute(1, Buffer.from([2, 0, 0, 0, 0xab, 1])),
  attribute(10, u32(7)),
  attribute(6, text('noqueue')),
  attribute(16, Buffer.from([2])),
  // IFLA_LINKINFO holds others, and may say so by its highest bit.
  attribute(18 | 0x8000, attribute(1, text('veth'))),
  attribute(23, stats),
);

test('links are read with their names, kinds, states and counters, and addresses go to theirs', () => {
  const address = message(
    20,
    Buffer.concat([Buffer.from([2, 24, 0, 0]), u32(9)]),
    attribute(2, Buffer.from([10, 1, 2, 3])),
  );
  const local = message(
    20,
    Buffer.concat([Buffer.from([10, 64, 0, 253]), u32(9)]),
    attribute(1, Buffer.from(`fe80${'00'.repeat(13)}01`, 'hex')),
  );
  const { interfaces } = parseTables(Buffer.concat([port, bridge, address, local]));
  assert.deepEqual(interfaces[0], {
    index: 9,
    name: 'eth0',
    kind: 'veth',
    flags: ['UP', 'BROADCAST', 'RUNNING', 'MULTICAST', 'LOWER_UP'],
    state: 'down',
    mtu: 1400,
    linkAddress: '02:00:00:00:ab:01',
    master: 'bridge0',
    queue: 'noqueue',
    addresses: [
      { family: 'inet', address: '10.1.2.3', prefix: 24, scope: 'global' },
      { family: 'inet6', address: 'fe80::1', prefix: 64, scope: 'link' },
    ],
    received: { packets: 10, bytes: 12, errors: 14, dropped: 16 },
    sent: { packets: 11, bytes: 13, errors: 15, dropped: 17 },
  });
  assert.equal(interfaces[1]?.name, 'bridge0');
  assert.equal(interfaces[1]?.state, 'up');
});

test('routes are those of all tables but the local one', () => {
  const route = (length: number, table: number, type: number, ...attributes: Buffer[]) =>
    message(24, Buffer.concat([Buffer.from([2, length, 0, 0, table, 2, 0, type]), u32(0)]), ...attributes);
  const { routes } = parseTables(
    Buffer.concat([
      port,
      route(0, 254, 1, attribute(5, Buffer.from([10, 1, 2, 1])), attribute(4, u32(9)), attribute(6, u32(100))),
      route(
        24,
        254,
        1,
        attribute(1, Buffer.from([10, 1, 2, 0])),
        attribute(4, u32(9)),
        attribute(7, Buffer.from([10, 1, 2, 3])),
      ),
      route(32, 255, 2, attribute(1, Buffer.from([10, 1, 2, 3])), attribute(4, u32(9))),
      route(8, 252, 6, attribute(1, Buffer.from([11, 0, 0, 0])), attribute(15, u32(1000))),
    ]),
  );
  assert.deepEqual(routes, [
    { family: 'inet', destination: 'default', type: 'unicast', gateway: '10.1.2.1', interface: 'eth0', metric: 100 },
    { family: 'inet', destination: '10.1.2.0/24', type: 'unicast', interface: 'eth0', source: '10.1.2.3' },
    { family: 'inet', destination: '11.0.0.0/8', type: 'blackhole', table: 1000 },
  ]);
});

test('neighbours are those that were looked for: what needs none is left out', () => {
  const neighbour = (state: number, last: number, ...attributes: Buffer[]) =>
    message(
      28,
      Buffer.concat([Buffer.from([2, 0, 0, 0]), u32(9), u16(state, 0)]),
      attribute(1, Buffer.from([10, 1, 2, last])),
      ...attributes,
    );
  const { neighbours } = parseTables(
    Buffer.concat([
      port,
      neighbour(2, 4, attribute(2, Buffer.from([2, 0, 0, 0, 0, 9]))),
      neighbour(0x20, 5),
      neighbour(0x40, 6),
    ]),
  );
  assert.deepEqual(neighbours, [
    { family: 'inet', address: '10.1.2.4', interface: 'eth0', linkAddress: '02:00:00:00:00:09', state: 'reachable' },
    { family: 'inet', address: '10.1.2.5', interface: 'eth0', state: 'failed' },
  ]);
});

test('a table that changed while it was read is known by its flag', () => {
  const interrupted = Buffer.from(port);
  interrupted.writeUInt16LE(2 | 0x10, 6);
  assert.equal(isInterrupted(Buffer.concat([port, bridge])), false);
  assert.equal(isInterrupted(Buffer.concat([bridge, interrupted])), true);
});

test('what is cut off is no answer', () => {
  assert.throws(() => parseTables(port.subarray(0, port.length - 4)), RangeError);
  const part = Buffer.concat([u32(1, bridge.length), bridge]);
  const end = u32(3, 0);
  assert.deepEqual(partsOf(Buffer.concat([part, end])), [{ kind: 1, data: bridge }]);
  assert.throws(() => partsOf(part), RangeError);
  assert.throws(() => partsOf(Buffer.concat([part, end]).subarray(0, 20)), RangeError);
  assert.throws(() => addressText('inet6', Buffer.alloc(4)), RangeError);
});
