import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chooseLimits,
  presentEvents,
  presentLimit,
  presentMoreLimits,
  useOf,
} from '../../../extension/containers/limitText.js';
import { limitLeaves, nodeId } from '../../../extension/containers/nodes.js';
import type { LimitReading, LimitsReport } from '../../../helper/protocol/index.js';

const reading = (more: Partial<LimitReading> = {}): LimitReading => ({
  name: 'memory.max',
  files: [],
  writable: true,
  ...more,
});
const report = (readings: LimitReading[], more: Partial<LimitsReport> = {}): LimitsReport => ({
  target: { container: 'x' },
  title: 'x',
  mode: 'v2',
  live: true,
  readings,
  devices: [],
  events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
  ...more,
});
const described = (more: Partial<LimitReading>) => presentLimit(reading(more), true).description;

describe('a limit', () => {
  it('is shown with its use and the share of it', () => {
    assert.equal(described({ value: '100000000', usage: 12e6 }), '12 MB of 100 MB (12 %)');
    assert.equal(described({ value: String(512 * 2 ** 20), usage: 310 * 2 ** 20 }), '310 MiB of 512 MiB (61 %)');
    assert.equal(described({ name: 'cpu.max', value: '50000 100000', usage: 0.021 }), '0.02 of 0.5 cores (4 %)');
    assert.equal(described({ name: 'pids.max', value: 'max', usage: 3 }), '3, no limit');
    assert.equal(described({ name: 'cpu.max', value: 'max 100000', usage: 0.5 }), '0.5 cores, no limit');
    assert.equal(described({ name: 'memory.max', value: '0', usage: 0 }), '0 B of 0');
  });

  it('that is a weight, a protection or a list has no share', () => {
    assert.equal(described({ name: 'cpu.weight', value: '100' }), '100');
    assert.equal(described({ name: 'memory.low', value: '1048576', usage: 2 ** 20 }), '1 MiB of 1 MiB');
    assert.equal(described({ name: 'cpuset.cpus', value: '' }), 'as the group above');
    assert.equal(described({ name: 'memory.oom.group', value: '1' }), 'on');
  });

  it('takes the latest sample before the report', () => {
    const shown = presentLimit(
      reading({ value: '100000000', usage: 12e6 }),
      true,
      useOf({ container: 'x', memoryBytes: 50e6 }),
    );
    assert.equal(shown.description, '50 MB of 100 MB (50 %)');
  });

  it('of a container that does not run has no use', () => {
    assert.equal(presentLimit(reading({ value: '100000000', usage: 12e6 }), false).description, '100 MB');
  });

  it('warns when it is nearly reached, also when it is the one of a group above', () => {
    const icon = (more: Partial<LimitReading>) => presentLimit(reading(more), true).icon?.id;
    assert.equal(icon({ value: '100000000', usage: 95e6 }), 'warning');
    assert.equal(icon({ value: '100000000', usage: 50e6 }), 'dashboard');
    assert.equal(icon({ value: 'max', usage: 95e6, effective: { value: '100000000', path: '/a' } }), 'warning');
  });

  it('names a tighter one above it, and what the next start will have', () => {
    assert.match(
      described({ value: 'max', effective: { value: '1073741824', path: '/user.slice' } }) ?? '',
      /in force: 1 GiB set by \/user\.slice/,
    );
    assert.match(described({ value: '1073741824', nextStart: 'max' }) ?? '', /from the next start: no limit/);
  });

  it('that there is none of says why and what to do', () => {
    const unavailable = { reason: 'cpu is not delegated', remedy: 'Add Delegate=cpu' };
    const shown = presentLimit(reading({ name: 'cpu.weight', writable: false, unavailable }), true);
    assert.equal(shown.contextValue, 'limit.unavailable');
    assert.match(shown.tooltip ?? '', /not delegated\nAdd Delegate=cpu/);
  });
});

describe('limits below a container', () => {
  it('are the everyday ones and those that are set or in use, at most five of them', () => {
    const { shown, more } = chooseLimits(
      report([
        reading({ value: 'max' }),
        reading({ name: 'memory.high', value: 'max' }),
        reading({ name: 'memory.swap.max', value: 'max', usage: 4096 }),
        reading({ name: 'memory.low', value: '0' }),
        reading({ name: 'cpu.max', value: 'max 50000' }),
        reading({ name: 'cpu.weight', value: '200' }),
        reading({ name: 'pids.max', value: 'max' }),
        reading({ name: 'io.max', value: '8:0 rbps=1' }),
      ]),
    );
    assert.deepEqual(
      shown.map(({ name }) => name),
      ['memory.max', 'cpu.max', 'cpu.weight', 'pids.max', 'io.max'],
    );
    assert.equal(more, 1);
    assert.match(presentMoreLimits(more).description ?? '', /1 more/);
  });

  it('of each process are listed where there are no others', () => {
    const limits = [reading({ value: 'max' }), reading({ name: 'RLIMIT_NOFILE', value: '1024' })];
    const listed = (mode: LimitsReport['mode']) => chooseLimits(report(limits, { mode })).shown.map(({ name }) => name);
    assert.deepEqual(listed('v1'), ['memory.max']);
    assert.deepEqual(listed('none'), ['memory.max', 'RLIMIT_NOFILE']);
  });

  it('stand below the notice of their report, above what happened and the way to all of them', () => {
    const notice = { reason: 'No cgroup', remedy: 'Log in with systemd' };
    const events = { oomKills: 2, pidsRefused: 0, throttledMicroseconds: 1_500_000 };
    const leaves = limitLeaves('x', report([reading()], { notice, events, mode: 'none' }));
    assert.deepEqual(leaves.map(nodeId), ['x/limits/notice', 'x/limits/memory.max', 'x/limits/events', 'x/limits/all']);
    assert.equal(presentEvents(events)?.description, 'killed for memory: 2 · slowed down for 1.5 s');
  });

  it('that have not bitten say nothing of it', () => {
    assert.equal(presentEvents(report([]).events), undefined);
  });
});
