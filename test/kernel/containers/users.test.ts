import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { statusField } from '../support/kernel.js';

const bed = new Bed();
const uid = process.getuid?.() ?? -1;

/** What the zygote has been able to map: a range, or this user alone. */
async function mapping(): Promise<'range' | 'single'> {
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root } });
  const { identity } = await bed.helper.request(protocol.InspectContainer, { container: id });
  await bed.helper.request(protocol.RemoveContainer, { container: id });
  return identity.mapping;
}

/** uid_map and gid_map as lists of numbers. */
function mapOf(pid: number | 'self', kind: 'uid' | 'gid'): number[][] {
  const lines = readFileSync(`/proc/${pid}/${kind}_map`, 'utf8').trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number));
}

test('a range is mapped exactly for who is granted one', async () => {
  const user = userInfo();
  const granted = ['/etc/subuid', '/etc/subgid'].every(
    (file) => existsSync(file) && new RegExp(`^(${user.username}|${user.uid}):`, 'm').test(readFileSync(file, 'utf8')),
  );
  const identity = process.env.TERRARIUM_TEST_IDENTITY;
  if (identity === 'range' || identity === 'single')
    assert.equal(granted, identity === 'range', 'what the runner made');
  assert.equal(await mapping(), granted ? 'range' : 'single');
});

test('root inside is this user outside', async () => {
  const { id, pid } = await bed.up();
  assert.deepEqual(mapOf(pid, 'uid')[0], [0, uid, 1]);
  assert.deepEqual(mapOf(pid, 'gid')[0], [0, process.getgid?.() ?? -1, 1]);
  assert.equal(statusField(pid, 'Uid').split('\t')[0], String(uid));
  assert.match((await bed.exec(id, 'id')).stdout, /^uid=0\(root\) gid=0\(root\)/);
  const { identity } = await bed.helper.request(protocol.InspectContainer, { container: id });
  assert.match(identity.explanation, /root/i);
  assert.equal(mapOf(pid, 'uid').length, identity.mapping === 'range' ? 2 : 1);
});

test('others than root exist just where a range is mapped: by name, by number, with their groups', async () => {
  if ((await mapping()) === 'single') await onlyRootExists();
  else await othersExist();
});

async function othersExist(): Promise<void> {
  const { id, pid } = await bed.up();
  const range = mapOf(pid, 'uid')[1] ?? [];
  assert.ok((range[2] ?? 0) >= 65536, `${range}`);
  const who = async (user: string) => (await bed.shell('id; grep ^Cap[PE] /proc/self/status', { user })).split('\n');
  assert.deepEqual(await who('alice'), [
    'uid=1000(alice) gid=1000(alice) groups=10(wheel)',
    'CapPrm:\t0000000000000000',
    'CapEff:\t0000000000000000',
    '',
  ]);
  assert.match((await who('1000:wheel'))[0] ?? '', /^uid=1000\(alice\) gid=10\(wheel\)/);
  assert.match((await who('4711:12'))[0] ?? '', /^uid=4711 gid=12/);
  // The kernel's view from outside.
  const process = { args: ['sleep', '60'], user: 'alice' };
  const { identity } = await bed.helper.request(protocol.ExecInContainer, { container: id, process });
  assert.equal(statusField(identity.pid, 'Uid').split('\t')[0], String((range[1] ?? 0) + 999));
}

async function onlyRootExists(): Promise<void> {
  const { pid } = await bed.up();
  assert.deepEqual(mapOf(pid, 'uid'), [[0, uid, 1]]);
  assert.equal(readFileSync(`/proc/${pid}/setgroups`, 'utf8'), 'deny\n');
  await fails(bed.helper.run(bed.script('id', { user: 'alice' })), {
    code: protocol.ErrorCode.Unavailable,
    message: /1000 does not exist/,
    fix: /range/,
  });
}

test('a user that is not mapped, not there or no user: one clear message each, and nothing is made', async () => {
  const before = (await bed.helper.ask(protocol.ListContainers)).length;
  await fails(bed.helper.run(bed.script('id', { user: 'far' })), {
    code: protocol.ErrorCode.Unavailable,
    message: /4000000 does not exist/,
    fix: /range/,
  });
  await fails(bed.helper.run(bed.script('id', { user: 'nobody-here' })), {
    code: protocol.ErrorCode.NotFound,
    message: /no user "nobody-here"/,
    fix: /number/,
  });
  await fails(bed.helper.run(bed.script('id', { user: 'root:nogroup-here' })), {
    code: protocol.ErrorCode.NotFound,
    message: /no group "nogroup-here"/,
  });
  await fails(bed.helper.run(bed.script('id', { user: '-1' })), {
    code: protocol.ErrorCode.Invalid,
    message: /no user/,
  });
  const { id } = await bed.up();
  await fails(bed.exec(id, 'id', { user: 'far' }), { code: protocol.ErrorCode.Unavailable, message: /4000000/ });
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  assert.equal((await bed.helper.ask(protocol.ListContainers)).length, before);
});
