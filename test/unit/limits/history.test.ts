import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeCounters, pressureRows } from '../../../extension/limits/counters.js';
import { ceilingOf, columnsOf, drawnGraphs, formatMeasure, graphs } from '../../../extension/limits/graphs.js';
import { boundsOf, History, markOfEdit } from '../../../extension/limits/history.js';
import type { ShownDetails } from '../../../extension/limits/messages.js';
import type { DetailedStats, LimitEdit } from '../../../helper/protocol/limits.js';
import { MiB, memory, reportOf, sampleOf } from './report.js';

const detailed = (more: Partial<ShownDetails>, second: number) =>
  ({ target: { container: 'c' }, ...sampleOf(more, second) }) as DetailedStats;
const used = (mebibytes: number, kills = 0) => ({ memory: { bytes: mebibytes * MiB, events: { oom_kill: kills } } });

describe('History', () => {
  it('keeps what was counted, with the bounds of that moment', () => {
    const history = new History(5);
    history.add(detailed(used(80), 0), { memoryLimit: 100 });
    history.add(detailed(used(90), 1), { memoryLimit: 200 });
    assert.deepEqual(
      history.samples.map(({ values }) => [values.memory, values.memoryLimit]),
      [
        [80 * MiB, 100],
        [90 * MiB, 200],
      ],
    );
  });

  it('shows a gap where nobody looked, and forgets what is too old', () => {
    const history = new History(1);
    history.add(detailed(used(1), 0), {});
    history.add(detailed(used(2), 30), {});
    assert.deepEqual(
      history.samples.map(({ values }) => values.memory),
      [MiB, undefined, 2 * MiB],
    );
    history.add(detailed(used(3), 80), {});
    assert.deepEqual(
      history.samples.map(({ values }) => values.memory),
      [2 * MiB, undefined, 3 * MiB],
    );
  });

  it('takes the share of throttled periods between two samples', () => {
    const history = new History(5);
    const cpu = (periods: number, throttledPeriods: number) => ({
      cpu: { usageMicroseconds: 0, periods, throttledPeriods },
    });
    history.add(detailed(cpu(100, 50), 0), {});
    history.add(detailed(cpu(110, 55), 1), {});
    // A group made anew counts from nothing again.
    history.add(detailed(cpu(5, 5), 2), {});
    assert.deepEqual(
      history.samples.map(({ values }) => values.throttled),
      [0, 50, 0],
    );
  });

  it('marks kills once, whoever tells of them first', () => {
    const history = new History(5);
    assert.deepEqual(history.add(detailed(used(1, 3), 0), {}).marks, []);
    assert.equal(history.markKill(1_700_000_000_500, 4, 'killed: out of memory at 100 MB').length, 1);
    assert.equal(history.markKill(1_700_000_000_600, 4, 'killed: out of memory at 100 MB').length, 0);
    assert.deepEqual(history.add(detailed(used(1, 4), 1), {}).marks, []);
    const [mark] = history.add(detailed(used(1, 6), 2), {}).marks;
    assert.equal(mark?.text, 'Out of memory: 2 processes were killed');
    assert.equal(history.marks.length, 2);
    history.restart();
    assert.deepEqual(history.add(detailed(used(1, 0), 3), {}).marks, []);
    assert.equal(history.markKill(1_700_000_004_000, 4, 'the fourth of another').length, 1);
  });

  it('marks refused processes', () => {
    const history = new History(5);
    history.add(detailed({ pids: { count: 1, refused: 0 } }, 0), {});
    const { marks } = history.add(detailed({ pids: { count: 1, refused: 1 } }, 1), {});
    assert.deepEqual(
      marks.map(({ kind, text }) => [kind, text]),
      [['refused', 'A new process was refused']],
    );
  });

  it('marks edits in people’s words', () => {
    const edit: LimitEdit = {
      id: 'e',
      at: '2026-01-01T00:00:00Z',
      kind: 'rollback',
      changes: [{ name: 'cpu.max', before: '25000 100000', after: 'max 100000' }],
    };
    assert.deepEqual(markOfEdit(edit), {
      id: 'edit-e',
      at: Date.parse('2026-01-01T00:00:00Z'),
      kind: 'rollback',
      text: 'Rolled back: CPU 0.25 cores → max',
    });
  });
});

