import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkStateText, unixSocketsText } from '../../../cli/networkState.js';
import type { NetworkSocket, NetworkState, UnixSocket } from '../../../helper/protocol/index.js';

const none = { bytes: 0, packets: 0, errors: 0, dropped: 0 };
const socket = (state: string, port: number): NetworkSocket => ({
  protocol: 'tcp',
  family: 'inet6',
  state,
  local: { address: '::1', port },
  inode: port,
  processes: [{ pid: 7, innerPid: 2, name: 'evil\x1b[2J' }],
});
const state: NetworkState = {
  process: { pid: 7, startTime: 1 },
  inode: 4026532000,
  host: false,
  interfaces: [
    {
      index: 1,
      name: 'lo',
      flags: ['UP', 'LOOPBACK'],
      state: 'unknown',
      mtu: 65536,
      addresses: [{ family: 'inet', address: '127.0.0.1', prefix: 8, scope: 'host' }],
      received: { ...none, bytes: 2048 },
      sent: none,
    },
  ],
  routes: [],
  neighbours: [],
  sockets: [socket('listen', 80), socket('time-wait', 81)],
};

test('what there is has a part of its own, what there is not has none, and nothing moves the cursor', () => {
  const lines = networkStateText(state).split('\n');
  assert.equal(lines[0], 'Process 7: network namespace 4026532000, its own, or shared with others');
  assert.ok(
    lines.some((line) => /^lo +– +up +65536 +127\.0\.0\.1\/8 +2 KiB +0 B$/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^tcp +listen +\[::1\]:80 +– +evil.*\(7\)$/.test(line)),
    lines.join('\n'),
  );
  assert.ok(!lines.includes('Routes:') && !lines.includes('Neighbours:'));
  assert.equal(lines.at(-1), '1 more connections are over (time-wait).');
  assert.ok(!lines.join('').includes('\x1b'));
});

test('sockets that are too many to be told are counted', () => {
  assert.ok(!networkStateText(state).includes('more sockets'));
  assert.match(networkStateText({ ...state, moreSockets: 5000 }), /^5000 more sockets of TCP and UDP are too many/m);
});

test('what could not be read is said', () => {
  const refused = { ...state, interfaces: [], unreadable: 'EACCES (open): no power.' };
  assert.match(networkStateText(refused), /^Only sockets of TCP and UDP could be read\. EACCES/m);
  assert.equal(unixSocketsText(refused), 'EACCES (open): no power.');
  assert.match(unixSocketsText(state), /UNIX_DIAG/);
});

test('UNIX sockets that others may reach are listed, the rest is counted until it is asked for', () => {
  const unix: Pick<UnixSocket, 'type' | 'processes'> = {
    type: 'stream',
    processes: [{ pid: 8, innerPid: 3, name: 'reed' }],
  };
  const unixSockets: UnixSocket[] = [
    { ...unix, state: 'listen', path: '/run/\x1b[2Jreed', inode: 1 },
    { ...unix, state: 'established', path: '/run/reed', inode: 2, peer: 3 },
    { ...unix, state: 'established', inode: 3, peer: 2 },
    { ...unix, state: 'established', inode: 4, peer: 99 },
  ];
  const text = networkStateText({ ...state, unixSockets });
  assert.match(text, /^UNIX sockets:\nTYPE.*\nstream +listen +\/run\/.*reed +– +reed \(8\)$/m);
  assert.ok(!text.includes('established') && !text.includes('\x1b'), text);
  assert.match(text, /^3 more UNIX sockets are connected, or have no name: --unix shows them\.$/m);
  const all = unixSocketsText({ ...state, unixSockets });
  assert.match(all, /^stream +established +– +\/run\/reed +reed \(8\)$/m);
  assert.match(all, /^stream +established +\/run\/reed +reed \(8\) +reed \(8\)$/m);
  assert.match(all, /^stream +established +– +socket 99, elsewhere +reed \(8\)$/m);
});
