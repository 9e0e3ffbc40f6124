import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { decodePlan } from '../../../helper/plan/decode.js';
import { encodePlan } from '../../../helper/plan/encode.js';
import { type FieldType, type Step, type StepKind, stepShapes } from '../../../helper/plan/step.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { planInput } from './samples.js';

/** Mulberry32: the same numbers at every run, so that a failure can be repeated. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const words = ['', '/', 'a b', 'é', '🐢', '\n\\"\'', 'x'.repeat(300), '\u0001'];

function randomValue(type: FieldType, random: (below: number) => number): unknown {
  const word = () => words[random(words.length)] ?? '';
  switch (type) {
    case 'u32':
      return [0, 1, 0xffff_ffff, random(0xffff_ffff)][random(4)];
    case 'u64':
      return [0n, 1n, 0xffff_ffff_ffff_ffffn, BigInt(random(0xffff_ffff)) << 20n][random(4)];
    case 'string':
      return word();
    case 'strings':
      return Array.from({ length: random(5) }, word);
    case 'bytes':
      return Uint8Array.from({ length: random(40) }, () => random(256));
  }
}

function randomStep(kind: StepKind, random: (below: number) => number): Step {
  const tolerate = [undefined, 'missing', 'any'][random(3)];
  const fields = Object.entries(stepShapes[kind].fields).map(([name, type]) => [name, randomValue(type, random)]);
  return { kind, ...(tolerate === undefined ? {} : { tolerate }), ...Object.fromEntries(fields) } as Step;
}

const kinds = Object.keys(stepShapes) as StepKind[];

test('every kind of step comes back as it was', () => {
  const random = randomOf(1);
  for (const kind of kinds) {
    const plan = Array.from({ length: 10 }, () => randomStep(kind, random));
    assert.deepEqual(decodePlan(encodePlan(plan)), plan);
  }
});

test('random plans come back as they were', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = randomOf(seed);
    const plan = Array.from({ length: random(30) }, () => randomStep(kinds[random(kinds.length)] ?? 'monitor', random));
    assert.deepEqual(decodePlan(encodePlan(plan)), plan, `seed ${seed}`);
  }
});

test('the plan of a container comes back as it was', () => {
  const plan = containerPlan(planInput({ timeOffsets: { boottime: { secs: 1, nanosecs: 0 } } }));
  assert.deepEqual(decodePlan(encodePlan(plan)), plan);
});

test('a plan that was cut or changed is told, and never ends in another error', () => {
  const whole = encodePlan(containerPlan(planInput()));
  const damaged = (error: unknown) => {
    assert.equal((error as { code?: unknown }).code, ErrorCode.Internal);
    assert.match(String(error), /damaged/);
    return true;
  };
  for (let length = 0; length < whole.length; length += 7) {
    assert.throws(() => decodePlan(whole.subarray(0, length)), damaged, `${length} bytes`);
  }
  const random = randomOf(5);
  for (let attempt = 0; attempt < 2000; attempt++) {
    const bytes = Uint8Array.from(whole);
    bytes[random(bytes.length)] = random(256);
    try {
      decodePlan(bytes);
    } catch (error) {
      damaged(error);
    }
  }
});
