import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CgroupAccess } from '../../../helper/cgroup/access.js';
import { readLimits } from '../../../helper/cgroup/limits.js';
import { whyIgnored } from '../../../helper/cgroup/missing.js';
import { plannedWrites, writeLimits } from '../../../helper/cgroup/write.js';
import { explainRefusal } from '../../../helper/cgroup/writeErrors.js';
import { ErrorCode, type LimitReading } from '../../../helper/protocol/index.js';
import { makeTree } from './tree.js';

const none: CgroupAccess = { mode: 'none', reason: 'nothing delegated', remedy: 'delegate' };
const v2: CgroupAccess = { mode: 'v2', parent: '/g', controllers: ['memory', 'pids'] };
const question = {
  target: { container: 'c' },
  title: 'c',
  record: undefined,
  resources: { pids: { limit: 20 } },
  running: false,
};

const v2Files: Record<string, string> = {
  'memory.max': '1000000\n',
  'io.max': '8:0 rbps=500 wbps=max riops=max wiops=max\n',
  'cpuset.cpus': '0-1\n',
  'g/cgroup.controllers': 'cpuset cpu io memory pids future\n',
  'g/memory.max': 'max\n',
  'g/memory.current': '5000\n',
  'g/memory.peak': '9000\n',
  'g/memory.swap.max': '0\n',
  'g/memory.swap.current': '0\n',
  'g/memory.events': 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\n',
  'g/memory.high': 'max\n',
  'g/cpu.max': '5000 100000\n',
  'g/cpu.weight': '100\n',
  'g/cpu.stat': 'usage_usec 2000000\nthrottled_usec 77\n',
  'g/cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  'g/cpuset.cpus': '\n',
  'g/cpuset.cpus.effective': '0-1\n',
  'g/io.max': '8:0 rbps=900 wbps=7 riops=max wiops=max\n',
  'g/pids.max': '20\n',
  'g/pids.current': '3\n',
  'g/pids.events': 'max 4\n',
  'g/cgroup.procs': '1\n',
  'g/future.max': 'widgets 5\n',
};

const byName = ({ readings }: { readings: LimitReading[] }, name: string) =>
  readings.find((reading) => reading.name === name);

/** A cgroup of these files, as a container runs in it. */
function inTree(t: TestContext, files: Record<string, string>) {
  const root = makeTree(t, files);
  const record = { version: 2, paths: { unified: path.join(root, 'g') } } as const;
  return { root, record, file: (name: string) => readFileSync(path.join(root, 'g', name), 'utf8').trim() };
}

test('without cgroups every limit says why, and what to do', async () => {
  const report = await readLimits({ ...question, access: none });
  assert.equal(report.mode, 'none');
  assert.deepEqual(report.notice, { reason: 'nothing delegated', remedy: 'delegate' });
  assert.ok(report.readings.length > 15);
  for (const reading of report.readings) {
    assert.equal(reading.writable, false);
    assert.deepEqual(reading.unavailable, { reason: 'nothing delegated', remedy: 'delegate' });
  }
});

test('a stopped container shows the limits of its next start, in the order of the list', async () => {
  const resources = { pids: { limit: 20 }, unified: { 'misc.max': 'sev 1' } };
  const report = await readLimits({ ...question, resources, access: v2 });
  assert.equal(report.live, false);
  assert.deepEqual(byName(report, 'pids.max'), { name: 'pids.max', value: '20', files: [], writable: true });
  const cpu = byName(report, 'cpu.max');
  assert.equal(cpu?.writable, false);
  assert.match(cpu?.unavailable?.reason ?? '', /cpu/);
  assert.equal(report.readings[0]?.name, 'memory.max');
  assert.equal(report.readings.at(-1)?.name, 'misc.max');
  assert.equal(byName(report, 'memory.swappiness'), undefined);
});

test('a container that was started without a cgroup says to restart it', async () => {
  const report = await readLimits({ ...question, access: v2, running: true });
  assert.equal(report.mode, 'none');
  assert.match(report.notice?.remedy ?? '', /Restart/);
});

test('a running container shows what the files hold, what is used, and what is tighter above', async (t) => {
  const { root, record } = inTree(t, v2Files);
  const report = await readLimits({ ...question, access: v2, record, running: true, cores: 0.04 });
  assert.equal(report.live, true);
  assert.deepEqual(report.events, { oomKills: 2, pidsRefused: 4, throttledMicroseconds: 77 });
  const [memory, swap] = ['memory.max', 'memory.swap.max'].map((name) => byName(report, name));
  assert.deepEqual(memory?.effective, { value: '1000000', path: root });
  assert.deepEqual([memory?.value, memory?.raw, memory?.usage, memory?.peak], ['max', 'max', 5000, 9000]);
  assert.deepEqual(memory?.files, [path.join(root, 'g/memory.max')]);
  assert.equal(swap?.value, '0');
  const cpu = byName(report, 'cpu.max');
  assert.deepEqual([cpu?.value, cpu?.usage, cpu?.raw], ['5000 100000', 0.04, '5000 100000']);
  assert.equal(byName(report, 'cpu.weight')?.value, '100');
  const pids = byName(report, 'pids.max');
  assert.deepEqual([pids?.value, pids?.usage, pids?.effective, pids?.nextStart], ['20', 3, undefined, undefined]);
});

