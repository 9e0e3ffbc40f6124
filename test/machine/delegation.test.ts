import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { detectCgroupAccess } from '../../helper/cgroup/access.js';
import { prepareDelegation } from '../../helper/cgroup/delegation.js';
import { cgroupSteps } from '../../helper/cgroup/plan.js';
import * as protocol from '../../helper/protocol/index.js';
import { until } from '../kernel/cgroup/bed.js';
import { TestHelper } from '../kernel/support/helper.js';
import { type Home, makeHome, removeHome } from '../kernel/support/home.js';
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
  const made = cgroupSteps(prepared, 'x', {}).beforeClone.filter(({ kind }) => kind === 'makeCgroup');
  assert.equal(made.length, 1);
});

test('from a login session nothing is delegated, and the remedy is the drop-in', async () => {
  const access = await detectCgroupAccess(process.pid);
  assert.equal(access.mode, 'none');
  assert.match(access.mode === 'none' ? access.remedy : '', /delegate\.conf/);
});

/** A shell in namespaces of its own, standing in for a zygote; ready once `prepare` is done. */
async function standIn(t: TestContext, options: readonly string[], prepare: string): Promise<number> {
  const child = spawn('unshare', [...options, 'sh', '-c', `${prepare} && echo ready && exec sleep 60`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(said.toString(), 'ready\n');
  assert.ok(child.pid);
  return child.pid;
}

test('cgroup2 is mounted read-only: nothing is delegated, and the remedy is to mount it anew', async (t) => {
  const namespaces = ['--user', '--map-root-user', '--mount'];
  const pid = await standIn(t, namespaces, 'mount -o remount,bind,ro /sys/fs/cgroup');
  const access = await detectCgroupAccess(pid);
  assert.ok(access.mode === 'none');
  assert.match(access.reason, /read-only at \/sys\/fs\/cgroup/);
  assert.match(access.remedy, /remount,rw \/sys\/fs\/cgroup/);
});

/** A home of its own in which systemd-run is `script`. */
function homeWithSystemd(t: TestContext, script: string): Home {
  const home = makeHome();
  const { XDG_RUNTIME_DIR: runtime = '', PATH } = home.environment;
  mkdirSync(path.join(runtime, 'systemd'));
  writeFileSync(path.join(runtime, 'systemd/private'), '');
  const bin = path.join(home.folder, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'systemd-run'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  t.after(() => removeHome(home));
  return { ...home, environment: { ...home.environment, PATH: `${bin}:${PATH}` } };
}

test('systemd refuses: containers run without limits, and the notice has its words', async (t) => {
  const helper = await TestHelper.start(homeWithSystemd(t, "echo 'Failed to connect to bus' >&2; exit 1"));
  const { exit, id } = await helper.runToEnd({ args: ['/bin/true'], group: 'lab' });
  assert.equal(exit.exitCode, 0, id);
  const { mode, notice } = await helper.request(protocol.ReadLimits, { group: protocol.allContainers });
  assert.equal(mode, 'none');
  assert.match(notice?.reason ?? '', /Failed to connect to bus/);
  assert.match(notice?.remedy ?? '', /systemctl --user/);
  await helper.stop();
});

test('without a systemd of one’s own containers run without limits, and the remedy is to have one', async (t) => {
  const home = makeHome();
  t.after(() => removeHome(home));
  const helper = await TestHelper.start(home);
  const { exit } = await helper.runToEnd({ args: ['/bin/true'] });
  assert.equal(exit.exitCode, 0);
  const { mode, notice } = await helper.request(protocol.ReadLimits, { group: protocol.allContainers });
  assert.equal(mode, 'none');
  assert.match(notice?.remedy ?? '', /loginctl enable-linger/);
  await assert.rejects(helper.run({ args: ['/bin/true'], resources: { pids: { limit: 10 } } }), {
    code: protocol.ErrorCode.Unavailable,
  });
  await helper.stop();
});
