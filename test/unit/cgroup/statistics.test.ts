import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  CgroupCounters,
  parseBlkio,
  parseIoStat,
  parsePressure,
  TightestMemory,
} from '../../../helper/cgroup/counters.js';
import { ProcessTable } from '../../../helper/cgroup/processUsage.js';
import { coresBetween, devicesBetween } from '../../../helper/cgroup/rates.js';
import { StatisticsSampler } from '../../../helper/cgroup/sampler.js';
import { sampleBrief, sampleDetails } from '../../../helper/cgroup/statistics.js';
import type { ContainerStats, DetailedStats } from '../../../helper/protocol/index.js';
import { makeTree } from './tree.js';

const v2Files: Record<string, string> = {
  'memory.max': '1000000\n',
  'g/memory.max': 'max\n',
  'g/memory.current': '5000\n',
  'g/memory.peak': '6000\n',
  'g/memory.swap.current': '7\n',
  'g/memory.events': 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\n',
  'g/cpu.max': '5000 100000\n',
  'g/cpu.stat': 'usage_usec 2000000\nnr_periods 9\nnr_throttled 4\nthrottled_usec 77\n',
  'g/pids.max': '20\n',
  'g/pids.current': '3\n',
  'g/pids.events': 'max 4\n',
  'g/io.stat': '1:0 \n254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n',
  'g/memory.pressure':
    'some avg10=1.50 avg60=0.25 avg300=0.00 total=99\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=33\n',
};

const v1Files: Record<string, string> = {
  'memory/memory.limit_in_bytes': '9223372036854771712\n',
  'memory/g/memory.limit_in_bytes': '409600\n',
  'memory/g/memory.usage_in_bytes': '5000\n',
  'memory/g/memory.memsw.usage_in_bytes': '5700\n',
  'memory/g/memory.max_usage_in_bytes': '6000\n',
  'memory/g/memory.failcnt': '5\n',
  'memory/g/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  'cpu/g/cpu.stat': 'nr_periods 9\nnr_throttled 4\nthrottled_time 77000\n',
  'cpu/g/cpu.cfs_quota_us': '5000\n',
  'cpu/g/cpu.cfs_period_us': '100000\n',
  'cpuacct/g/cpuacct.usage': '2000000000\n',
  'pids/g/pids.current': '3\n',
  'pids/g/pids.max': 'max\n',
  'pids/g/pids.events': 'max 4\n',
};

const unasked = () => assert.fail('the processes are not asked where all is counted');

function openTree(t: TestContext, version: 1 | 2, root: string): CgroupCounters {
  const paths =
    version === 2
      ? { unified: path.join(root, 'g') }
      : Object.fromEntries(['memory', 'cpu', 'cpuacct', 'pids'].map((name) => [name, path.join(root, name, 'g')]));
  const counters = new CgroupCounters({ version, paths });
  t.after(() => counters.close());
  return counters;
}

test('a container in brief, on v2 and on v1', (t) => {
  const v2 = openTree(t, 2, makeTree(t, v2Files));
  assert.deepEqual(sampleBrief('c', { counters: v2, processes: unasked }, new TightestMemory()).stats, {
    container: 'c',
    memoryBytes: 5000,
    memoryMax: 'max',
    memoryEffective: 1_000_000,
    pids: 3,
    pidsMax: 20,
    cpuMax: 0.05,
    oomKills: 2,
  });
  const v1 = openTree(t, 1, makeTree(t, v1Files));
  assert.deepEqual(sampleBrief('c', { counters: v1, processes: unasked }, new TightestMemory()).stats, {
    container: 'c',
    memoryBytes: 5000,
    memoryMax: 409_600,
    pids: 3,
    pidsMax: 'max',
    cpuMax: 0.05,
    oomKills: 2,
  });
});

