import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { CgroupAccess } from '../../../helper/cgroup/access.js';
import { readLimits } from '../../../helper/cgroup/limits.js';
import { writeLimits } from '../../../helper/cgroup/write.js';
import { explainRefusal } from '../../../helper/cgroup/writeErrors.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { makeTree } from './tree.js';

const none: CgroupAccess = { mode: 'none', reason: 'nothing delegated', remedy: 'delegate' };
const v2: CgroupAccess = { mode: 'v2', parent: '/g', controllers: ['memory', 'pids'] };
const question = { container: 'c', record: undefined, resources: { pids: { limit: 20 } }, running: false };

const v2Files: Record<string, string> = {
  'memory.max': '1000000\n',
  'g/memory.max': 'max\n',
  'g/memory.current': '5000\n',
  'g/memory.swap.max': '0\n',
  'g/memory.swap.current': '0\n',
  'g/memory.events': 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\n',
  'g/memory.high': 'max\n',
  'g/cpu.max': '5000 100000\n',
  'g/cpu.weight': '100\n',
  'g/cpu.stat': 'usage_usec 2000000\nthrottled_usec 77\n',
  'g/pids.max': '20\n',
  'g/pids.current': '3\n',
  'g/pids.events': 'max 4\n',
};

test('without cgroups every limit says why, and what to do', async () => {
  const report = await readLimits({ ...question, access: none });
  assert.equal(report.mode, 'none');
  assert.deepEqual(report.notice, { reason: 'nothing delegated', remedy: 'delegate' });
  assert.equal(report.readings.length, 5);
  for (const reading of report.readings) {
    assert.equal(reading.writable, false);
    assert.deepEqual(reading.unavailable, { reason: 'nothing delegated', remedy: 'delegate' });
  }
});

test('a stopped container shows the limits of its next start', async () => {
  const report = await readLimits({ ...question, access: v2 });
  assert.equal(report.live, false);
  const pids = report.readings.find(({ name }) => name === 'pids.max');
  assert.deepEqual(pids, { name: 'pids.max', value: 20, writable: true });
  const cpu = report.readings.find(({ name }) => name === 'cpu.max');
  assert.equal(cpu?.writable, false);
  assert.match(cpu?.unavailable?.reason ?? '', /cpu/);
});

test('a container that was started without a cgroup says to restart it', async () => {
  const report = await readLimits({ ...question, access: v2, running: true });
  assert.equal(report.mode, 'none');
  assert.match(report.notice?.remedy ?? '', /Restart/);
});

test('a running container shows what the files hold, what is used, and what is tighter above', async (t) => {
  const root = makeTree(t, v2Files);
  const record = { version: 2, paths: { unified: path.join(root, 'g') } } as const;
  const report = await readLimits({ ...question, access: v2, record, running: true, cores: 0.04 });
  assert.equal(report.live, true);
  assert.deepEqual(report.events, { oomKills: 2, pidsRefused: 4, throttledMicroseconds: 77 });
  const [memory, swap, cpu, weight, pids] = report.readings;
  assert.deepEqual(memory?.effective, { value: 1_000_000, path: root });
  assert.deepEqual([memory?.value, memory?.raw, memory?.usage], ['max', 'max', 5000]);
  assert.equal(swap?.value, 0);
  assert.deepEqual([cpu?.value, cpu?.usage, cpu?.raw], [0.05, 0.04, '5000 100000']);
  assert.equal(weight?.value, 100);
  assert.deepEqual([pids?.value, pids?.usage, pids?.effective], [20, 3, undefined]);
});

test('a missing controller takes back what was written before it', async (t) => {
  const root = makeTree(t, { ...v2Files, 'g/memory.max': '2000000\n' });
  const { 'g/cpu.weight': _, ...without } = v2Files;
  const bare = makeTree(t, { ...without, 'g/memory.max': '2000000\n' });
  const changes = [
    { name: 'memory.max', value: 3_000_000 },
    { name: 'cpu.weight', value: 200 },
  ] as const;
  await writeLimits({ version: 2, paths: { unified: path.join(root, 'g') } }, changes);
  assert.equal(readFileSync(path.join(root, 'g/cpu.weight'), 'utf8').trim(), '200');
  await assert.rejects(writeLimits({ version: 2, paths: { unified: path.join(bare, 'g') } }, changes), {
    code: ErrorCode.Unavailable,
  });
  // Raising goes first, so it was written and put back.
  assert.equal(readFileSync(path.join(bare, 'g/memory.max'), 'utf8').trim(), '2000000');
});

const change = { name: 'memory.max', value: 5 } as const;
for (const [errno, code, words] of [
  ['EBUSY', ErrorCode.Invalid, /in use/],
  ['EINVAL', ErrorCode.Invalid, /does not take|contradicts/],
  ['EACCES', ErrorCode.Unavailable, /not yours/],
  ['ENOENT', ErrorCode.Unavailable, /not enabled/],
  ['ENODEV', ErrorCode.WrongState, /ended/],
  ['EIO', ErrorCode.StepFailed, /EIO/],
] as const) {
  test(`${errno} is explained`, () => {
    const error = Object.assign(new Error(errno), { code: errno });
    const explained = explainRefusal(error, { change, file: 'memory.max', version: 1, lost: [] });
    assert.equal(explained.code, code);
    assert.match(explained.data?.cause ?? '', words);
    assert.ok((explained.data?.fix ?? '').length > 0);
    assert.match(explained.message, /Nothing was changed/);
  });
}

test('what could not be put back is named', () => {
  const error = Object.assign(new Error('x'), { code: 'EINVAL' });
  const explained = explainRefusal(error, { change, file: 'memory.max', version: 2, lost: ['/g/pids.max (EIO)'] });
  assert.match(explained.message, /could not be put back: \/g\/pids\.max/);
  assert.doesNotMatch(explained.message, /Nothing was changed/);
});
