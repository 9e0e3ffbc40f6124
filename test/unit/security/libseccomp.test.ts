import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { oci } from '../../../helper/protocol/index.js';
import { auditArchitecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';
import { compileSeccomp } from '../../../helper/security/seccomp/compile.js';
import { portableProfile } from '../../../helper/security/seccomp/portable.js';
import { defaultProfile } from '../../../helper/security/seccomp/profile.js';
import { loadLibseccomp } from './libseccomp.js';
import { simulate } from './simulate.js';

const library = loadLibseccomp();
const architectures = ['x64', 'arm64'] as const;
const missing = 'libseccomp.so.2 is not installed';

/** Values at and around those that a rule compares with, each with and without high bits. */
function around(profile: oci.Seccomp, index: number): bigint[] {
  const values = new Set<bigint>([0n, ~0n]);
  for (const { args = [] } of profile.syscalls ?? []) {
    for (const argument of args.filter((one) => one.index === index)) {
      for (const value of [BigInt(argument.value), BigInt(argument.valueTwo ?? 0)]) {
        for (const near of [value - 1n, value, value + 1n, ~value]) {
          values
            .add(near)
            .add(near ^ (1n << 32n))
            .add(near ^ (1n << 63n));
        }
      }
    }
  }
  return [...values];
}

interface Difference {
  number: number;
  args: readonly bigint[];
  ours: number;
  theirs: number;
}

/**
 * Every number up to well beyond the last one that the library knows, for calls with conditions with every value around what they
 * compare with; and the other architecture. x32's numbers are left out: the library takes them for a foreign architecture, we answer
 * ENOSYS as kernels do that were built without.
 */
function differences(
  profile: oci.Seccomp,
  architecture: (typeof architectures)[number],
  ours: Uint8Array,
  theirs: Uint8Array,
): Difference[] {
  const found: Difference[] = [];
  const numbers = systemCallNumbers[architecture];
  const conditional = new Set(
    (profile.syscalls ?? []).flatMap(({ names, args }) => (args?.length ? names.map((name) => numbers[name]) : [])),
  );
  const look = (number: number, args: readonly bigint[], audit = auditArchitecture[architecture]) => {
    const call = { number, architecture: audit, args };
    const verdicts = { ours: simulate(ours, call).verdict, theirs: simulate(theirs, call).verdict };
    if (verdicts.ours !== verdicts.theirs) found.push({ number, args, ...verdicts });
  };
  const last = Math.max(...Object.values(numbers)) + 100;
  const firsts = around(profile, 0);
  const seconds = around(profile, 1);
  for (let number = 0; number <= last; number++) {
    if (!conditional.has(number)) look(number, []);
    else for (const first of firsts) for (const second of seconds) look(number, [first, second]);
    for (const other of [auditArchitecture.x64, auditArchitecture.arm64, 0x40000003]) look(number, [], other);
  }
  look(0x3fffffff, []);
  return found;
}

/**
 * What both compilers give one meaning: without calls that are younger than the library, which would be its default; and of calls
 * that have rules with conditions only those, since a rule without decides alone for the library, and the rest for us.
 */
function comparable(profile: oci.Seccomp, isKnown: (name: string) => boolean): oci.Seccomp {
  const conditional = new Set((profile.syscalls ?? []).flatMap(({ names, args }) => (args?.length ? names : [])));
  const syscalls = (profile.syscalls ?? [])
    .map((rule) => ({
      ...rule,
      names: rule.names.filter((name) => isKnown(name) && (rule.args?.length || !conditional.has(name))),
    }))
    .filter(({ names }) => names.length > 0);
  return { ...profile, syscalls };
}

for (const architecture of architectures) {
  test(`the numbers of ${architecture} are libseccomp’s`, (t) => {
    if (library === undefined) return t.skip(missing);
    const known = Object.entries(systemCallNumbers[architecture]).filter(
      ([name]) => library.numberOf(name, architecture) !== undefined,
    );
    assert.ok(known.length > 250, `libseccomp ${library.version} knows ${known.length}`);
    assert.deepEqual(
      known.filter(([name, number]) => library.numberOf(name, architecture) !== number),
      [],
    );
  });

  for (const nestedNamespaces of [false, true]) {
    const title = `the default profile for ${architecture}${nestedNamespaces ? ', with nested namespaces,' : ''}`;
    test(`${title} has the verdicts of libseccomp, in fewer instructions`, (t) => {
      if (library === undefined) return t.skip(missing);
      const whole = defaultProfile({ nestedNamespaces });
      const profile = comparable(whole, (name) => library.numberOf(name, architecture) !== undefined);
      const ours = compileSeccomp(profile, architecture).filter;
      const theirs = library.compile(profile, architecture);
      assert.deepEqual(differences(profile, architecture, ours, theirs).slice(0, 5), []);
      assert.ok(ours.length < theirs.length, `${ours.length / 8} instructions, libseccomp has ${theirs.length / 8}`);
    });
  }
}

test('a profile that differs is told from the one that does not', (t) => {
  if (library === undefined) return t.skip(missing);
  const profile = (value: number): oci.Seccomp => ({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] },
      { names: ['mount'], action: 'SCMP_ACT_KILL_PROCESS' },
    ],
  });
  const ours = compileSeccomp(profile(38), 'x64').filter;
  assert.deepEqual(differences(profile(38), 'x64', ours, library.compile(profile(38), 'x64')), []);
  const other = differences(profile(38), 'x64', ours, library.compile(profile(39), 'x64'));
  assert.deepEqual(
    [...new Set(other.map(({ number }) => number))],
    [systemCallNumbers.x64.socket],
    'one value of one argument',
  );
});