test('all that is counted, on v2 and on v1', (t) => {
  const detailsOf = (counters: CgroupCounters) => {
    const { at, ...stats } = sampleDetails({ container: 'c' }, { counters, processes: unasked }).stats;
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 10_000);
    return stats;
  };
  assert.deepEqual(detailsOf(openTree(t, 2, makeTree(t, v2Files))), {
    target: { container: 'c' },
    memory: { bytes: 5000, peak: 6000, swapBytes: 7, events: { low: 0, high: 0, max: 5, oom: 2, oom_kill: 2 } },
    cpu: { usageMicroseconds: 2_000_000, periods: 9, throttledPeriods: 4, throttledMicroseconds: 77 },
    pids: { count: 3, refused: 4 },
    pressure: {
      memory: {
        some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 99 },
        full: { avg10: 0.5, avg60: 0, avg300: 0, total: 33 },
      },
    },
  });
  assert.deepEqual(detailsOf(openTree(t, 1, makeTree(t, v1Files))), {
    target: { container: 'c' },
    memory: { bytes: 5000, peak: 6000, swapBytes: 700, events: { max: 5, oom_kill: 2 } },
    cpu: { usageMicroseconds: 2_000_000, periods: 9, throttledPeriods: 4, throttledMicroseconds: 77 },
    pids: { count: 3, refused: 4 },
  });
});

test('rates are differences, never negative, and of new devices from none', (t) => {
  const counters = openTree(t, 2, makeTree(t, v2Files));
  const { mark } = sampleBrief('c', { counters, processes: unasked }, new TightestMemory());
  assert.equal(coresBetween(undefined, mark), undefined);
  assert.equal(coresBetween({ at: mark.at - 2000, cpuNanoseconds: 1e9 }, mark), 0.5);
  assert.equal(coresBetween({ at: mark.at - 2000, cpuNanoseconds: 9e9 }, mark), 0);
  assert.equal(devicesBetween({ at: mark.at - 2000, cpuNanoseconds: 1 }, mark), undefined);
  assert.deepEqual(devicesBetween({ at: mark.at - 2000, io: new Map() }, mark), [
    { device: '254:0', readBytes: 2048, writtenBytes: 4096, reads: 0.5, writes: 1 },
  ]);
  const io = new Map([['254:0', { readBytes: 4096, writtenBytes: 9000, reads: 0, writes: 0 }]]);
  assert.deepEqual(devicesBetween({ at: mark.at - 1000, io }, mark), [
    { device: '254:0', readBytes: 0, writtenBytes: 0, reads: 1, writes: 2 },
  ]);
});

test('files of devices and of pressure', () => {
  assert.deepEqual(
    [...parseIoStat('1:0\n8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6')],
    [['8:16', { readBytes: 1, writtenBytes: 2, reads: 3, writes: 4 }]],
  );
  assert.deepEqual(
    [
      ...parseBlkio(
        '8:0 Read 4096\n8:0 Write 10\n8:0 Sync 1\n8:0 Total 4106\nTotal 4106',
        '8:0 Read 1\n8:0 Write 2\nTotal 3',
      ),
    ],
    [['8:0', { readBytes: 4096, writtenBytes: 10, reads: 1, writes: 2 }]],
  );
  assert.deepEqual([...parseBlkio('Total 0', 'Total 0')], []);
  const line = { avg10: 0, avg60: 0, avg300: 0, total: 5 };
  // The CPU had no `full` before Linux 5.13.
  assert.deepEqual(parsePressure('some avg10=0.00 avg60=0.00 avg300=0.00 total=5'), { some: line });
  assert.equal(parsePressure(undefined), undefined);
});

test('a file that comes later is found, and one that goes is not counted', (t) => {
  const root = makeTree(t, { 'g/pids.current': '3\n' });
  const counters = openTree(t, 2, root);
  assert.equal(counters.memoryBytes(), undefined);
  writeFileSync(path.join(root, 'g/memory.current'), '17\n');
  const answers = Array.from({ length: 12 }, () => counters.memoryBytes());
  assert.equal(answers.at(-1), 17);
  assert.equal(counters.isGone(), false);
  rmSync(path.join(root, 'g'), { recursive: true });
  assert.equal(counters.isGone(), true);
});

