import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePlan, planLimit } from '../../../helper/plan/encode.js';
import type { Step } from '../../../helper/plan/step.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const invalid = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error);
  assert.equal((error as Error & { code: number }).code, ErrorCode.Invalid);
  assert.match(error.message, pattern);
  return true;
};

test('an empty plan is a header', () => {
  assert.equal(hex(encodePlan([])), `${Buffer.from('TPLN').toString('hex')}010000000c000000`);
});

test('each type of field is laid out as docs/stage.md says', () => {
  const plan = encodePlan([
    { kind: 'writeFile', tolerate: 'any', path: '/é', data: '', magic: 0x9fa0 },
    { kind: 'setRlimit', tolerate: 'missing', resource: 7, soft: 1n, hard: 0xffff_ffff_ffff_ffffn },
    { kind: 'execute', paths: ['/a', ''], args: [], env: ['B=c'], supervise: 1 },
    { kind: 'installSeccomp', filter: Uint8Array.of(6, 0, 0xff), flags: 2 },
  ]);
  const expected = [
    ['0500 0200', '11000000', '03000000 2fc3a9 00', '00000000 00', 'a09f0000'],
    ['1a00 0100', '14000000', '07000000', '0100000000000000', 'ffffffffffffffff'],
    [
      '2400 0000',
      '24000000',
      '02000000 02000000 2f61 00 00000000 00',
      '00000000',
      '01000000 03000000 423d63 00',
      '01000000',
    ],
    ['2200 0000', '0b000000', '03000000 0600ff', '02000000'],
  ];
  const body = expected.flat().join('').replaceAll(' ', '');
  assert.equal(hex(plan.subarray(12)), body);
  assert.equal(Buffer.from(plan).readUInt16LE(6), 4);
  assert.equal(Buffer.from(plan).readUInt32LE(8), plan.length);
});

test('values that the form cannot hold are refused by name', () => {
  const name = (value: string): Step[] => [{ kind: 'setHostname', name: value }];
  assert.throws(() => encodePlan(name('a\0b')), invalid(/setHostname\.name holds a NUL/));
  assert.throws(() => encodePlan(name('\ud800')), invalid(/setHostname\.name holds half a surrogate/));
  for (const flags of [-1, 1.5, 2 ** 32, Number.NaN]) {
    assert.throws(() => encodePlan([{ kind: 'unshare', flags }]), invalid(/unshare\.flags is/));
  }
  for (const keep of [-1n, 1n << 64n]) {
    assert.throws(() => encodePlan([{ kind: 'limitBoundingSet', keep }]), invalid(/limitBoundingSet\.keep is/));
  }
  const execute: Step = { kind: 'execute', paths: ['/x'], args: ['x', 'y\0'], env: [], supervise: 0 };
  assert.throws(() => encodePlan([execute]), invalid(/execute\.args\[1\] holds a NUL/));
});

test('a plan that the stage would not read is not sent', () => {
  assert.throws(() => encodePlan([{ kind: 'setHostname', name: 'x'.repeat(planLimit) }]), invalid(/at most 1048576/));
});
