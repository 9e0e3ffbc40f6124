import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkShape } from '../../../helper/network/shape.js';
import { shapePlan } from '../../../helper/plan/linkSteps.js';
import { ErrorCode, type LinkShape } from '../../../helper/protocol/index.js';

const link = { monitor: { pid: 10, startTime: 100 }, port: 'v1234-ab', init: { pid: 11, startTime: 101 } };
const kinds = (shape: LinkShape) => shapePlan(link, shape).map(({ kind }) => kind);

test('both ends are made so, each in its own namespace, and the network’s is what is cut', () => {
  const plan = shapePlan(link, { rate: 8_000_000, down: true });
  assert.deepEqual(
    plan.map((step) => [step.kind, 'pid' in step ? step.pid : 'interface' in step ? step.interface : '']),
    [
      ['setNamespaces', 10],
      ['addTokenBucket', 'v1234-ab'],
      ['setLink', 'v1234-ab'],
      ['setNamespaces', 11],
      ['addTokenBucket', 'eth0'],
    ],
  );
  const [, bucket, cut] = plan;
  assert.ok(bucket?.kind === 'addTokenBucket' && cut?.kind === 'setLink');
  assert.deepEqual([bucket.rate, bucket.burst, bucket.limit], [1_000_000n, 20_000, 200_000]);
  assert.equal(cut.up, 0);
});

test('netem does what tbf cannot, and a rate beside it', () => {
  const [, netem] = shapePlan(link, { delayMs: 1.5, lossPercent: 100, rate: 80_000 });
  assert.ok(netem?.kind === 'addNetem');
  assert.deepEqual([netem.latency, netem.loss, netem.rate], [1_500_000n, 2 ** 32 - 1, 10_000n]);
});

test('without anything the link is as at its start', () => {
  assert.deepEqual(kinds({}), ['setNamespaces', 'removeQdisc', 'setLink', 'setNamespaces', 'removeQdisc']);
});

test('a slow link lets at least two frames go at once, and a fast one what 32 bits count', () => {
  const bucketOf = (rate: number) => shapePlan(link, { rate })[1];
  const [slow, fast] = [bucketOf(8000), bucketOf(1e12)];
  assert.ok(slow?.kind === 'addTokenBucket' && fast?.kind === 'addTokenBucket');
  assert.deepEqual([slow.burst, slow.limit], [3028, 15_140]);
  assert.equal(fast.limit, 2 ** 31);
});

test('nonsense is refused, and what changes nothing is left out', () => {
  for (const shape of [{ lossPercent: 101 }, { delayMs: -1 }, { rate: 1 }, { delayMs: Number.NaN }]) {
    assert.throws(() => checkShape(shape), { code: ErrorCode.Invalid }, JSON.stringify(shape));
  }
  assert.deepEqual(checkShape({ delayMs: 0, lossPercent: 0, down: false }), {});
});
