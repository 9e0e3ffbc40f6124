import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { processIdentity } from '../../../helper/inspect/stat.js';
import { readListeners, readSockets, socketsIn } from '../../../helper/network/socketReader.js';
import { isListening, parseSocketTable } from '../../../helper/network/socketTable.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const table = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 101 1 0 100 0 0 10 0',
  '   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 102 1 0 20 4 30 10 -1',
  '',
].join('\n');

test('a table is read the same wherever it is cut', async () => {
  const whole = parseSocketTable('tcp', table);
  assert.equal(whole.length, 2);
  for (let cut = 0; cut <= table.length; cut++) {
    const pieces = async function* () {
      yield table.slice(0, cut);
      yield table.slice(cut);
    };
    const found = [];
    for await (const sockets of socketsIn('tcp', pieces())) found.push(...sockets);
    assert.deepEqual(found, whole, `cut at ${cut}`);
  }
});

test('of each kind no more are kept than are asked for, the rest is counted; what listens is found without connections', async (t) => {
  const own = processIdentity(process.pid) ?? assert.fail('no such process');
  const servers = [createServer(), createServer(), createServer()].map((server) => server.listen(0, '127.0.0.1'));
  const datagram = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => {
    for (const server of servers) server.close();
    datagram.close();
  });
  await Promise.all([...servers, datagram].map((one) => once(one, 'listening')));
  const ports = [...servers, datagram].map((one) => (one.address() as AddressInfo).port);
  const client = connect(ports[0] ?? 0, '127.0.0.1');
  t.after(() => client.destroy());
  await Promise.all([once(client, 'connect'), ...servers.slice(0, 1).map((server) => once(server, 'connection'))]);

  const listeners = await readListeners(own);
  for (const port of ports)
    assert.ok(
      listeners.some(({ local }) => local.port === port),
      `port ${port}`,
    );
  assert.ok(listeners.every(({ remote }) => remote === undefined));
  const { sockets } = await readSockets(own);
  assert.ok(sockets.some(({ remote, state }) => remote?.port === ports[0] && state === 'established'));

  const few = await readSockets(own, 1);
  assert.equal(few.sockets.filter(isListening).length, 1);
  assert.equal(few.sockets.filter((socket) => !isListening(socket) && socket.state !== 'time-wait').length, 1);
  // At least two servers, the UDP socket and the other end of the connection.
  assert.ok(few.more >= 4, `${few.more} more`);
  await assert.rejects(readSockets({ ...own, startTime: 1 }), { code: ErrorCode.NotFound });
  await assert.rejects(readListeners({ ...own, startTime: 1 }), { code: ErrorCode.NotFound });
});
