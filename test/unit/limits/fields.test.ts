import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeValue, viewField } from '../../../extension/limits/fields.js';
import type { ShownPreview, ShownReading } from '../../../extension/limits/messages.js';
import { MiB, memory, reportOf, sampleOf } from './report.js';

const view = (draft?: string, reading: ShownReading = memory, more: Partial<Parameters<typeof viewField>[0]> = {}) =>
  viewField({ report: reportOf([reading]), reading, draft, ...more });

describe('viewField', () => {
  it('shows what is set in people’s words, what the kernel holds, and use; it changes nothing by itself', () => {
    assert.deepEqual(view(), {
      text: '512 MiB',
      disabled: false,
      cleared: false,
      notes: ['The kernel holds 536870912'],
      usage: { text: '80 MiB in use · 16 % · highest 100 MiB', percent: 15.625 },
    });
  });

  it('says the exact text at once, and the file as soon as the preview has told', () => {
    assert.equal(view('50 MB').change, '50000000');
    assert.equal(view('50 MB').exact, '= 50000000');
    const preview: ShownPreview = {
      writes: [{ file: '/sys/fs/cgroup/memory/x/memory.limit_in_bytes', name: 'memory.max', data: '50000000' }],
      forecasts: [],
    };
    assert.equal(view('50 MB', memory, { preview }).exact, 'memory.limit_in_bytes ← 50000000');
    assert.equal(view('50 MB', memory, { preview: { writes: [], forecasts: [] } }).exact, '= 50000000');
  });

  it('changes nothing when the same value is typed in another unit', () => {
    const shown = view('0.5 GiB');
    assert.equal(shown.change, undefined);
    assert.equal(shown.exact, undefined);
    assert.equal(shown.text, '0.5 GiB');
  });

  it('keeps what was typed beside the error', () => {
    const shown = view('50 parsecs');
    assert.equal(shown.text, '50 parsecs');
    assert.match(shown.error ?? '', /parsecs/);
    assert.equal(shown.change, undefined);
  });

  it('measures use by the latest sample, and against a tighter group above', () => {
    const tight = { ...memory, effective: { value: String(160 * MiB), path: 'user.slice' } };
    const shown = view(undefined, tight, { details: sampleOf({ memory: { bytes: 40 * MiB, events: {} } }) });
    assert.equal(shown.usage?.percent, 25);
    assert.match(shown.usage?.text ?? '', /^40 MiB in use · 25 % · highest 100 MiB$/);
    assert.equal(shown.notes[0], 'The group user.slice above allows only 160 MiB.');
  });

  it('draws no bar without a limit, and a full one for use of what is forbidden', () => {
    assert.equal(view(undefined, { ...memory, value: 'max', raw: 'max' }).usage?.percent, undefined);
    const swap: ShownReading = { name: 'memory.swap.max', value: '0', files: [], usage: 4096, writable: true };
    assert.equal(view(undefined, swap).usage?.percent, 100);
    assert.equal(view(undefined, { ...swap, usage: 0 }).usage?.percent, 0);
  });

  it('of what does not run shows no use and no verbatim text', () => {
    const shown = view(undefined, memory, { report: reportOf([memory], { live: false }) });
    assert.equal(shown.usage, undefined);
    assert.deepEqual(shown.notes, []);
  });

  it('tells of another value from the next start on', () => {
    assert.deepEqual(view(undefined, { ...memory, nextStart: 'max' }).notes[0], 'From the next start on: no limit.');
  });

  it('shows file and number of cgroup v1, where they are others', () => {
    const weight: ShownReading = {
      name: 'cpu.weight',
      value: '39',
      raw: '512\n',
      files: ['/sys/fs/cgroup/cpu/x/cpu.shares'],
      writable: true,
    };
    assert.deepEqual(view(undefined, weight).notes, ['cpu.shares holds 512']);
    const quota: ShownReading = { ...weight, name: 'cpu.max', value: '20000 100000', raw: '20000 100000' };
    quota.files = ['/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu/x/cpu.cfs_period_us'];
    assert.deepEqual(view(undefined, quota).notes, ['The kernel holds 20000 100000'], 'no file holds both');
    const same: ShownReading = { ...weight, raw: '39\n', files: ['/sys/fs/cgroup/x/cpu.weight'] };
    assert.deepEqual(view(undefined, same).notes, []);
    const none: ShownReading = { ...memory, value: 'max', raw: '9223372036854771712' };
    assert.deepEqual(view(undefined, none).notes, []);
  });

  it('cannot be edited where it is not writable, unavailable, or everything is gone; what was typed is not shown then', () => {
    const unavailable = { reason: 'not delegated', remedy: 'sudo do it' };
    for (const shown of [
      view('1 GiB', { ...memory, writable: false }),
      view('1 GiB', { ...memory, unavailable }),
      view('1 GiB', memory, { gone: true }),
    ]) {
      assert.equal(shown.disabled, true);
      assert.equal(shown.change, undefined);
      assert.equal(shown.text, '512 MiB');
    }
    assert.deepEqual(view(undefined, { ...memory, unavailable }).unavailable, unavailable);
  });

  it('does not repeat the notice above the form', () => {
    const unavailable = { reason: 'no cgroups', remedy: 'mount them' };
    const reading = { ...memory, unavailable };
    const report = reportOf([reading], { notice: { reason: 'None here', remedy: 'mount them' } });
    assert.equal(view(undefined, reading, { report }).unavailable, undefined);
  });

  it('clearing what has no limit is no change', () => {
    const unset: ShownReading = { name: 'memory.max', files: [], writable: true };
    const shown = view('max', unset);
    assert.equal(shown.change, undefined);
    assert.equal(view(undefined, unset).cleared, true);
    assert.equal(view('100 MB', unset).cleared, false);
  });
});

describe('describeValue', () => {
  it('has words for what is not limited', () => {
    assert.equal(describeValue('memory.max', 'max'), 'no limit');
    assert.equal(describeValue('io.max', ''), 'no limit');
    assert.equal(describeValue('cpuset.cpus', ''), 'as the group above');
    assert.equal(describeValue('cpu.weight', '100'), '100');
    assert.equal(describeValue('cpu.max', '50000 100000'), '0.5 cores');
  });
});
