import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpuMax, parseLimit, quotaToCores, sharesToWeight, weightToShares } from '../../../helper/cgroup/units.js';

test('shares become weights along the curve of crun and runc', () => {
  // Values printed by runc 1.3.2 and by the formula's own fixed points.
  for (const [shares, weight] of [
    [2, 1],
    [1024, 100],
    [2000, 170],
    [262_144, 10_000],
  ] as const) {
    assert.equal(sharesToWeight(shares), weight, `${shares} shares`);
  }
});

test('every weight comes back from the shares it is stored as', () => {
  for (let weight = 1; weight <= 10_000; weight++) assert.equal(sharesToWeight(weightToShares(weight)), weight);
});

test('the default weight is stored as the default shares', () => {
  assert.equal(weightToShares(100), 1024);
});

test('limits are read as both versions print them', () => {
  assert.equal(parseLimit('max'), 'max');
  assert.equal(parseLimit('-1'), 'max');
  assert.equal(parseLimit('9223372036854771712'), 'max');
  assert.equal(parseLimit('104857600'), 104_857_600);
  assert.equal(parseLimit('0'), 0);
});

test('cpu.max is cores', () => {
  assert.equal(quotaToCores(parseCpuMax('max 100000')), 'max');
  assert.equal(quotaToCores(parseCpuMax('5000 100000')), 0.05);
  assert.equal(quotaToCores(parseCpuMax('-1 100000')), 'max');
});
