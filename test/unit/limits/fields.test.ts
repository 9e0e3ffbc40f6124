import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeEvents, describeReadBack, fields, viewField } from '../../../extension/limits/fields.js';
import type { ShownReading, ShownReport } from '../../../extension/limits/messages.js';
import { limitNames } from '../../../helper/protocol/limits.js';

const machine = { cores: 2, memoryBytes: 8 * 1024 ** 3 };
const MiB = 1024 ** 2;

const memory: ShownReading = {
  name: 'memory.max',
  value: 512 * MiB,
  raw: '536870912\n',
  file: '/sys/fs/cgroup/a/memory.max',
  usage: 80 * MiB,
  writable: true,
};

function reportOf(reading: ShownReading, changes: Partial<ShownReport> = {}): ShownReport {
  return {
    container: 'c',
    mode: 'v2',
    live: true,
    readings: [reading],
    events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
    ...changes,
  };
}

const view = (draft?: string, reading = memory, changes: Partial<ShownReport> = {}, usage?: number) =>
  viewField(reportOf(reading, changes), reading, draft, usage, machine);

describe('viewField', () => {
  it('shows what is in force, verbatim too, and changes nothing by itself', () => {
    assert.deepEqual(view(), {
      text: '512 MiB',
      disabled: false,
      inForce: 'In force: 512 MiB (memory.max: 536870912)',
      usage: { text: '80 MiB in use, 16 % of the limit', percent: 15.625 },
    });
  });

  it('says exactly what Apply writes, and warns below use', () => {
    const shown = view('50 MB');
    assert.equal(shown.change, 50_000_000);
    assert.equal(shown.writes, 'Writes 50000000 to memory.max');
    assert.match(shown.advice?.text ?? '', /Below the 80 MiB in use/);
  });

  it('warns by the latest sample, not by the reading', () => {
    assert.equal(view('50 MB', memory, {}, 10 * MiB).advice, undefined);
    assert.equal(view('50 MB', memory, {}, 60 * MiB).advice?.severity, 'warning');
  });

  it('changes nothing when the same value is typed in another unit', () => {
    const shown = view('0.5 GiB');
    assert.equal(shown.change, undefined);
    assert.equal(shown.writes, undefined);
    assert.equal(shown.text, '0.5 GiB');
  });

  it('keeps what was typed beside the error', () => {
    const shown = view('50 parsecs');
    assert.equal(shown.text, '50 parsecs');
    assert.match(shown.error ?? '', /parsecs/);
    assert.equal(shown.change, undefined);
  });

  it('measures use against an enclosing limit that is tighter', () => {
    const shown = view(undefined, { ...memory, effective: { value: 160 * MiB, path: '/user.slice' } });
    assert.equal(shown.usage?.percent, 50);
    assert.equal(shown.enclosing, 'An enclosing cgroup allows only 160 MiB: /user.slice');
  });

  it('draws no bar without a limit, and a full one for use of what is forbidden', () => {
    assert.deepEqual(view(undefined, { ...memory, value: 'max', raw: 'max' }).usage, { text: '80 MiB in use' });
    const noSwap: ShownReading = { name: 'memory.swap.max', value: 0, usage: 4096, writable: true };
    assert.equal(view(undefined, noSwap).usage?.percent, 100);
    assert.equal(view(undefined, { ...noSwap, usage: 0 }).usage?.percent, 0);
  });

  it('of a stopped container speaks of the next start, and shows no use', () => {
    const shown = view('64M', { ...memory, usage: 5 }, { live: false });
    assert.equal(shown.inForce, 'From the next start on: 512 MiB');
    assert.equal(shown.writes, 'At the next start memory.max = 67108864');
    assert.equal(shown.usage, undefined);
  });

  it('names the file of cgroup v1', () => {
    const v1: ShownReading = { ...memory, file: '/sys/fs/cgroup/memory/a/memory.limit_in_bytes' };
    assert.equal(view('64M', v1, { mode: 'v1' }).writes, 'Sets memory.max = 67108864, kept in memory.limit_in_bytes');
  });

  it('keeps the period that a running container has', () => {
    const cpu: ShownReading = { name: 'cpu.max', value: 1, raw: '50000 50000\n', file: '/x/cpu.max', writable: true };
    assert.equal(view('50 %', cpu).writes, 'Writes 25000 50000 to cpu.max');
    assert.equal(view('max', cpu).writes, 'Writes max 50000 to cpu.max');
    assert.equal(view('50 %', { ...cpu, raw: 'max 100000' }).writes, 'Writes 50000 100000 to cpu.max');
  });

  it('disables what cannot be written and forgets what was typed there', () => {
    const unavailable = { reason: 'not delegated', remedy: 'delegate it' };
    const cannot: ShownReading = { ...memory, writable: false, unavailable };
    const shown = view('1 GiB', cannot);
    assert.equal(shown.disabled, true);
    assert.equal(shown.text, '512 MiB');
    assert.equal(shown.change, undefined);
    assert.deepEqual(shown.unavailable, unavailable);
    const notice = { reason: 'no cgroup', remedy: 'get one' };
    assert.equal(view(undefined, cannot, { mode: 'none', notice }).unavailable, undefined);
    assert.deepEqual(view(undefined, cannot, { mode: 'none' }).unavailable, unavailable);
    assert.deepEqual(view(undefined, cannot, { notice }).unavailable, unavailable);
    assert.equal(view(undefined, cannot, { notice: unavailable }).unavailable, undefined);
  });

  it('has a field for each limit of the protocol', () => {
    assert.deepEqual(fields.map(({ name }) => name).sort(), [...limitNames].sort());
  });
});

describe('describeReadBack', () => {
  it('names what the kernel rounded, and only that', () => {
    const report = reportOf({ ...memory, value: 99_999_744 });
    assert.equal(
      describeReadBack([{ name: 'memory.max', value: 100_000_000 }], report),
      'Applied 1 limit and read back: the kernel rounds. memory.max is 99999744 where 100000000 was asked for.',
    );
    assert.equal(
      describeReadBack([{ name: 'memory.max', value: 99_999_744 }], report),
      'Applied 1 limit and read back.',
    );
    assert.equal(
      describeReadBack([{ name: 'memory.max', value: 99_999_744 }], { ...report, live: false }),
      'Kept 1 limit for the next start.',
    );
  });
});

describe('describeEvents', () => {
  it('is silent until a limit has bitten', () => {
    assert.equal(describeEvents({ oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 }), '');
    assert.equal(
      describeEvents({ oomKills: 2, pidsRefused: 3, throttledMicroseconds: 1_500_000 }),
      'So far: killed for memory: 2, forks refused: 3, slowed down for 1.5 s.',
    );
  });
});
