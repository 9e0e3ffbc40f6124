import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketsAt } from '../../../helper/network/sockets.js';

const table = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 101 1 0 100 0 0 10 0',
  '   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 102 1 0 20 4 30 10 -1',
  '   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 103 1 0 100 0 0 10 0',
  '',
].join('\n');

test('who waits at a port is told from connections through it and from other ports', () => {
  assert.deepEqual(socketsAt(table, 'tcp', 8080), [101]);
  assert.deepEqual(socketsAt(table, 'tcp', 80), [103]);
  assert.deepEqual(socketsAt(table, 'tcp', 81), []);
  assert.deepEqual(socketsAt('', 'tcp', 80), []);
});

test('UDP sockets that receive are in another state', () => {
  const udp = table.replaceAll(' 0A ', ' 07 ');
  assert.deepEqual(socketsAt(udp, 'udp', 8080), [101]);
  assert.deepEqual(socketsAt(table, 'udp', 8080), []);
});
