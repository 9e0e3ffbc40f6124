import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { detectCgroupAccess } from '../../helper/cgroup/access.js';
import { prepareDelegation } from '../../helper/cgroup/delegation.js';
import { cgroupSteps } from '../../helper/cgroup/plan.js';
import { until } from '../kernel/cgroup/bed.js';
import { startUnit } from './unit.js';

const groupOf = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().replace('0::', '');

test('the zygote is moved into a leaf and its unit hands out all delegated controllers', async (t) => {
  const unit = await startUnit(t);
  const before = await detectCgroupAccess(unit.pid);
  assert.equal(before.mode, 'v2');
  const access = await prepareDelegation(before, unit.pid);
  assert.ok(access.mode === 'v2');
  assert.equal(path.basename(access.parent), unit.name);
  assert.equal(path.basename(groupOf(unit.pid)), 'zygote');
  for (const name of ['cpu', 'cpuset', 'io', 'memory', 'pids']) assert.ok(access.controllers.includes(name), name);
  assert.equal(access.notice, undefined);
});

test('preparing again, and by two helpers at once, changes nothing more', async (t) => {
  const unit = await startUnit(t);
  const prepare = async () => prepareDelegation(await detectCgroupAccess(unit.pid), unit.pid);
  const [one, two] = await Promise.all([prepare(), prepare()]);
  const three = await prepare();
  assert.deepEqual(one, two);
  assert.deepEqual(one, three);
  assert.ok(three.mode === 'v2' && three.controllers.length >= 5);
});

/** Words of a process's command line; empty when it has ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

test('in a unit that is not ours other processes stay, and the notice says what that costs', async (t) => {
  const unit = await startUnit(t, 'shared');
  // A second process in the unit.
  unit.start('exec sleep 60');
  const access = await detectCgroupAccess(unit.pid);
  const group = groupOf(unit.pid);
  assert.ok(access.mode === 'v2');
  // One that stays: the unit's own shell runs short ones all the time.
  const procs = () => readFileSync(path.join(access.parent, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  await until(() => procs().some((pid) => commandLine(pid) === 'sleep 60'), 'the other process is there');
  const prepared = await prepareDelegation(access, unit.pid);
  assert.equal(groupOf(unit.pid), group);
  assert.ok(prepared.mode === 'v2' && prepared.controllers.length === 0);
  assert.match(prepared.notice?.reason ?? '', /Other processes/);
  assert.throws(() => cgroupSteps(prepared, 'x', { pids: { limit: 5 } }), /cannot be limited/);
  assert.equal(cgroupSteps(prepared, 'x', {}).beforeClone.length, 1);
});

test('from a login session nothing is delegated, and the remedy is the drop-in', async () => {
  const access = await detectCgroupAccess(process.pid);
  assert.equal(access.mode, 'none');
  assert.match(access.mode === 'none' ? access.remedy : '', /delegate\.conf/);
});