test('of io.max the tighter of each device and direction counts, of CPUs those that are left', async (t) => {
  const { root, record } = inTree(t, v2Files);
  const report = await readLimits({ ...question, access: v2, record, running: true });
  assert.deepEqual(byName(report, 'io.max')?.effective, {
    value: '8:0 rbps=500 wbps=7 riops=max wiops=max',
    path: root,
  });
  assert.deepEqual(byName(report, 'cpuset.cpus')?.effective, { value: '0-1', path: root });
});

test('what the next start will have is told where it differs', async (t) => {
  const { record } = inTree(t, v2Files);
  const report = await readLimits({
    ...question,
    resources: { pids: { limit: 30 } },
    access: v2,
    record,
    running: true,
  });
  assert.equal(byName(report, 'pids.max')?.nextStart, '30');
  // In force, and in no configuration: somebody set it until the next start.
  assert.equal(byName(report, 'cpu.max')?.nextStart, 'max 100000');
  assert.equal(byName(report, 'memory.max')?.nextStart, undefined);
  assert.equal(byName(report, 'future.max')?.nextStart, undefined);
});

test('what a later kernel brings is offered; counts, orders and triggers are not', async (t) => {
  const { root, record } = inTree(t, {
    ...v2Files,
    'g/memory.reclaim': '',
    'g/future.current': '3\n',
    'g/cgroup.freeze': '0\n',
  });
  chmodSync(path.join(root, 'g/memory.reclaim'), 0o200);
  writeFileSync(path.join(root, 'g/future.seen'), '1\n', { mode: 0o444 });
  const report = await readLimits({ ...question, access: v2, record, running: true });
  const names = report.readings.map(({ name }) => name);
  assert.equal(byName(report, 'future.max')?.value, 'widgets 5');
  assert.equal(names.at(-1), 'future.max');
  const foreign = names.filter((name) => /^cgroup\.|pressure|reclaim|current|seen|peak|events|stat/.test(name));
  assert.deepEqual(foreign, []);
});

test('a knob whose controller is there, but whose file this kernel does not have, is not offered', async (t) => {
  const { record } = inTree(t, v2Files);
  const report = await readLimits({ ...question, access: v2, record, running: true });
  assert.equal(byName(report, 'memory.zswap.max'), undefined);
  const { 'g/memory.swap.max': _, ...withoutSwap } = v2Files;
  const other = await readLimits({ ...question, access: v2, record: inTree(t, withoutSwap).record, running: true });
  assert.match(byName(other, 'memory.swap.max')?.unavailable?.remedy ?? '', /swapaccount/);
});

test('only limits of the group itself can be written, whatever the name says', async (t) => {
  const { record, root } = inTree(t, { ...v2Files, 'other.max': '1\n', 'g/cgroup.kill': '0\n' });
  for (const name of [
    '../other.max',
    'cgroup.procs',
    'cgroup.kill',
    'cpu.pressure',
    'memory.peak',
    '/etc/hosts.max',
    'RLIMIT_AS',
    '',
  ]) {
    await assert.rejects(writeLimits(record, [{ name, value: '7' }]), { code: ErrorCode.Invalid }, name);
  }
  assert.equal(readFileSync(path.join(root, 'other.max'), 'utf8'), '1\n');
});

test('kernel memory is a limit of old kernels only', () => {
  for (const [release, old] of [
    ['4.19.0-27-amd64', true],
    ['5.10.0', true],
    ['5.16.0', false],
    ['6.1.0-18-amd64', false],
  ] as const) {
    assert.equal(whyIgnored('memory.kmem.limit_in_bytes', release) === undefined, old, release);
  }
  assert.equal(whyIgnored('memory.max', '6.1.0'), undefined);
});

test('a missing file takes back what was written before it', async (t) => {
  const files: Record<string, string> = { ...v2Files, 'g/memory.max': '2000000\n' };
  const changes = [
    { name: 'memory.max', value: '3000000' },
    { name: 'cpu.weight', value: '200' },
  ] as const;
  const whole = inTree(t, files);
  const writes = await writeLimits(whole.record, changes);
  assert.equal(whole.file('cpu.weight'), '200');
  const folder = whole.record.paths.unified;
  assert.deepEqual(writes, [
    { name: 'memory.max', file: `${folder}/memory.max`, data: '3000000', held: '3000000' },
    { name: 'cpu.weight', file: `${folder}/cpu.weight`, data: '200', held: '200' },
  ]);
  const planned = await plannedWrites({ ...question, access: v2, record: whole.record, running: true }, changes);
  assert.deepEqual(
    planned.map(({ name, data }) => `${name}=${data}`),
    ['memory.max=3000000', 'cpu.weight=200'],
  );
  const { 'g/cpu.weight': _, ...without } = files;
  const bare = inTree(t, without);
  await assert.rejects(writeLimits(bare.record, changes), { code: ErrorCode.Unavailable });
  assert.equal(bare.file('memory.max'), '2000000');
});

