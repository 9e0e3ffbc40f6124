import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkStateText } from '../../../cli/networkState.js';
import type { NetworkSocket, NetworkState } from '../../../helper/protocol/index.js';

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

test('what could not be read is said', () => {
  const text = networkStateText({ ...state, interfaces: [], unreadable: 'EACCES (open): no power.' });
  assert.match(text, /^Only sockets could be read\. EACCES/m);
});
