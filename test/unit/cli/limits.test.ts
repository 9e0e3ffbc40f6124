import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { parseChange, parseWords } from '../../../cli/limits.js';
import { editsText, limitsText, outcomeText, previewText } from '../../../cli/limitText.js';
import type { LimitReading, LimitsReport } from '../../../helper/protocol/index.js';

function refused(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof InvalidArgumentError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

describe('what is asked of terrarium limits', () => {
  test('changes, in the units of people', () => {
    assert.deepEqual(parseChange('memory.max=100M'), { name: 'memory.max', value: String(100 * 1024 ** 2) });
    assert.deepEqual(parseChange('memory.max=100 MB'), { name: 'memory.max', value: '100000000' });
    assert.deepEqual(parseChange('cpu.max=50%'), { name: 'cpu.max', value: '50000 100000' });
    assert.deepEqual(parseChange('pids.max=max'), { name: 'pids.max', value: 'max' });
    assert.deepEqual(parseChange('RLIMIT_NOFILE=64'), { name: 'RLIMIT_NOFILE', value: '64' });
    assert.deepEqual(parseChange('hugetlb.2MB.max=4 MiB'), { name: 'hugetlb.2MB.max', value: String(4 * 1024 ** 2) });
    assert.deepEqual(parseChange('misc.max=sgx_epc=5'), { name: 'misc.max', value: 'sgx_epc=5' });
    for (const text of ['memory.max', '=1', '', 'memory.max/x=1', '../x=1', 'Nonsense=1']) {
      refused(() => parseChange(text), /does not begin with the name of a limit/);
    }
    for (const text of ['memory.max=', 'pids.max=-1', 'cpu.max=1.2.3%']) refused(() => parseChange(text), /./);
  });

  test('whose limits', () => {
    const change = { name: 'pids.max', value: '20' };
    assert.deepEqual(parseWords(['web', 'pids.max=20'], {}), { target: { container: 'web' }, changes: [change] });
    assert.deepEqual(parseWords(['pids.max=20'], { group: 'lab' }), { target: { group: 'lab' }, changes: [change] });
    assert.deepEqual(parseWords([], { all: true }), { target: { group: '/' }, changes: [] });
    assert.deepEqual(parseWords([], { cgroup: '/c' }), { target: { cgroup: '/c' }, changes: [] });
    refused(() => parseWords([], {}), /Name a container/);
    refused(() => parseWords(['pids.max=20'], {}), /Name a container/);
    refused(() => parseWords([], { group: 'lab', all: true }), /Only one/);
    refused(() => parseWords(['web'], { group: 'lab' }), /does not begin/);
  });

  test('a preset, and what is given beside it', () => {
    const { changes } = parseWords(['web', 'pids.max=7'], { preset: 'lab' });
    assert.deepEqual(Object.fromEntries(changes.map(({ name, value }) => [name, value])), {
      'memory.max': '100000000',
      'memory.swap.max': '0',
      'cpu.max': '5000 100000',
      'pids.max': '7',
    });
  });

  test('what does not go together', () => {
    for (const options of [{ undo: true }, { edits: true }]) {
      refused(() => parseWords(['web', 'pids.max=7'], options), /without changes/);
    }
    for (const options of [{ preview: true }, { try: 5 }, { untilRestart: true }]) {
      refused(() => parseWords(['web'], options), /what is to be changed/);
    }
  });
});

describe('what terrarium limits prints', () => {
  const report: LimitsReport = {
    target: { container: 'a' },
    title: 'web',
    mode: 'v2',
    live: true,
    readings: [
      {
        name: 'memory.max',
        value: String(1024 ** 3),
        usage: 310 * 1024 ** 2,
        peak: 400 * 1024 ** 2,
        files: ['/c/memory.max'],
        effective: { value: String(512 * 1024 ** 2), path: '/above' },
        writable: true,
      },
      { name: 'pids.max', value: '50', nextStart: '40', files: ['/c/pids.max'], writable: true },
      { name: 'io.max', files: [], writable: false, unavailable: { reason: 'No io.\x1b[2J', remedy: '' } },
      { name: 'RLIMIT_NOFILE', value: '1024', files: [], writable: true },
    ],
    devices: [],
    events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
  };

  test('a table of the cgroup, and one of what each process has', () => {
    assert.deepEqual(
      limitsText(report)
        .split('\n')
        .map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | ')),
      [
        'LIMIT | VALUE | USED | PEAK | TIGHTER ABOVE | NEXT START',
        'memory.max | 1 GiB | 310 MiB | 400 MiB | 512 MiB by /above',
        'pids.max | 50 | – | – | 40',
        'io.max | – | – | – | No io.\\x1b[2J',
        '',
        'OF EACH PROCESS | VALUE',
        'RLIMIT_NOFILE | 1024',
      ],
    );
  });

  test('without cgroups those of processes come first, and why', () => {
    const notice = { reason: 'Nothing is delegated.', remedy: 'Run this.' };
    const ofCgroup = (reading: LimitReading) => !reading.name.startsWith('RLIMIT_');
    const readings = report.readings.map((one) => (ofCgroup(one) ? { ...one, unavailable: notice } : one));
    const text = limitsText({ ...report, readings, mode: 'none', live: false, notice });
    assert.ok(text.startsWith('OF EACH PROCESS'), text);
    assert.match(text, /^memory\.max/m, 'what was asked for');
    assert.doesNotMatch(text, /^io\.max/m, 'nobody asked for it');
    assert.equal(text.split(notice.reason).length, 2, 'said once');
    assert.ok(text.endsWith('\n\nNothing is delegated.\nRun this.'), text);
  });

  const edit = {
    id: '1',
    at: '2026-01-02T03:04:05.000Z',
    kind: 'edit',
    changes: [{ name: 'memory.max', before: 'max', after: '99999744' }],
  } as const;

  test('what the kernel made of a change', () => {
    const write = { file: '/c/memory.max', name: 'memory.max', data: '100000000', held: '99999744' };
    const text = outcomeText({ edit: { ...edit, changes: [...edit.changes] }, writes: [write], report });
    assert.match(text, /^memory\.max +\S.* +max$/m);
    assert.match(text, /^\/c\/memory\.max: 100000000 was written, 99999744 is in force$/m);
  });

  test('a preview, and the edits', () => {
    const text = previewText({
      writes: [
        { file: '/c/pids.max', name: 'pids.max', data: '20' },
        { file: '', name: 'RLIMIT_NOFILE', data: '64' },
      ],
      forecasts: [{ name: 'pids.max', severity: 'danger', text: 'Cannot be set.' }],
    });
    assert.match(
      text,
      /^!! +pids\.max +Cannot be set\.\n\n20 +-> +\/c\/pids\.max\n64 +-> +RLIMIT_NOFILE of each process$/,
    );
    assert.match(editsText([{ ...edit, changes: [...edit.changes] }]), /^2026-\S+ +edit +memory\.max max -> \S/m);
  });
});
