/** Scripts of containers in namespaces of others: run by hand they are in the same ones. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { unshareAll, unshared } from '../namespaces/shells.js';
import { Bed } from '../support/bed.js';
import { assertAlike, assertJoined, byHand } from '../support/scripted.js';

const bed = new Bed();
const both = (t: Parameters<typeof byHand>[0], specification: protocol.ContainerSpecification) =>
  byHand(t, bed.helper, bed.home.folder, { root: bed.root, ...specification });

test('the script joins the network of a container, and makes everything else anew', async (t) => {
  const owner = await bed.up({
    name: 'owner',
    hostname: 'owner.example',
    timeOffsets: { boottime: { secs: 500, nanosecs: 0 } },
  });
  const whose = { container: 'owner' };
  const network = { kind: 'container', container: 'owner' } as const;
  const alone = await both(t, { network });
  assertAlike(alone);
  assertJoined(alone, owner.pid, ['net']);

  await t.test('and all else that can be joined, with its user namespace, as root of that', async (t) => {
    const namespaces = { user: whose, uts: whose, ipc: whose, pid: whose, cgroup: whose, time: whose };
    const all = await both(t, { namespaces, network });
    assertAlike(all);
    assertJoined(all, owner.pid, ['cgroup', 'ipc', 'net', 'pid', 'time', 'user', 'uts']);
    assert.ok(all.scripted.names.includes('owner.example'));
  });

  await t.test('its processes, below a user namespace of one’s own', async (t) => {
    const pids = await both(t, { namespaces: { pid: whose, ipc: whose } });
    assertAlike(pids);
    assertJoined(pids, owner.pid, ['ipc', 'pid']);
  });

  await t.test('it ends before it makes anything when the other is another process by now', async () => {
    const { text } = await bed.helper.request(protocol.RenderLedger, { container: alone.id, format: 'script' });
    const file = path.join(bed.home.folder, 'stale.sh');
    const { pid, startTime } = owner.init ?? assert.fail('no init');
    assert.ok(text.includes(`process ${pid} ${startTime}\n`), text);
    writeFileSync(file, text.replaceAll(`process ${pid} ${startTime}\n`, `process ${pid} ${startTime + 1}\n`));
    const dir = path.join(bed.home.folder, 'stale');
    const { status, stderr } = spawnSync('bash', [file], {
      encoding: 'utf8',
      env: { ...process.env, TERRARIUM_DIR: dir },
    });
    assert.equal(status, 1);
    assert.equal(stderr, `Process ${pid}, whose namespaces are to be joined, has ended.\n`);
    assert.equal(spawnSync('test', ['-e', dir]).status, 1, 'nothing was made');
  });
});

test('the script joins what a pod shares', async (t) => {
  await bed.helper.request(protocol.CreatePod, { name: 'web' });
  const member = await bed.up({ pod: 'web' });
  const reports = await both(t, { pod: 'web' });
  assertAlike(reports);
  assertJoined(reports, member.pid, ['ipc', 'net', 'uts']);
  assert.ok(reports.scripted.names.includes('web'));
});

test('the script joins a process of an unshare shell, with its user namespace', async (t) => {
  const { pid } = await unshared(t, unshareAll);
  const whose = { process: pid };
  const namespaces = { user: whose, uts: whose, ipc: whose, pid: whose };
  const reports = await both(t, { namespaces, network: { kind: 'process', pid } });
  assertAlike(reports);
  assertJoined(reports, pid, ['ipc', 'net', 'pid', 'user', 'uts']);
  // Of a container that shares nothing but the users the plan names nobody else.
  const users = await both(t, { namespaces: { user: whose } });
  assertAlike(users);
  assertJoined(users, pid, ['user']);
});