/** /proc of an init (10), its child (11), what entered its namespace (20) with a child (21), and a stranger (30). */
function makeProc(t: TestContext): string {
  const files: Record<string, string> = { uptime: '5000.00 1\n', 'self/ns/': '', 'self/stat': '' };
  const add = (pid: number, parent: number, ticks: number) => {
    const numbers = [parent, 0, 0, 0, 0, 0, 0, 0, 0, 0, ticks, 1, 0, 0, 0, 0, 2, 0, 100 + pid];
    files[`${pid}/stat`] = `${pid} (a ) b) S ${numbers.join(' ')} 0 0\n`;
    files[`${pid}/status`] = `Name:\ta\nVmRSS:\t      ${pid} kB\n`;
  };
  add(10, 1, 5);
  add(11, 10, 5);
  add(20, 2, 5);
  add(21, 20, 5);
  add(30, 1, 5);
  return makeTree(t, files);
}

test('processes are summed by descent, each thread a task', (t) => {
  const table = new ProcessTable(makeProc(t));
  table.refresh();
  assert.deepEqual(table.sum({ pid: 10, startTime: 110 }), {
    tasks: 4,
    memoryBytes: 21 * 1024,
    cpuNanoseconds: 12 * 10_000_000,
  });
  assert.equal(table.sum({ pid: 10, startTime: 111 }), undefined, 'another process with its pid');
  assert.equal(table.sum({ pid: 12, startTime: 112 }), undefined);
});

test('without a cgroup the processes are asked', (t) => {
  const table = new ProcessTable(makeProc(t));
  table.refresh();
  const processes = () => table.sum({ pid: 20, startTime: 120 });
  const { stats, mark } = sampleBrief('c', { counters: undefined, processes }, new TightestMemory());
  assert.deepEqual(stats, { container: 'c', memoryBytes: 41 * 1024, pids: 4 });
  assert.equal(mark.cpuNanoseconds, 12 * 10_000_000);
});

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !done(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    assert.ok(Date.now() < end, 'in time');
  }
}

test('the sampler works while somebody watches, and not a moment longer', async (t) => {
  const root = makeTree(t, v2Files);
  const folder = path.join(root, 'g');
  const rounds: ContainerStats[][] = [];
  const details: DetailedStats[] = [];
  const asked: string[] = [];
  const errors: string[] = [];
  const target = { cgroup: { version: 2, paths: { unified: folder } } } as const;
  const sampler = new StatisticsSampler({
    find: (container) => {
      asked.push(container);
      return container === 'c' ? target : undefined;
    },
    resolve: async (wanted) => {
      if ('group' in wanted) throw new Error('cannot be looked up');
      return target;
    },
    onSampled: (stats) => rounds.push(stats),
    onDetailed: (sampled) => details.push(...sampled),
    onError: (error) => errors.push(String(error)),
    interval: 20,
  });
  t.after(() => sampler.dispose());
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(asked.length, 0);
  sampler.watch(['c', 'stopped']);
  await until(() => rounds.length >= 3);
  assert.deepEqual(
    rounds[0]?.map(({ container, cpu }) => [container, cpu]),
    [['c', undefined]],
  );
  assert.equal(rounds[2]?.[0]?.cpu, 0);
  assert.equal(asked.filter((container) => container === 'c').length, 1, 'what runs is looked up once');
  assert.equal(details.length, 0);

  const before = rounds.length;
  sampler.watch([], [{ cgroup: folder }]);
  await until(() => details.length >= 2);
  assert.ok(rounds.length <= before + 1);
  assert.equal(details[0]?.memory?.bytes, 5000);
  rmSync(folder, { recursive: true });
  await until(() => details.at(-1)?.gone === true);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'pids.current'), '1\n');
  await until(() => details.at(-1)?.pids?.count === 1);
  assert.equal(details.at(-1)?.gone, undefined);

  assert.deepEqual(errors, []);
  sampler.watch([], [{ group: 'none' }, { cgroup: folder }]);
  await until(() => errors.length > 0 && details.slice(-2).some(({ pids }) => pids?.count === 1));
  assert.match(errors[0] ?? '', /cannot be looked up/);
  assert.ok(details.some((one) => 'group' in one.target && one.gone === true));

  sampler.watch([]);
  const still = details.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(details.length <= still + 1);
});
