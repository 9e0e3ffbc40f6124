import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { assertAlike, byHand, runScript } from '../support/scripted.js';

const bed = new Bed();

test('the script of a container in a named network connects one like it, with the same address', async (t) => {
  await bed.helper.request(protocol.CreateNetwork, { name: 'scripted', subnet: '10.121.7.0/24' });
  const reports = await byHand(t, bed.helper, bed.home.folder, {
    root: bed.root,
    network: { kind: 'bridge', network: 'scripted', address: '10.121.7.9' },
  });
  assertAlike(reports);
  assert.ok(reports.scripted.interfaces.includes('eth0 inet 10.121.7.9/24'), reports.scripted.interfaces.join());

  const network = { kind: 'bridge', network: 'scripted' } as const;
  await bed.up({ name: 'neighbor', network });
  // The ping of busybox knows only raw sockets.
  const pinging = bed.script('ping -c 1 -W 10 neighbor', { network, capabilities: { add: ['CAP_NET_RAW'] } });
  const { id } = await bed.helper.run(pinging);
  await bed.helper.request(protocol.WaitContainer, { container: id });
  const { ended: reached } = await runScript(t, bed.helper, bed.home.folder, id);
  assert.match(reached.stdout, /1 packets received/, reached.stderr);
  // Two cannot have one address.
  const running = await bed.up({ network });
  const { ended: refused } = await runScript(t, bed.helper, bed.home.folder, running.id);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^Stop the container first: this has its address in the network\.$/m);
});
