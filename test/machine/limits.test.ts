import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectCgroupAccess } from '../../helper/cgroup/access.js';
import { prepareDelegation } from '../../helper/cgroup/delegation.js';
import { watchLimit } from '../../helper/cgroup/events.js';
import { makeGroup, until } from '../kernel/cgroup/bed.js';
import { testCgroups } from '../kernel/cgroup/behaviour.js';
import { startUnit } from './unit.js';

const MiB = 1024 * 1024;

testCgroups(2, async (t) => {
  const unit = await startUnit(t);
  const access = await prepareDelegation(await detectCgroupAccess(unit.pid), unit.pid);
  // This machine is made for these tests: without delegation they fail, they do not skip.
  assert.equal(access.mode, 'v2');
  return { access, start: unit.start };
});

test('v2: an OOM kill is told of while it happens', async (t) => {
  const unit = await startUnit(t);
  const access = await prepareDelegation(await detectCgroupAccess(unit.pid), unit.pid);
  const group = await makeGroup(t, { access, start: unit.start }, { memory: { limit: 30 * MiB, swap: 30 * MiB } });
  const told: number[] = [];
  const watch = watchLimit(
    { record: group.record, run: group.work },
    'memory.max',
    'now',
    (kills) => told.push(kills),
    (error) => assert.fail(String(error)),
  );
  assert.ok(watch);
  t.after(() => watch.close());
  await group.run(`exec ${process.execPath} -e 'const held = []; for (;;) held.push(Buffer.alloc(10485760, 1));'`);
  await until(() => told.length > 0, 'the kill is told of');
  assert.equal(told[0], 1);
});
