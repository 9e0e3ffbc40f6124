import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroups, parseTimeOffsets } from '../../../helper/inspect/inspection.js';
import { parseLimits } from '../../../helper/inspect/limits.js';
import { parseFdinfo } from '../../../helper/inspect/privateParts.js';
import { compareInspections } from '../../../helper/namespaces/comparison.js';
import { ErrorCode, type MountInfo, type ProcessInspection } from '../../../helper/protocol/index.js';

test('limits: titles with spaces, no unit, unlimited, and kinds of later kernels', () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 1048576              files     
Max nice priority         0                    0                    
Max new thing             1                    2                    things    
`;
  assert.deepEqual(parseLimits(text), [
    { type: 'RLIMIT_CPU', soft: 'unlimited', hard: 'unlimited' },
    { type: 'RLIMIT_NOFILE', soft: 1024, hard: 1048576 },
    { type: 'RLIMIT_NICE', soft: 0, hard: 0 },
  ]);
  assert.throws(() => parseLimits('Limit\nMax open files            many                 2\n'), {
    code: ErrorCode.Internal,
  });
});

test('cgroups: hybrid, named hierarchies, and groups with colons', () => {
  assert.deepEqual(parseCgroups('4:cpu,cpuacct:/a\n2:name=systemd:/b:c\n0::/user.slice/x\n'), {
    'cpu,cpuacct': '/a',
    'name=systemd': '/b:c',
    '': '/user.slice/x',
  });
});

test('time offsets and fdinfo', () => {
  assert.deepEqual(parseTimeOffsets('monotonic           -5         0\nboottime          1000  999999999\n'), {
    monotonic: { secs: -5, nanosecs: 0 },
    boottime: { secs: 1000, nanosecs: 999999999 },
  });
  assert.deepEqual(parseFdinfo('pos:\t12\nflags:\t02104002\nmnt_id:\t9\nino:\t1\n'), {
    position: 12,
    flags: ['O_RDWR', 'O_NONBLOCK', 'O_CLOEXEC'],
  });
  assert.deepEqual(parseFdinfo('pos:\t0\nflags:\t010000000\n').flags, ['O_RDONLY', 'O_PATH']);
});

const id = { outside: 1000, inside: 0 };
const ids = { real: id, effective: id, saved: id, fileSystem: id };

const mount = (destination: string, more: Partial<MountInfo> = {}): MountInfo => ({
  ...{ id: 1, parent: 2, device: '0:5', root: '/', destination, type: 'tmpfs', source: 'tmpfs' },
  ...{ options: ['rw'], superOptions: ['rw'], propagation: 'shared:7', ...more },
});

function inspection(more: Partial<ProcessInspection> = {}): ProcessInspection {
  return {
    ...{ identity: { pid: 5, startTime: 1 }, name: 'sh', state: 'S', startedAt: '', pids: [5], parents: [] },
    process: {
      ...{
        args: ['sh'],
        user: ids,
        group: ids,
        additionalGids: [],
        noNewPrivileges: false,
        rlimits: [],
        oomScoreAdj: 0,
      },
      capabilities: { bounding: ['CAP_KILL'], effective: [], permitted: [], inheritable: [], ambient: [] },
    },
    mounts: [mount('/')],
    linux: { namespaces: [], cgroups: {}, sysctl: {}, seccomp: { mode: 'disabled' } },
    usage: { threads: 1, residentBytes: 0, cpuUserMicroseconds: 0, cpuSystemMicroseconds: 0 },
    unreadable: {},
    ...more,
  };
}

const section = (topic: string, a: ProcessInspection, b: ProcessInspection) => {
  const found = compareInspections(a, b).find((one) => one.topic === topic);
  assert.ok(found);
  return found;
};

test('mounts: added, removed and changed by destination; ids and peer groups do not count', () => {
  const a = inspection({
    mounts: [mount('/'), mount('/gone'), mount('/x'), mount('/x', { options: ['ro', 'nosuid'] })],
  });
  const b = inspection({
    mounts: [mount('/', { id: 9, parent: 8, propagation: 'shared:99' }), mount('/x'), mount('/new')],
  });
  assert.deepEqual(section('mounts', a, b), {
    topic: 'mounts',
    differences: [
      { name: '/gone', a: 'tmpfs · device 0:5 · rw · shared', b: null },
      // Of two at one place the later covers the other.
      { name: '/x', a: 'tmpfs · device 0:5 · ro,nosuid · rw · shared', b: 'tmpfs · device 0:5 · rw · shared' },
      { name: '/new', a: null, b: 'tmpfs · device 0:5 · rw · shared' },
    ],
    same: ['/'],
  });
});

test('capabilities: each by the sets it is in', () => {
  const base = inspection();
  const sets = {
    bounding: ['CAP_KILL', 'CAP_CHOWN'],
    effective: ['CAP_KILL'],
    permitted: [],
    inheritable: [],
    ambient: [],
  };
  const more = inspection({ process: { ...base.process, capabilities: sets } });
  assert.deepEqual(section('capabilities', more, base).differences, [
    { name: 'CAP_CHOWN', a: 'bounding', b: null },
    { name: 'CAP_KILL', a: 'bounding, effective', b: 'bounding' },
  ]);
});

test('ids: both worlds of each, and the maps', () => {
  const base = inspection();
  const mapped = inspection({ linux: { ...base.linux, uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] } });
  const { differences, same } = section('ids', base, mapped);
  assert.deepEqual(differences, [{ name: 'uid_map', a: null, b: '0 1000 1' }]);
  assert.ok(same.includes('real user'));
  const unmapped = inspection({ process: { ...base.process, user: { ...ids, effective: { outside: 7 } } } });
  assert.deepEqual(section('ids', base, unmapped).differences, [
    { name: 'effective user', a: '0 (1000 outside)', b: 'unmapped (7 outside)' },
  ]);
});

test('what is missing on one side is unknown with its reason, and nothing counts as alike', () => {
  const { mounts: _, ...rest } = inspection();
  const hidden = { ...rest, unreadable: { mounts: 'EACCES (open): no.' } };
  assert.deepEqual(section('mounts', inspection(), hidden), {
    topic: 'mounts',
    differences: [],
    same: [],
    unknown: 'Of process 5: EACCES (open): no.',
  });
});
