import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeOutcome, describeState, viewActions } from '../../../extension/limits/actions.js';
import type { ShownEdit, ShownReading } from '../../../extension/limits/messages.js';
import { sectionsOf, summaryOf } from '../../../extension/limits/sections.js';
import { MiB, memory, reportOf } from './report.js';

const reading = (name: string, value: string): ShownReading => ({ name, value, files: [], writable: true });
const readings = [
  memory,
  reading('memory.swap.max', 'max'),
  reading('memory.high', 'max'),
  reading('cpu.max', 'max 100000'),
  reading('cpu.idle', '1'),
  reading('cpuset.cpus', ''),
  reading('pids.max', '20'),
  reading('io.max', '8:0 rbps=1000 wbps=max riops=max wiops=max'),
  reading('brandnew.max', ''),
  reading('RLIMIT_AS', 'max'),
];

describe('sectionsOf', () => {
  const sections = sectionsOf(reportOf(readings));

  it('has one for each controller, in the order of the report, limits of processes last', () => {
    assert.deepEqual(
      sections.map(({ id }) => id),
      ['memory', 'cpu', 'cpuset', 'pids', 'io', 'brandnew', 'rlimit'],
    );
  });

  it('has the everyday ones in front, the others behind more; open where something in there is set', () => {
    const [own, cpu] = sections;
    assert.deepEqual(
      own?.everyday.map(({ name }) => name),
      ['memory.max', 'memory.swap.max'],
    );
    assert.deepEqual(
      own?.more.map(({ name }) => name),
      ['memory.high'],
    );
    assert.equal(own?.moreOpen, false);
    assert.equal(cpu?.moreOpen, true);
  });

  it('opens the everyday ones, and others when something is set', () => {
    assert.deepEqual(
      sections.filter(({ open }) => open).map(({ id }) => id),
      ['memory', 'cpu', 'pids', 'io'],
    );
  });

  it('loses no reading', () => {
    const names = sections.flatMap(({ everyday, more }) => [...everyday, ...more].map(({ name }) => name));
    assert.deepEqual(names.sort(), readings.map(({ name }) => name).sort());
  });

  it('without control groups limits of processes stand first and open, and say what they are', () => {
    const [first, ...others] = sectionsOf(reportOf(readings, { mode: 'none' }));
    assert.equal(first?.id, 'rlimit');
    assert.equal(first?.open, true);
    assert.match(first?.explanation ?? '', /each process, not for the container/);
    assert.ok(others.every(({ open }) => !open));
  });

  it('says in its header what is set', () => {
    const [own, , cpuset] = sections;
    assert.equal(own && summaryOf(own), 'Memory 512 MiB');
    assert.equal(cpuset && summaryOf(cpuset), '');
  });
});

describe('viewActions', () => {
  const edit: ShownEdit = {
    id: 'e',
    at: '2026-01-01T00:00:00Z',
    kind: 'edit',
    changes: [{ name: 'memory.max', before: 'max', after: String(512 * MiB) }],
  };
  const state = { changes: 1, invalid: false, drafts: 1, busy: false, gone: false };

  it('offers to apply what is valid, and nothing while something is under way or gone', () => {
    assert.equal(viewActions(reportOf(readings), state).canApply, true);
    assert.equal(viewActions(reportOf(readings), { ...state, changes: 0 }).canApply, false);
    assert.equal(viewActions(reportOf(readings), { ...state, invalid: true }).canApply, false);
    assert.equal(viewActions(reportOf(readings), { ...state, busy: true }).canApply, false);
    const gone = viewActions(reportOf(readings, { undoable: edit }), { ...state, gone: true });
    assert.deepEqual([gone.canApply, gone.canRevert, gone.undo], [false, false, undefined]);
  });

  it('names what undo takes back', () => {
    const { undo } = viewActions(reportOf(readings, { undoable: edit }), state);
    assert.deepEqual(undo, { label: 'Undo Memory', description: 'Undo: back Memory to max' });
    const two = { ...edit, changes: [...edit.changes, { name: 'pids.max', before: '20', after: '30' }] };
    assert.equal(viewActions(reportOf(readings, { undoable: two }), state).undo?.label, 'Undo 2 changes');
  });

  it('has a trial or none: no change and no undo beside it', () => {
    const trial = { edit: 'e', rollsBackAt: '2026-01-01T00:00:30Z' };
    const shown = viewActions(reportOf(readings, { trial, undoable: edit }), state);
    assert.deepEqual([shown.trial, shown.canApply, shown.offersTrial, shown.undo], [true, false, false, undefined]);
    assert.equal(viewActions(reportOf(readings, { live: false }), state).offersTrial, false);
  });

  it('offers nothing until a restart to what is never started', () => {
    assert.equal(viewActions(reportOf(readings), state).offersRestart, true);
    const without = viewActions(reportOf(readings, { mode: 'none', live: false, running: true }), state);
    assert.deepEqual(
      [without.offersTrial, without.offersRestart],
      [true, true],
      'limits of processes can be tried too',
    );
    const target = { cgroup: '/sys/fs/cgroup/x' };
    assert.equal(viewActions(reportOf(readings, { target }), state).offersRestart, false);
  });
});

describe('what is said', () => {
  it('of applied changes: how many, how, and what the kernel rounded', () => {
    const changes = [{ name: 'memory.max', value: String(512 * MiB) }];
    assert.equal(describeOutcome(changes, reportOf(readings), 'lasting'), 'Applied 1 limit and read back.');
    assert.match(describeOutcome(changes, reportOf(readings), 'trial'), /on trial/);
    assert.match(describeOutcome(changes, reportOf(readings), 'restart'), /until the next start/);
    assert.match(describeOutcome(changes, reportOf(readings, { live: false }), 'lasting'), /for the next start/);
    const odd = [{ name: 'memory.max', value: '536870913' }];
    const without = reportOf(readings, { mode: 'none', live: false, running: true });
    assert.equal(describeOutcome(changes, without, 'lasting'), 'Applied 1 limit and read back.');
    assert.match(
      describeOutcome(odd, reportOf(readings), 'lasting'),
      /Memory: 536870913 B was rounded to 512 MiB \(536870912\)/,
    );
  });

  it('of what is being limited', () => {
    assert.match(describeState(reportOf([]), false), /^The container runs: limits take effect at once/);
    assert.match(describeState(reportOf([], { live: false }), false), /next start/);
    assert.match(describeState(reportOf([], { target: { group: '/' } }), false), /^Terrarium has running/);
    assert.match(
      describeState(reportOf([], { target: { group: 'a' }, live: false }), false),
      /^The group has no running/,
    );
    const without = { mode: 'none', live: false } as const;
    assert.match(describeState(reportOf([], without), false), /each process can be set\. .* next start/);
    assert.match(
      describeState(reportOf([], { ...without, running: true }), false),
      /each process can be set\. .* at once/,
    );
    assert.match(describeState(reportOf([], { target: { cgroup: '/x' } }), false), /as long as this control group/);
    assert.equal(describeState(reportOf([]), true), '');
  });
});