describe('boundsOf', () => {
  it('is the tightest of the own limit and those above; nothing for no limit', () => {
    assert.deepEqual(boundsOf(reportOf([memory])), { memoryLimit: 512 * MiB });
    const tight = { ...memory, effective: { value: '5000', path: '/' } };
    assert.deepEqual(boundsOf(reportOf([tight])), { memoryLimit: 5000 });
    assert.deepEqual(boundsOf(reportOf([{ ...memory, value: 'max' }])), {});
    assert.deepEqual(boundsOf(reportOf([])), {});
  });
});

describe('graphs', () => {
  const samples = [
    { at: 1000, values: { memory: 10 * MiB, memoryLimit: 20 * MiB } },
    { at: 1001, values: {} },
    { at: 9000, values: { memory: 12 * MiB, memoryLimit: 1000 * MiB, cpuLimit: 2 } },
  ];
  const [own] = drawnGraphs(samples);

  it('are those of which something is counted, without lines for what is not; a limit alone is none', () => {
    assert.deepEqual(
      drawnGraphs(samples).map(({ id }) => id),
      ['memory'],
    );
    assert.deepEqual(
      own?.series.map(({ measure }) => measure),
      ['memory', 'memoryLimit'],
    );
    assert.deepEqual(drawnGraphs([]), []);
  });

  it('have a gap where nothing was counted', () => {
    assert.ok(own);
    assert.deepEqual(columnsOf(own, samples), [
      [1, 1.001, 9],
      [10 * MiB, null, 12 * MiB],
      [20 * MiB, null, 1000 * MiB],
    ]);
  });

  it('show a limit when it is near, not when it would press use to the ground', () => {
    assert.ok(own);
    assert.equal(ceilingOf(own, samples), 12 * MiB * 1.1);
    assert.equal(ceilingOf(own, samples.slice(0, 1)), 20 * MiB * 1.1);
  });

  it('name every line, in a shape of its own wherever two have one colour', () => {
    for (const { series } of graphs) {
      const looks = series.map(({ stroke, color }) => `${stroke} ${color}`);
      assert.equal(new Set(looks).size, looks.length);
      assert.equal(new Set(series.map(({ label }) => label)).size, series.length);
    }
  });

  it('say that there is no value', () => {
    const [first] = own?.series ?? [];
    assert.ok(own && first);
    assert.equal(formatMeasure(own, first, undefined), '–');
    assert.equal(formatMeasure(own, first, MiB), '1 MiB');
  });
});

describe('counters', () => {
  const line = { avg10: 1.234, avg60: 0.5, avg300: 0, total: 1_500_000 };

  it('shows pressure as a table, of what there is', () => {
    assert.deepEqual(pressureRows(sampleOf({ pressure: { cpu: { some: line } } })), [
      { resource: 'CPU', who: 'some', shares: ['1.2 %', '0.5 %', '0.0 %'], total: '1.5 s' },
    ]);
    assert.deepEqual(pressureRows(sampleOf({})), []);
  });

  it('names events in words, unknown ones by their own name, and leaves out what never happened', () => {
    const details = sampleOf({
      memory: { bytes: 1, events: { oom_kill: 2, low: 0, sock_throttled: 3 } },
      pids: { count: 1, refused: 0 },
      cpu: { usageMicroseconds: 1, throttledMicroseconds: 2_000_000, periods: 50, throttledPeriods: 5 },
    });
    assert.deepEqual(describeCounters(details), [
      { name: 'processes killed for memory', value: '2' },
      { name: 'sock_throttled', value: '3' },
      { name: 'new processes refused', value: '0' },
      { name: 'slowed down', value: '2 s in 5 of 50 periods' },
    ]);
  });
});