test('a rule without conditions decides the rest here, and everything in libseccomp', (t) => {
  if (library === undefined) return t.skip(missing);
  const profile: oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 5, args: [{ index: 1, value: 9, op: 'SCMP_CMP_EQ' }] },
      { names: ['ioctl'], action: 'SCMP_ACT_ALLOW' },
    ],
  };
  const ours = compileSeccomp(profile, 'x64').filter;
  const found = differences(profile, 'x64', ours, library.compile(profile, 'x64'));
  assert.ok(found.length > 0);
  for (const { args, ours, theirs } of found) {
    assert.deepEqual([args[1], ours, theirs], [9n, 0x00050005, 0x7fff0000]);
  }
});

for (const architecture of architectures) {
  test(`as it is exported, the whole default profile for ${architecture} means the same to libseccomp`, (t) => {
    if (library === undefined) return t.skip(missing);
    const known = (profile: oci.Seccomp): oci.Seccomp => ({
      ...profile,
      syscalls: (profile.syscalls ?? [])
        .map((rule) => ({
          ...rule,
          names: rule.names.filter((name) => library.numberOf(name, architecture) !== undefined),
        }))
        .filter(({ names }) => names.length > 0),
    });
    const { profile, different } = portableProfile(defaultProfile());
    assert.deepEqual(different, []);
    const ours = compileSeccomp(known(defaultProfile()), architecture).filter;
    const theirs = library.compile(known(profile), architecture);
    const found = differences(defaultProfile(), architecture, ours, theirs);
    assert.deepEqual(found.slice(0, 5), []);
    // The control: as it is, typing into the terminal (TIOCSTI) would be let through.
    const unwritten = library.compile(known(defaultProfile()), architecture);
    const [first] = differences(defaultProfile(), architecture, ours, unwritten);
    assert.equal(first?.number, systemCallNumbers[architecture].ioctl);
  });
}

test('a rest that cannot be written as conditions is named', () => {
  const rule = (args: oci.SeccompArgument[]): oci.Seccomp => ({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['ioctl', 'fcntl'], action: 'SCMP_ACT_LOG' },
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args },
    ],
  });
  const range = portableProfile(rule([{ index: 1, value: 9, op: 'SCMP_CMP_GT' }]));
  assert.deepEqual(range.different, ['ioctl']);
  const masked = portableProfile(rule([{ index: 1, value: 3, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' }]));
  assert.deepEqual(masked.different, []);
  assert.deepEqual(masked.profile.syscalls, [
    { names: ['fcntl'], action: 'SCMP_ACT_LOG' },
    {
      names: ['ioctl'],
      action: 'SCMP_ACT_ERRNO',
      args: [{ index: 1, value: 3, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['ioctl'], action: 'SCMP_ACT_LOG', args: [{ index: 1, value: 3, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
    { names: ['ioctl'], action: 'SCMP_ACT_LOG', args: [{ index: 1, value: 2, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }] },
  ]);
});

test('every comparison has the verdicts of libseccomp', (t) => {
  if (library === undefined) return t.skip(missing);
  const values = [0, 1, 0x80, 0x5412, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1];
  const operators: oci.SeccompArgument['op'][] = [
    'SCMP_CMP_NE',
    'SCMP_CMP_LT',
    'SCMP_CMP_LE',
    'SCMP_CMP_EQ',
    'SCMP_CMP_GE',
    'SCMP_CMP_GT',
    'SCMP_CMP_MASKED_EQ',
  ];
  for (const op of operators) {
    for (const value of values) {
      for (const index of [0, 1]) {
        const other: oci.SeccompArgument = { index: 1 - index, value: 7, op: 'SCMP_CMP_NE' };
        for (const args of [[{ index, value, valueTwo: value, op }], [{ index, value, valueTwo: value, op }, other]]) {
          const profile: oci.Seccomp = {
            defaultAction: 'SCMP_ACT_ERRNO',
            defaultErrnoRet: 38,
            syscalls: [{ names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args }],
          };
          const ours = compileSeccomp(profile, 'x64').filter;
          const found = differences(profile, 'x64', ours, library.compile(profile, 'x64'));
          assert.deepEqual(found.slice(0, 3), [], JSON.stringify(args));
        }
      }
    }
  }
});
