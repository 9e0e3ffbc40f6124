import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges, checkChange, limitsOf, resourcesOf } from '../../../helper/cgroup/resources.js';
import { ErrorCode, type LimitChange, type LimitValue, type oci } from '../../../helper/protocol/index.js';

const MiB = 1024 * 1024;
const invalid = { code: ErrorCode.Invalid };

test("OCI's memory.swap is the sum, memory.swap.max swap alone", () => {
  assert.equal(limitsOf({ memory: { limit: 100 * MiB, swap: 150 * MiB } }).swap, 50 * MiB);
  assert.equal(limitsOf({ memory: { limit: 100 * MiB, swap: 100 * MiB } }).swap, 0);
  assert.equal(limitsOf({ memory: { limit: 100 * MiB, swap: -1 } }).swap, 'max');
});

test('swap without memory, or below it, is refused', () => {
  assert.throws(() => limitsOf({ memory: { swap: 10 * MiB } }), invalid);
  assert.throws(() => limitsOf({ memory: { limit: 100 * MiB, swap: 50 * MiB } }), invalid);
});

test('0 is not given, -1 is no limit', () => {
  assert.deepEqual(limitsOf({ memory: { limit: 0 }, cpu: { quota: 0, shares: 0 } }), { others: {} });
  assert.equal(limitsOf({ memory: { limit: -1 } }).memory, 'max');
  assert.equal(limitsOf({ pids: { limit: -1 } }).pids, 'max');
  assert.equal(limitsOf({ cpu: { quota: -1 } }).cpu?.quota, 'max');
  assert.throws(() => limitsOf({ memory: { limit: -2 } }), invalid);
});

test('unified wins over the other fields', () => {
  const limits = limitsOf({ pids: { limit: 5 }, unified: { 'pids.max': '7', 'memory.high': '1000000' } });
  assert.equal(limits.pids, 7);
  assert.deepEqual(limits.others, { 'memory.high': '1000000' });
});

for (const file of ['../evil/pids.max', 'cgroup.procs', 'cgroup.kill', 'cgroup.subtree_control', 'pids', '', '..']) {
  test(`unified ${JSON.stringify(file)} is refused: it is no limit of this cgroup`, () => {
    assert.throws(() => limitsOf({ unified: { [file]: '1' } }), invalid);
  });
}

const refused: [LimitChange['name'], LimitValue][] = [
  ['memory.max', -1],
  ['memory.max', 0.5],
  ['memory.max', Number.NaN],
  ['memory.max', 4096],
  ['memory.max', 2 ** 60],
  ['memory.swap.max', -1],
  ['cpu.max', 0],
  ['cpu.max', 0.009],
  ['cpu.max', Number.POSITIVE_INFINITY],
  ['cpu.weight', 0],
  ['cpu.weight', 10_001],
  ['cpu.weight', 1.5],
  ['pids.max', 0],
];
for (const [name, value] of refused) {
  test(`${name} = ${value} is refused, with what would be right`, () => {
    assert.throws(
      () => checkChange({ name, value }),
      (error: { code: number; data: { fix: string } }) => {
        assert.equal(error.code, ErrorCode.Invalid);
        assert.ok(error.data.fix.length > 0);
        return true;
      },
    );
  });
}

test('the smallest sensible values are taken', () => {
  checkChange({ name: 'cpu.max', value: 0.01 });
  checkChange({ name: 'pids.max', value: 1 });
  checkChange({ name: 'memory.swap.max', value: 0 });
  checkChange({ name: 'memory.max', value: 512 * 1024 });
  checkChange({ name: 'cpu.weight', value: 'max' });
});

test('resources survive the way through limits and back', () => {
  const resources: oci.Resources = {
    memory: { limit: 100 * MiB, swap: 150 * MiB, reservation: MiB },
    cpu: { shares: 1024, quota: 5000, period: 20_000, cpus: '0-1', mems: '0' },
    pids: { limit: 20 },
    unified: { 'io.weight': '50' },
  };
  assert.deepEqual(resourcesOf(limitsOf(resources)), resources);
});

test('changes are applied and leave the rest', () => {
  const changed = applyChanges({ memory: { limit: 100 * MiB, swap: 150 * MiB }, pids: { limit: 20 } }, [
    { name: 'memory.max', value: 200 * MiB },
    { name: 'cpu.max', value: 0.5 },
  ]);
  // Swap alone stays 50 MiB, so the sum moves.
  assert.deepEqual(changed, {
    memory: { limit: 200 * MiB, swap: 250 * MiB },
    cpu: { quota: 50_000, period: 100_000 },
    pids: { limit: 20 },
  });
});

test('a change is not overruled by what unified said before', () => {
  const changed = applyChanges({ unified: { 'pids.max': '7' } }, [{ name: 'pids.max', value: 9 }]);
  assert.equal(limitsOf(changed).pids, 9);
});

test('swap stays limited when the memory limit is cleared', () => {
  const changed = applyChanges({ memory: { limit: 100 * MiB, swap: 100 * MiB } }, [
    { name: 'memory.max', value: 'max' },
  ]);
  assert.equal(limitsOf(changed).memory, 'max');
  assert.equal(limitsOf(changed).swap, 0);
});

test('applying changes leaves its input alone', () => {
  const before: oci.Resources = { pids: { limit: 20 } };
  applyChanges(before, [{ name: 'pids.max', value: 5 }]);
  assert.deepEqual(before, { pids: { limit: 20 } });
});
