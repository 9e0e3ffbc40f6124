import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isEmpty,
  presentGroup,
  presentHierarchy,
  presentMember,
  presentPressure,
} from '../../../extension/cgroups/cgroupText.js';
import { type GroupNode, leavesOf, nodeId, openGroups } from '../../../extension/cgroups/nodes.js';
import type { CgroupNode, DetailedStats, LimitsReport } from '../../../helper/protocol/index.js';

const group = (more: Partial<CgroupNode> = {}): CgroupNode => ({
  path: '/sys/fs/cgroup/user.slice',
  name: 'user.slice',
  version: 2,
  controllers: ['memory', 'pids'],
  hasChildren: true,
  writable: false,
  ...more,
});
const details = (more: Partial<DetailedStats> = {}): DetailedStats => ({
  target: { cgroup: '/sys/fs/cgroup/user.slice' },
  at: '2026-01-01T00:00:00Z',
  ...more,
});

describe('a control group', () => {
  it('is shown with what it uses, a unit of systemd as such', () => {
    const shown = presentGroup(group({ memoryBytes: 3 * 2 ** 20, pids: 12, populated: true }));
    assert.deepEqual([shown.label, shown.description, shown.icon?.id], ['user.slice', '3 MiB · 12 tasks', 'layers']);
    assert.equal(shown.accessibleLabel, 'Control group user.slice, 3 MiB, 12 tasks, slice');
  });

  it('of a container has its name, and the folder behind it', () => {
    const shown = presentGroup(
      group({ name: '0123abcd', container: { id: '0123abcd', name: 'web' }, pids: 1, writable: true }),
    );
    assert.deepEqual([shown.label, shown.description], ['web', '1 task · container · 0123abcd']);
    assert.equal(shown.contextValue, 'cgroup.group.writable');
    assert.match(shown.accessibleLabel, /writable$/);
  });

  it('is not made more than a line by its name', () => {
    const shown = presentGroup(group({ name: 'a\nb\u202ec', path: '/sys/fs/cgroup/a\nb' }));
    assert.equal(shown.label, 'a bc');
    assert.match(shown.tooltip ?? '', /^\/sys\/fs\/cgroup\/a b\n/);
  });

  it('is empty when nothing runs below it; of v1 without pids nobody knows', () => {
    assert.equal(isEmpty(group({ populated: false })), true);
    assert.equal(isEmpty(group({ populated: true, pids: 0 })), false);
    assert.equal(isEmpty(group({ version: 1, pids: 0 })), true);
    assert.equal(isEmpty(group({ version: 1 })), false);
  });

  it('at the top is named by its controllers on v1, and by its version on v2', () => {
    const v1 = presentHierarchy(group({ version: 1, controllers: ['cpu', 'cpuacct'], path: '/sys/fs/cgroup/cpu' }));
    assert.deepEqual([v1.label, v1.description], ['cpu, cpuacct', 'cgroup v1 · /sys/fs/cgroup/cpu']);
    assert.equal(presentHierarchy(group()).label, 'cgroup v2');
  });

  it('has processes with their users', () => {
    const shown = presentMember({ pid: 7, startTime: 1, user: 'root', command: '[kthreadd]' });
    assert.deepEqual([shown.label, shown.description], ['7 [kthreadd]', 'root']);
  });
});

describe('pressure', () => {
  const some = (avg10: number) => ({ some: { avg10, avg60: 2, avg300: 0.25, total: 1 } });

  it('is shown over ten seconds, the longer ones behind it', () => {
    const shown = presentPressure(details({ pressure: { cpu: some(0), memory: some(12.3) } }));
    assert.equal(shown?.description, 'cpu 0 % · memory 12 %');
    assert.equal(shown?.icon?.id, 'warning');
    assert.match(shown?.tooltip ?? '', /memory, some waited: 12 %, 2 %, 0.3 %/);
  });

  it('that the kernel does not tell is not shown as none', () => {
    assert.equal(presentPressure(details()), undefined);
    assert.equal(presentPressure(undefined), undefined);
  });
});

describe('what stands below a group', () => {
  const node: GroupNode = { kind: 'cgroup', cgroup: '/sys/fs/cgroup/user.slice', top: false, node: group() };
  const report = (readings: LimitsReport['readings']): LimitsReport => ({
    target: { cgroup: node.cgroup },
    title: 'user.slice',
    mode: 'v2',
    live: true,
    readings,
    devices: [],
    events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
  });

  it('are the limits its controllers have, and the way to the others', () => {
    const leaves = leavesOf(
      node,
      report([
        { name: 'memory.max', value: 'max', files: [], writable: false },
        { name: 'cpu.max', files: [], writable: false, unavailable: { reason: 'none', remedy: '' } },
      ]),
    );
    assert.deepEqual(leaves.map(nodeId), [`${node.cgroup}//limit/memory.max`, `${node.cgroup}//moreLimits`]);
  });

  it('is nothing where there are none', () => {
    assert.deepEqual(leavesOf(node, report([])), []);
  });
});

describe('groups that are watched', () => {
  it('are the open ones whose parents are all open', () => {
    const tops = ['/c', '/c/unified'];
    assert.deepEqual(openGroups(new Set(['/c', '/c/a', '/c/a/b']), tops), ['/c', '/c/a', '/c/a/b']);
    assert.deepEqual(openGroups(new Set(['/c', '/c/a/b']), tops), ['/c']);
    assert.deepEqual(openGroups(new Set(['/c/unified', '/c/unified/a']), tops), ['/c/unified', '/c/unified/a']);
    assert.deepEqual(openGroups(new Set(['/c/a']), tops), []);
    assert.deepEqual(openGroups(new Set(['/elsewhere/a']), tops), []);
  });
});
