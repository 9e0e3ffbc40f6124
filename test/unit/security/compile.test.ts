import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { oci } from '../../../helper/protocol/index.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { auditArchitecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';
import { compileSeccomp, filterOf } from '../../../helper/security/seccomp/compile.js';
import { meaning } from './meaning.js';
import { simulate } from './simulate.js';

const operators: oci.SeccompArgument['op'][] = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
];

/** mulberry32: the same sequence each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const values = [
  0,
  1,
  2,
  0x80,
  0xff,
  0x5412,
  0x7fffffff,
  0x80000000,
  0xffffffff,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 40,
  2 ** 53 - 1,
];

function assertMeaning(profile: oci.Seccomp, number: number, args: readonly bigint[]): void {
  const { filter } = compileSeccomp(profile, 'x64');
  const { verdict } = simulate(filter, { number, architecture: auditArchitecture.x64, args });
  const expected = meaning(profile, 'x64', number, args);
  assert.ok(verdict === expected, `${verdict} instead of ${expected}: ${number} ${args} ${JSON.stringify(profile)}`);
}

/** Values at and around those of a rule, with and without high bits. */
function around(value: number): bigint[] {
  const exact = BigInt(value);
  return [exact, exact + 1n, exact - 1n, exact + (1n << 32n), exact ^ (1n << 63n), exact << 32n, ~exact];
}

for (const op of operators) {
  test(`${op} compares 64 bits`, () => {
    for (const value of values) {
      for (const valueTwo of op === 'SCMP_CMP_MASKED_EQ' ? values : [0]) {
        const profile: oci.Seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [
            { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 7, args: [{ index: 5, value, valueTwo, op }] },
          ],
        };
        for (const argument of [...around(value), ...around(valueTwo)]) {
          assertMeaning(profile, 16, [0n, 0n, 0n, 0n, 0n, argument]);
        }
      }
    }
  });
}

test('random profiles mean what they say', () => {
  const next = random(20260101);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const actions = [
    'SCMP_ACT_ALLOW',
    'SCMP_ACT_ERRNO',
    'SCMP_ACT_LOG',
    'SCMP_ACT_TRAP',
    'SCMP_ACT_KILL_PROCESS',
  ] as const;
  const numbers = systemCallNumbers.x64;
  const names = Object.keys(numbers);
  for (let round = 0; round < 300; round++) {
    const rules: oci.SeccompRule[] = Array.from({ length: 1 + Math.floor(next() * 12) }, () => ({
      names: Array.from({ length: 1 + Math.floor(next() * 20) }, () => pick(names)),
      action: pick(actions),
      errnoRet: Math.floor(next() * 100),
      args: Array.from({ length: Math.floor(next() * 4) }, () => ({
        index: Math.floor(next() * 3),
        value: pick(values),
        valueTwo: pick(values),
        op: pick(operators),
      })),
    }));
    const profile: oci.Seccomp = { defaultAction: pick(actions), defaultErrnoRet: 38, syscalls: rules };
    for (const name of new Set([...rules.flatMap((rule) => rule.names), pick(names)])) {
      const args = Array.from({ length: 3 }, () => pick(around(pick(values))));
      assertMeaning(profile, numbers[name] ?? 0, args);
    }
  }
});

test('jumps farther than 255 instructions arrive', () => {
  // A search over more than 255 ranges, and one call with more than 255 instructions of rules, which the search spans.
  const numbers = Object.entries(systemCallNumbers.x64);
  const everyOther = numbers.filter((_, index) => index % 2 === 0).map(([name]) => name);
  const condition = (value: number): oci.SeccompRule => ({
    names: ['ioctl', 'prctl', 'fcntl'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: value % 4096,
    args: [
      { index: 0, value, op: 'SCMP_CMP_EQ' },
      { index: 1, value: value + 2 ** 33, op: 'SCMP_CMP_GT' },
    ],
  });
  const profile: oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      { names: everyOther, action: 'SCMP_ACT_ALLOW' },
      ...Array.from({ length: 90 }, (_, index) => condition(index + 100)),
    ],
  };
  assert.ok(compileSeccomp(profile, 'x64').instructions > 2000);
  for (let number = 0; number < 500; number++) {
    for (const value of [0n, 100n, 150n, 189n, 190n]) {
      assertMeaning(profile, number, [value, value + (1n << 33n) + 1n]);
      assertMeaning(profile, number, [value, value]);
    }
  }
});

test('names of other architectures are passed over and reported', () => {
  const profile: oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['read', 'arm_fadvise64_64', 'toString'], action: 'SCMP_ACT_ALLOW' }],
  };
  assert.deepEqual(compileSeccomp(profile, 'x64').unknownNames, ['arm_fadvise64_64', 'toString']);
});

test('what cannot be compiled is refused with the reason', () => {
  const rule = (change: object): oci.Seccomp =>
    ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['ioctl'], action: 'SCMP_ACT_ERRNO', ...change }],
    }) as oci.Seccomp;
  const cases: [oci.Seccomp, RegExp][] = [
    [{ defaultAction: 'SCMP_ACT_NOTIFY' } as unknown as oci.Seccomp, /SCMP_ACT_NOTIFY/],
    [{ defaultAction: 'toString' } as unknown as oci.Seccomp, /toString/],
    [rule({ errnoRet: 4096 }), /errnoRet 4096/],
    [rule({ errnoRet: -1 }), /errnoRet -1/],
    [rule({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] }), /ioctl.*index 6/],
    [rule({ args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] }), /ioctl.*value -1/],
    [rule({ args: [{ index: 0, value: 2 ** 64, op: 'SCMP_CMP_EQ' }] }), /ioctl.*2\^53/],
    [rule({ args: [{ index: 0, value: 0, op: 'SCMP_CMP_ALMOST' }] }), /ioctl.*SCMP_CMP_ALMOST/],
    [rule({ args: Array.from({ length: 2000 }, (_, value) => ({ index: 0, value, op: 'SCMP_CMP_EQ' })) }), /too long/],
  ];
  for (const [profile, message] of cases) {
    assert.throws(() => compileSeccomp(profile, 'x64'), { code: ErrorCode.Invalid, message });
  }
});

test('no profile is an empty filter', () => {
  assert.equal(filterOf(undefined).length, 0);
  assert.ok(filterOf({ defaultAction: 'SCMP_ACT_ALLOW' }).length > 0);
});
