import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeWrites } from '../../../helper/cgroup/changes.js';
import { ErrorCode, type LimitChange } from '../../../helper/protocol/index.js';
import { heldIn } from './held.js';

/** A short way to write changes: by name, to text. */
const changesTo = (values: Readonly<Record<string, string>>): LimitChange[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

const writes = (version: 1 | 2, files: Record<string, string>, values: Record<string, string>) =>
  changeWrites(version, heldIn(version, files), changesTo(values)).map(({ file, data }) => `${file}=${data}`);

const MiB = 1024 * 1024;
const none = '9223372036854771712';

test('v2: what gives more comes first, what takes comes last', () => {
  const files = { 'memory.max': `${100 * MiB}`, 'memory.swap.max': '100', 'pids.max': '5' };
  assert.deepEqual(writes(2, files, { 'memory.swap.max': '0', 'memory.max': `${200 * MiB}`, 'pids.max': '3' }), [
    `memory.max=${200 * MiB}`,
    'pids.max=3',
    'memory.swap.max=0',
  ]);
});

test('v2: a quota without a period keeps the one in force', () => {
  assert.deepEqual(writes(2, { 'cpu.max': 'max 20000' }, { 'cpu.max': '10000' }), ['cpu.max=10000 20000']);
});

test('v2: a list is cleared by an empty line, for an empty write never reaches the file', () => {
  assert.deepEqual(writes(2, { 'cpuset.cpus': '0-1' }, { 'cpuset.cpus': '' }), ['cpuset.cpus=\n']);
});

test('v2: only lines that differ are written, and what is left out is cleared', () => {
  assert.deepEqual(
    writes(
      2,
      { 'io.max': '8:0 rbps=100 wbps=max riops=max wiops=max\n254:0 rbps=max wbps=7 riops=max wiops=max' },
      { 'io.max': '254:0 wbps=7\n9:1 riops=5' },
    ),
    ['io.max=8:0 rbps=max wbps=max riops=max wiops=max', 'io.max=9:1 rbps=max wbps=max riops=5 wiops=max'],
  );
  assert.deepEqual(writes(2, { 'io.weight': 'default 100\n8:0 50' }, { 'io.weight': 'default 200' }), [
    'io.weight=default 200',
    'io.weight=8:0 default',
  ]);
  assert.deepEqual(writes(2, { 'misc.max': 'sev 4\ntdx max' }, { 'misc.max': 'tdx 2' }), [
    'misc.max=tdx 2',
    'misc.max=sev max',
  ]);
  assert.deepEqual(writes(2, { 'rdma.max': 'mlx4_0 hca_handle=2 hca_object=9' }, { 'rdma.max': '' }), [
    'rdma.max=mlx4_0 hca_handle=max hca_object=max',
  ]);
});

test('v2: the scheduler BFQ has a file and a scale of its own', () => {
  assert.deepEqual(writes(2, { 'io.bfq.weight': 'default 100' }, { 'io.weight': 'default 10000' }), [
    'io.bfq.weight=default 1000',
  ]);
});

/** Plays the writes against the kernel's rule; throws where the kernel would answer EINVAL. */
function playBurst(version: 1 | 2, before: [string, number, number], after: [string, number, number]): void {
  const [quota, period, burst] = before;
  const files: Record<string, string> =
    version === 2
      ? { 'cpu.max': `${quota} ${period}`, 'cpu.max.burst': `${burst}` }
      : {
          'cpu.cfs_quota_us': quota === 'max' ? '-1' : quota,
          'cpu.cfs_period_us': `${period}`,
          'cpu.cfs_burst_us': `${burst}`,
        };
  const number = (text: string) => (text === 'max' || text === '-1' ? Number.POSITIVE_INFINITY : Number(text));
  const state = { quota: number(quota), burst };
  const asked = { 'cpu.max': `${after[0]} ${after[1]}`, 'cpu.max.burst': `${after[2]}` };
  for (const { file, data } of changeWrites(version, heldIn(version, files), changesTo(asked))) {
    if (file === 'cpu.max' || file === 'cpu.cfs_quota_us') state.quota = number(data.split(' ')[0] ?? '');
    if (file.includes('burst')) state.burst = Number(data);
    assert.ok(state.burst <= state.quota, `${file}=${data} leaves a burst of ${state.burst} above ${state.quota}`);
  }
  assert.deepEqual(state, { quota: number(after[0]), burst: after[2] });
}

test('the burst never exceeds the quota, whatever is changed to whatever', () => {
  const states: [string, number, number][] = [];
  for (const quota of ['20000', '50000', '90000', 'max']) {
    for (const period of [50_000, 100_000]) {
      for (const burst of [0, 15_000, 45_000])
        if (burst <= Number(quota) || quota === 'max') states.push([quota, period, burst]);
    }
  }
  for (const before of states)
    for (const after of states) for (const version of [1, 2] as const) playBurst(version, before, after);
});

test('a quota below the burst is refused before anything is written', () => {
  assert.throws(() => writes(2, { 'cpu.max': '50000 100000', 'cpu.max.burst': '40000' }, { 'cpu.max': '30000' }), {
    code: ErrorCode.Invalid,
  });
});

test('the weight is written while the group is not idle', () => {
  assert.deepEqual(writes(2, { 'cpu.idle': '1', 'cpu.weight': '0' }, { 'cpu.weight': '50', 'cpu.idle': '0' }), [
    'cpu.idle=0',
    'cpu.weight=50',
  ]);
  assert.deepEqual(writes(2, { 'cpu.idle': '0', 'cpu.weight': '100' }, { 'cpu.idle': '1', 'cpu.weight': '50' }), [
    'cpu.weight=50',
    'cpu.idle=1',
  ]);
  assert.throws(() => writes(2, { 'cpu.idle': '1', 'cpu.weight': '0' }, { 'cpu.weight': '50' }), {
    code: ErrorCode.Invalid,
  });
});

// ---- v1 -----------------------------------------------------------------------------------------------------------

const v1Memory = (memory: string, swap: string | undefined): Record<string, string> => ({
  'memory.limit_in_bytes': memory === 'max' ? none : memory,
  ...(swap === undefined
    ? {}
    : {
        'memory.memsw.limit_in_bytes':
          memory === 'max' || swap === 'max' ? none : String(Number(memory) + Number(swap)),
      }),
});

/** Plays the writes against the kernel's rule for v1 memory; throws where the kernel would answer EINVAL. */
function play(memory: string, swap: string, values: Record<string, string>): { limit: number; sum: number } {
  const number = (value: string) => (value === 'max' ? Number.POSITIVE_INFINITY : Number(value));
  let limit = number(memory);
  let sum = limit + number(swap);
  for (const { file, data } of changeWrites(1, heldIn(1, v1Memory(memory, swap)), changesTo(values))) {
    const value = data === '-1' ? Number.POSITIVE_INFINITY : Number(data);
    if (file === 'memory.limit_in_bytes') limit = value;
    else if (file === 'memory.memsw.limit_in_bytes') sum = value;
    assert.ok(limit <= sum, `${file}=${data} leaves memory ${limit} above the sum ${sum}`);
  }
  return { limit, sum };
}

const sizes = [`${10 * MiB}`, `${20 * MiB}`, `${50 * MiB}`, 'max'];
test('v1: memory never exceeds the sum, whatever is changed to whatever', () => {
  for (const memory of sizes) {
    for (const swap of memory === 'max' ? ['max'] : ['0', `${15 * MiB}`, 'max']) {
      for (const toMemory of sizes) {
        play(memory, swap, { 'memory.max': toMemory });
        for (const toSwap of toMemory === 'max' ? ['max'] : ['0', `${15 * MiB}`, 'max']) {
          const after = play(memory, swap, { 'memory.max': toMemory, 'memory.swap.max': toSwap });
          const wanted =
            toMemory === 'max' || toSwap === 'max' ? Number.POSITIVE_INFINITY : Number(toMemory) + Number(toSwap);
          assert.equal(after.sum, wanted);
        }
      }
    }
  }
});

test('v1: swap alone stays the same when memory moves', () => {
  assert.deepEqual(play(`${10 * MiB}`, '500', { 'memory.max': `${30 * MiB}` }), {
    limit: 30 * MiB,
    sum: 30 * MiB + 500,
  });
});

test('v1: clearing memory clears the sum', () => {
  assert.deepEqual(play(`${10 * MiB}`, '0', { 'memory.max': 'max' }), { limit: Infinity, sum: Infinity });
});

test('v1: swap cannot be limited alone', () => {
  assert.throws(() => writes(1, v1Memory('max', 'max'), { 'memory.swap.max': '0' }), { code: ErrorCode.Unavailable });
});

test('v1: without swap accounting the sum is not touched', () => {
  assert.deepEqual(writes(1, v1Memory('max', undefined), { 'memory.max': `${5 * MiB}` }), [
    `memory.limit_in_bytes=${5 * MiB}`,
  ]);
});

test('v1: every knob has its own files', () => {
  const files = {
    'cpu.cfs_quota_us': '5000',
    'cpu.cfs_period_us': '100000',
    'cpu.cfs_burst_us': '0',
    'cpu.shares': '512',
    'cpu.idle': '0',
    'pids.max': '5',
    'memory.soft_limit_in_bytes': none,
    'memory.swappiness': '60',
    'hugetlb.2MB.limit_in_bytes': none,
    'cpuset.cpus': '0',
    '../cpuset.cpus': '0-1',
    'blkio.throttle.read_bps_device': '8:0 100',
    'blkio.bfq.weight': '100',
  };
  const one = (values: Record<string, string>) => writes(1, files, values);
  assert.deepEqual(one({ 'cpu.max': 'max' }), ['cpu.cfs_quota_us=-1']);
  assert.deepEqual(one({ 'cpu.weight': '100' }), ['cpu.shares=1024']);
  assert.deepEqual(one({ 'pids.max': 'max' }), ['pids.max=max']);
  assert.deepEqual(one({ 'memory.low': '4096' }), ['memory.soft_limit_in_bytes=4096']);
  assert.deepEqual(one({ 'memory.low': '0' }), ['memory.soft_limit_in_bytes=-1']);
  assert.deepEqual(one({ 'memory.swappiness': '10' }), ['memory.swappiness=10']);
  assert.deepEqual(one({ 'hugetlb.2MB.max': '2097152' }), ['hugetlb.2MB.limit_in_bytes=2097152']);
  assert.deepEqual(one({ 'cpuset.cpus': '1' }), ['cpuset.cpus=1']);
  // "As the group above" is to say what the group above has.
  assert.deepEqual(one({ 'cpuset.cpus': '' }), ['cpuset.cpus=0-1']);
  assert.deepEqual(one({ 'io.max': '8:0 wbps=7\n9:1 riops=5' }), [
    'blkio.throttle.read_bps_device=8:0 0',
    'blkio.throttle.write_bps_device=8:0 7',
    'blkio.throttle.read_iops_device=9:1 5',
  ]);
  assert.deepEqual(one({ 'io.weight': 'default 1200\n8:0 50' }), [
    'blkio.bfq.weight=200',
    'blkio.bfq.weight_device=8:0 50',
  ]);
});

test('v1: another period is set while no quota is, so that no share in between is too large or too small', () => {
  const files = { 'cpu.cfs_quota_us': '5000', 'cpu.cfs_period_us': '100000' };
  assert.deepEqual(writes(1, files, { 'cpu.max': '50000 50000' }), [
    'cpu.cfs_quota_us=-1',
    'cpu.cfs_period_us=50000',
    'cpu.cfs_quota_us=50000',
  ]);
});

test('what only the other version has is refused, saying so', () => {
  for (const [version, name, value] of [
    [1, 'memory.high', '5000000'],
    [1, 'memory.oom.group', '1'],
    [2, 'memory.swappiness', '10'],
  ] as const) {
    assert.throws(
      () => writes(version, {}, { [name]: value }),
      (error: { code: number; data: { cause: string } }) => {
        assert.equal(error.code, ErrorCode.Unavailable);
        assert.match(error.data.cause, new RegExp(`Only cgroup v${version === 1 ? 2 : 1}`));
        return true;
      },
    );
  }
});

test('a controller that is not there is named, with the line of the doctor', () => {
  assert.throws(
    () => writes(2, {}, { 'io.max': '8:0 rbps=5' }),
    (error: { code: number; data: { cause: string; doctor: string } }) => {
      assert.equal(error.code, ErrorCode.Unavailable);
      assert.match(error.data.cause, /controller io /);
      assert.equal(error.data.doctor, 'cgroup-io');
      return true;
    },
  );
});
