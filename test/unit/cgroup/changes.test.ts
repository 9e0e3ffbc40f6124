import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CurrentLimits, changeWrites } from '../../../helper/cgroup/changes.js';
import { ErrorCode, type LimitChange, type LimitValue } from '../../../helper/protocol/index.js';

const files = (version: 1 | 2, current: CurrentLimits['values'], changes: LimitChange[]) =>
  changeWrites(version, { values: current }, changes).map(({ file, data }) => `${file}=${data}`);

test('v2: what gives more comes first', () => {
  assert.deepEqual(
    files(2, { 'memory.max': 100, 'memory.swap.max': 100, 'pids.max': 5 }, [
      { name: 'memory.swap.max', value: 0 },
      { name: 'memory.max', value: 200 },
      { name: 'pids.max', value: 3 },
    ]),
    ['memory.max=200', 'pids.max=3', 'memory.swap.max=0'],
  );
});

test('v2: cpu.max keeps its period, a cleared weight is the default one', () => {
  const writes = changeWrites(2, { values: {}, period: 20_000 }, [
    { name: 'cpu.max', value: 0.5 },
    { name: 'cpu.weight', value: 'max' },
  ]);
  assert.deepEqual(writes.map(({ data }) => data).sort(), ['100', '10000 20000']);
});

/** Plays the writes against the kernel's rule for v1 memory; throws where the kernel would answer EINVAL. */
function play(memory: LimitValue, swap: LimitValue, changes: LimitChange[]): { limit: number; sum: number } {
  const number = (value: LimitValue) => (value === 'max' ? Number.POSITIVE_INFINITY : value);
  let limit = number(memory);
  let sum = limit + number(swap);
  for (const { file, data } of changeWrites(
    1,
    { values: { 'memory.max': memory, 'memory.swap.max': swap } },
    changes,
  )) {
    const value = data === '-1' ? Number.POSITIVE_INFINITY : Number(data);
    if (file === 'memory.limit_in_bytes') limit = value;
    else if (file === 'memory.memsw.limit_in_bytes') sum = value;
    assert.ok(limit <= sum, `${file}=${data} leaves memory ${limit} above the sum ${sum}`);
  }
  return { limit, sum };
}

const sizes: LimitValue[] = [1000, 2000, 5000, 'max'];
test('v1: memory never exceeds the sum, whatever is changed to whatever', () => {
  for (const memory of sizes) {
    for (const swap of memory === 'max' ? (['max'] as const) : ([0, 1500, 'max'] as const)) {
      for (const toMemory of sizes) {
        play(memory, swap, [{ name: 'memory.max', value: toMemory }]);
        for (const toSwap of toMemory === 'max' ? (['max'] as const) : ([0, 1500, 'max'] as const)) {
          const after = play(memory, swap, [
            { name: 'memory.max', value: toMemory },
            { name: 'memory.swap.max', value: toSwap },
          ]);
          const wanted = toMemory === 'max' || toSwap === 'max' ? Number.POSITIVE_INFINITY : toMemory + toSwap;
          assert.equal(after.sum, wanted);
        }
      }
    }
  }
});

test('v1: swap alone stays the same when memory moves', () => {
  assert.deepEqual(play(1000, 500, [{ name: 'memory.max', value: 3000 }]), { limit: 3000, sum: 3500 });
});

test('v1: clearing memory clears the sum', () => {
  const after = play(1000, 0, [{ name: 'memory.max', value: 'max' }]);
  assert.equal(after.limit, Number.POSITIVE_INFINITY);
});

test('v1: swap cannot be limited alone', () => {
  assert.throws(() => files(1, { 'memory.max': 'max' }, [{ name: 'memory.swap.max', value: 0 }]), {
    code: ErrorCode.Unavailable,
  });
});

test('v1: without swap accounting the sum is not touched', () => {
  assert.deepEqual(files(1, { 'memory.max': 'max' }, [{ name: 'memory.max', value: 5000 }]), [
    'memory.limit_in_bytes=5000',
  ]);
});

test('v1: cpu, weight and pids have their own files', () => {
  assert.deepEqual(
    files(1, {}, [
      { name: 'cpu.max', value: 'max' },
      { name: 'cpu.weight', value: 100 },
      { name: 'pids.max', value: 'max' },
    ]).sort(),
    ['cpu.cfs_quota_us=-1', 'cpu.shares=1024', 'pids.max=max'],
  );
});
