import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenersText } from '../../../helper/network/listeners.js';
import { isListening, parseSocketTable } from '../../../helper/network/socketTable.js';
import { ordered } from '../../../helper/network/state.js';

const heading = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const tcp = [
  heading,
  '   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 102 1 0 20 4 30 10 -1',
  '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 101 1 0 100 0 0 10 0',
  '   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 103 1 0 100 0 0 10 0',
  '   3: 00000000:0051 0000',
  '',
].join('\n');
const tcp6 = [
  heading,
  '   0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 104 1 0',
  '   1: 0000000000000000FFFF00000100007F:1F91 0000000000000000FFFF00000100007F:C351 06 00000000:00000000 00:00000000 00000000  0 0 0 1 0',
].join('\n');

test('a table of TCP is read: who listens, and both sides of connections', () => {
  assert.deepEqual(parseSocketTable('tcp', tcp), [
    {
      protocol: 'tcp',
      family: 'inet',
      state: 'established',
      local: { address: '127.0.0.1', port: 8080 },
      remote: { address: '127.0.0.1', port: 50000 },
      inode: 102,
    },
    { protocol: 'tcp', family: 'inet', state: 'listen', local: { address: '127.0.0.1', port: 8080 }, inode: 101 },
    { protocol: 'tcp', family: 'inet', state: 'listen', local: { address: '0.0.0.0', port: 80 }, inode: 103 },
  ]);
  assert.deepEqual(parseSocketTable('tcp', ''), []);
});

test('addresses of IPv6 are in the usual notation', () => {
  const [listening, ended] = parseSocketTable('tcp6', tcp6);
  assert.deepEqual(listening?.local, { address: '::1', port: 8081 });
  assert.deepEqual(ended?.remote, { address: '::ffff:127.0.0.1', port: 50001 });
  assert.equal(ended?.state, 'time-wait');
});

test('UDP sockets that receive from anybody are told from those that have connected', () => {
  const states = (text: string) => parseSocketTable('udp', text).map(({ state }) => state);
  assert.deepEqual(states(tcp.replaceAll(' 0A ', ' 07 ')), ['established', 'unconnected', 'unconnected']);
  assert.deepEqual(parseSocketTable('udp', tcp.replaceAll(' 0A ', ' 07 ')).filter(isListening).length, 2);
});

test('what listens comes first, by port; connections and the kernel’s order make no difference to who listens', () => {
  const sockets = parseSocketTable('tcp', tcp);
  const shown = ordered(sockets.map((socket) => ({ ...socket, processes: [] })));
  assert.deepEqual(
    shown.map(({ inode }) => inode),
    [103, 101, 102],
  );
  assert.equal(listenersText(sockets), listenersText([...sockets].reverse().filter(isListening)));
  assert.notEqual(listenersText(sockets), listenersText(sockets.filter(({ inode }) => inode !== 103)));
});
