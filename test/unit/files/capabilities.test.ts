import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesRootId, capabilitiesText } from '../../../helper/files/capabilities.js';

/** struct vfs_cap_data, or vfs_ns_cap_data with a root id: linux/capability.h */
function attribute(revision: 2 | 3, permitted: bigint, inheritable: bigint, effective: boolean): Buffer {
  const value = Buffer.alloc(revision === 3 ? 24 : 20);
  value.writeUInt32LE(((revision << 24) | (effective ? 1 : 0)) >>> 0, 0);
  value.writeUInt32LE(Number(permitted & 0xffffffffn), 4);
  value.writeUInt32LE(Number(inheritable & 0xffffffffn), 8);
  value.writeUInt32LE(Number(permitted >> 32n), 12);
  value.writeUInt32LE(Number(inheritable >> 32n), 16);
  return value;
}

const netBindService = 1n << 10n;
const netRaw = 1n << 13n;
const checkpointRestore = 1n << 40n;

test('capabilities are written as getcap writes them', () => {
  assert.equal(capabilitiesText(attribute(2, netBindService, 0n, true)), 'cap_net_bind_service=ep');
  assert.equal(
    capabilitiesText(attribute(3, netBindService | netRaw, 0n, true)),
    'cap_net_bind_service,cap_net_raw=ep',
  );
  assert.equal(capabilitiesText(attribute(3, checkpointRestore, 0n, false)), 'cap_checkpoint_restore=p');
  assert.equal(capabilitiesText(attribute(3, netRaw, netRaw, true)), 'cap_net_raw=eip');
  assert.equal(capabilitiesText(attribute(2, netRaw, netBindService, false)), 'cap_net_raw=p cap_net_bind_service=i');
  assert.equal(capabilitiesText(attribute(3, (1n << 41n) - 1n, 0n, true)), '=ep');
});

test('what is no capability says nothing', () => {
  assert.equal(capabilitiesText(attribute(3, 0n, 0n, true)), undefined);
  assert.equal(capabilitiesText(Buffer.alloc(0)), undefined);
  assert.equal(capabilitiesText(Buffer.alloc(20)), undefined);
  assert.equal(capabilitiesText(attribute(2, netRaw, 0n, true).subarray(0, 19)), undefined);
});

test('of the third version it is told for which root they count, when that is another one', () => {
  const value = attribute(3, netRaw, 0n, true);
  assert.equal(capabilitiesRootId(value), undefined);
  value.writeUInt32LE(1000, 20);
  assert.equal(capabilitiesRootId(value), 1000);
  assert.equal(capabilitiesRootId(attribute(2, netRaw, 0n, true)), undefined);
});
