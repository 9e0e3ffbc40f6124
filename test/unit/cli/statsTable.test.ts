import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StatsRow, statsTable } from '../../../cli/statsTable.js';

const rows: StatsRow[] = [
  { name: 'idle', stats: { container: 'a', memoryBytes: 1024, pids: 1 } },
  {
    name: 'busy',
    stats: {
      container: 'b',
      cpu: 0.25,
      cpuMax: 0.5,
      memoryBytes: 50_000_000,
      memoryMax: 'max',
      memoryEffective: 99_999_744,
      pids: 3,
      pidsMax: 20,
      ioRead: 0,
      ioWritten: 2048,
      oomKills: 2,
    },
    details: {
      target: { container: 'b' },
      at: '',
      memory: { bytes: 1, peak: 2048, events: {} },
      cpu: { usageMicroseconds: 1, throttledMicroseconds: 1_500_000 },
      pressure: { cpu: { some: { avg10: 12.34, avg60: 0, avg300: 0, total: 0 } } },
    },
  },
];
const lines = (...args: Parameters<typeof statsTable>) =>
  statsTable(...args)
    .split('\n')
    .map((line) => line.split(/ {2,}/));

test('a table for people: use, the tightest limit, and the share of it', () => {
  assert.deepEqual(lines(rows, 'name', false), [
    ['NAME', 'CPU', '%', 'MEMORY', 'LIMIT', '%', 'PIDS', 'LIMIT', '%', 'READ', 'WRITTEN', 'OOM KILLS'],
    ['busy', '25.0 %', '50 %', '47.7 MiB', '100 MB', '50 %', '3', '20', '15 %', '0 B/s', '2 KiB/s', '2'],
    ['idle', '-', '-', '1 KiB', '-', '-', '1', '-', '-', '-', '-', '-'],
  ]);
});

test('details beside it, and a dash for what is not counted', () => {
  const [header, busy, idle] = lines(rows, 'name', true);
  assert.deepEqual(header?.slice(12), ['THROTTLED', 'PEAK', 'CPU PRESSURE', 'MEMORY PRESSURE', 'IO PRESSURE']);
  assert.deepEqual(busy?.slice(12), ['1.5 s', '2 KiB', '12.3 %', '-', '-']);
  assert.deepEqual(idle?.slice(12), ['-', '-', '-', '-', '-']);
});

test('the most first; what is not counted last, by name', () => {
  const more: StatsRow[] = [...rows, { name: 'also', stats: { container: 'c', memoryBytes: 2048, pids: 1 } }];
  const names = (order: 'name' | 'cpu' | 'memory' | 'pids' | 'io') =>
    lines(more, order, false)
      .slice(1)
      .map(([name]) => name);
  assert.deepEqual(names('name'), ['also', 'busy', 'idle']);
  assert.deepEqual(names('cpu'), ['busy', 'also', 'idle']);
  assert.deepEqual(names('memory'), ['busy', 'also', 'idle']);
  assert.deepEqual(names('pids'), ['busy', 'also', 'idle']);
  assert.deepEqual(names('io'), ['busy', 'also', 'idle']);
});
