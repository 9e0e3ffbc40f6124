import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { assertAlike, byHand } from '../support/scripted.js';

const bed = new Bed();

test('the script of a container in a named network makes one like it, with the same address', async (t) => {
  await bed.helper.request(protocol.CreateNetwork, { name: 'scripted', subnet: '10.121.7.0/24' });
  const reports = await byHand(t, bed.helper, bed.home.folder, {
    root: bed.root,
    network: { kind: 'bridge', network: 'scripted', address: '10.121.7.9' },
  });
  assertAlike(reports);
  assert.ok(reports.scripted.interfaces.includes('eth0 inet 10.121.7.9/24'), reports.scripted.interfaces.join());
});