test('a write that fails midway takes back what was written before it', async (t) => {
  const { record, root, file } = inTree(t, { ...v2Files, 'g/memory.max': '2000000\n' });
  // To write to a folder is refused to everybody, root too.
  rmSync(path.join(root, 'g/pids.max'));
  symlinkSync('/proc/self/stat', path.join(root, 'g/pids.max'));
  const changes = [
    { name: 'memory.max', value: '3000000' },
    { name: 'pids.max', value: '1' },
  ];
  await assert.rejects(writeLimits(record, changes), (error: { message: string }) => {
    assert.match(error.message, /Nothing was changed|could not be put back: pids.max/);
    return true;
  });
  // Raising goes first, so it was written and put back.
  assert.equal(file('memory.max'), '2000000');
});

test('a cgroup that somebody removed is told of as gone', async (t) => {
  const { record, root } = inTree(t, v2Files);
  rmSync(path.join(root, 'g'), { recursive: true });
  await assert.rejects(
    writeLimits(record, [{ name: 'pids.max', value: '9' }]),
    (error: { code: number; data: { path: string } }) => {
      assert.equal(error.code, ErrorCode.WrongState);
      assert.equal(error.data.path, record.paths.unified);
      return true;
    },
  );
});

test('a stopped container has nothing to write, but nonsense is refused all the same', async () => {
  const stopped = { ...question, access: v2 };
  assert.deepEqual(await plannedWrites(stopped, [{ name: 'pids.max', value: '9' }]), []);
  await assert.rejects(plannedWrites(stopped, [{ name: 'pids.max', value: '0' }]), { code: ErrorCode.Invalid });
});

for (const [errno, name, version, code, words] of [
  ['EBUSY', 'memory.max', 1, ErrorCode.Invalid, /in use/],
  ['EBUSY', 'cpuset.cpus', 2, ErrorCode.Invalid, /Groups below/],
  ['EINVAL', 'memory.max', 1, ErrorCode.Invalid, /contradicts/],
  ['EINVAL', 'cpu.max', 1, ErrorCode.Invalid, /above this one/],
  ['EINVAL', 'cpuset.cpus', 2, ErrorCode.Invalid, /no such CPU/],
  ['EINVAL', 'misc.max', 2, ErrorCode.Invalid, /each resource/],
  ['EINVAL', 'rdma.max', 2, ErrorCode.Invalid, /does not take/],
  ['ERANGE', 'cpuset.cpus', 1, ErrorCode.Invalid, /no such CPU/],
  ['ENOSPC', 'cpuset.cpus', 1, ErrorCode.Invalid, /at least one CPU/],
  ['EACCES', 'memory.max', 1, ErrorCode.Unavailable, /not yours/],
  ['EPERM', 'memory.max', 2, ErrorCode.Unavailable, /not yours/],
  ['EROFS', 'memory.max', 2, ErrorCode.Unavailable, /read-only/],
  ['ENOENT', 'memory.max', 2, ErrorCode.Unavailable, /not enabled/],
  ['ENOENT', 'memory.swap.max', 1, ErrorCode.Unavailable, /account for swap/],
  ['ENODEV', 'memory.max', 2, ErrorCode.WrongState, /ended/],
  ['ENODEV', 'rdma.max', 2, ErrorCode.Invalid, /no such RDMA device/],
  ['ENODEV', 'io.max', 2, ErrorCode.Invalid, /no such disk/],
  ['EOPNOTSUPP', 'io.weight', 2, ErrorCode.Unavailable, /scheduler/],
  ['EIO', 'memory.max', 2, ErrorCode.StepFailed, /EIO/],
] as const) {
  test(`${errno} for ${name} on v${version} is explained`, () => {
    const error = Object.assign(new Error(errno), { code: errno });
    const explained = explainRefusal(error, { change: { name, value: '5' }, file: name, version, lost: [] });
    assert.equal(explained.code, code);
    assert.match(explained.data?.cause ?? '', words);
    assert.ok((explained.data?.fix ?? '').length > 0);
    assert.match(explained.data?.doctor ?? '', /^cgroup/);
    assert.match(explained.message, /Nothing was changed/);
  });
}

test('what could not be put back is named', () => {
  const error = Object.assign(new Error('x'), { code: 'EINVAL' });
  const change = { name: 'memory.max', value: '5' };
  const explained = explainRefusal(error, { change, file: 'memory.max', version: 2, lost: ['pids.max (EIO)'] });
  assert.match(explained.message, /could not be put back: pids\.max/);
  assert.doesNotMatch(explained.message, /Nothing was changed/);
});
