import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CgroupAccess } from '../../../helper/cgroup/access.js';
import { cgroupSteps, enterSteps } from '../../../helper/cgroup/plan.js';
import { CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC } from '../../../helper/cgroup/record.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const v2: CgroupAccess = {
  mode: 'v2',
  parent: '/sys/fs/cgroup/u/terrarium-1.service',
  controllers: ['cpu', 'memory', 'pids'],
};
const v1: CgroupAccess = {
  mode: 'v1',
  parents: { memory: '/sys/fs/cgroup/memory/mine', cpu: '/sys/fs/cgroup/cpu/mine', cpuacct: '/sys/fs/cgroup/cpu/mine' },
};
const none: CgroupAccess = { mode: 'none', reason: 'nothing delegated', remedy: 'delegate' };

test('v2: the cgroup holds its limits before the process is born in it', () => {
  const steps = cgroupSteps(v2, 'abc', { memory: { limit: 1_048_576 }, cpu: { quota: 5000 }, pids: { limit: 20 } });
  const folder = '/sys/fs/cgroup/u/terrarium-1.service/containers/abc';
  assert.deepEqual(steps.beforeClone, [
    { kind: 'shareCgroups', paths: ['/sys/fs/cgroup/u/terrarium-1.service/containers'] },
    { kind: 'makeCgroup', path: folder },
    { kind: 'writeFile', path: `${folder}/memory.max`, data: '1048576', magic: CGROUP2_SUPER_MAGIC },
    { kind: 'writeFile', path: `${folder}/cpu.max`, data: '5000 100000', magic: CGROUP2_SUPER_MAGIC },
    { kind: 'writeFile', path: `${folder}/pids.max`, data: '20', magic: CGROUP2_SUPER_MAGIC },
  ]);
  assert.equal(steps.cloneInto, folder);
  assert.deepEqual(steps.afterClone, []);
  assert.equal(steps.eventsFile, `${folder}/memory.events`);
  assert.deepEqual(steps.record, { version: 2, paths: { unified: folder } });
});

test('v1: each hierarchy is made and joined once, memory before the sum', () => {
  const steps = cgroupSteps(v1, 'abc', {
    memory: { limit: 1_048_576, swap: 2_097_152 },
    cpu: { quota: 5000, shares: 512 },
  });
  const memory = '/sys/fs/cgroup/memory/mine/terrarium-containers/abc';
  const cpu = '/sys/fs/cgroup/cpu/mine/terrarium-containers/abc';
  const write = (path: string, data: string) => ({ kind: 'writeFile', path, data, magic: CGROUP_SUPER_MAGIC });
  assert.deepEqual(steps.beforeClone, [
    {
      kind: 'shareCgroups',
      paths: ['/sys/fs/cgroup/memory/mine/terrarium-containers', '/sys/fs/cgroup/cpu/mine/terrarium-containers'],
    },
    { kind: 'makeCgroup', path: memory },
    { kind: 'makeCgroup', path: cpu },
    write(`${memory}/memory.limit_in_bytes`, '1048576'),
    write(`${memory}/memory.memsw.limit_in_bytes`, '2097152'),
    write(`${cpu}/cpu.cfs_period_us`, '100000'),
    write(`${cpu}/cpu.cfs_quota_us`, '5000'),
    write(`${cpu}/cpu.shares`, '512'),
  ]);
  assert.equal(steps.cloneInto, '');
  assert.deepEqual(steps.afterClone, [
    { kind: 'joinCgroup', path: memory },
    { kind: 'joinCgroup', path: cpu },
  ]);
  assert.equal(steps.eventsFile, `${memory}/memory.oom_control`);
});

test('in a group: its cgroup lies in that of the group, and both groups are given up with it, inner first', () => {
  const steps = cgroupSteps(v2, 'abc', undefined, 'lab');
  const top = '/sys/fs/cgroup/u/terrarium-1.service/containers';
  assert.deepEqual(steps.beforeClone, [
    { kind: 'shareCgroups', paths: [`${top}/group-lab`, top] },
    { kind: 'makeCgroup', path: `${top}/group-lab/abc` },
  ]);
  assert.equal(steps.cloneInto, `${top}/group-lab/abc`);
});

test('a controller that is asked for and absent is explained by itself', () => {
  const absent = { io: { reason: 'no io here', remedy: 'delegate io' } };
  const notice = { reason: 'no cpu here', remedy: 'delegate cpu' };
  assert.throws(
    () => cgroupSteps({ ...v2, notice, absent }, 'abc', { unified: { 'io.weight': '5' } }),
    (error: { data: { cause: string; fix: string } }) => {
      assert.deepEqual([error.data.cause, error.data.fix], ['no io here', 'delegate io']);
      return true;
    },
  );
});

test('without cgroups a container without limits has no steps', () => {
  const steps = cgroupSteps(none, 'abc', { cpu: {}, memory: { limit: -1 }, pids: { limit: -1 } });
  assert.deepEqual(steps, { beforeClone: [], cloneInto: '', afterClone: [], eventsFile: '', record: undefined });
});

const unavailable: [string, CgroupAccess, Parameters<typeof cgroupSteps>[2]][] = [
  ['any limit where there are no cgroups', none, { pids: { limit: 5 } }],
  ['pids where only memory and cpu are delegated (v1)', v1, { pids: { limit: 5 } }],
  ['io where it is not delegated (v2)', v2, { unified: { 'io.weight': '5' } }],
  ['cpuset on v1', v1, { cpu: { cpus: '0' } }],
  ['swap alone on v1', v1, { unified: { 'memory.swap.max': '0' } }],
];
for (const [what, access, resources] of unavailable) {
  test(`${what}: an error with a remedy`, () => {
    assert.throws(
      () => cgroupSteps(access, 'abc', resources),
      (error: { code: number; data: { cause: string; fix: string } }) => {
        assert.equal(error.code, ErrorCode.Unavailable);
        assert.ok(error.data.cause.length > 0 && error.data.fix.length > 0);
        return true;
      },
    );
  });
}

test('what is always there in v2 needs no controller', () => {
  const steps = cgroupSteps({ ...v2, controllers: [] }, 'abc', { unified: { 'cgroup.max.descendants': '0' } });
  assert.equal(steps.beforeClone.length, 3);
  assert.equal(steps.eventsFile, '');
});

test('a process that enters goes where the container is', () => {
  assert.equal(enterSteps({ version: 2, paths: { unified: '/c/abc' } }).cloneInto, '/c/abc');
  const legacy = enterSteps({ version: 1, paths: { cpu: '/c/x', cpuacct: '/c/x', memory: '/m/x' } });
  assert.deepEqual(legacy.afterClone, [
    { kind: 'joinCgroup', path: '/c/x' },
    { kind: 'joinCgroup', path: '/m/x' },
  ]);
  assert.deepEqual(enterSteps(undefined).afterClone, []);
});
