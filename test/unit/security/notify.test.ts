import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { oci } from '../../../helper/protocol/index.js';
import { auditArchitecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';
import { compileSeccomp } from '../../../helper/security/seccomp/compile.js';
import { defaultProfile, withAllowed } from '../../../helper/security/seccomp/profile.js';
import { listenerFlags, seccompProfile, withAllowedCalls } from '../../../helper/specification/seccomp.js';
import { allowed, refusedWith } from './meaning.js';
import { simulate } from './simulate.js';

/** SECCOMP_RET_USER_NOTIF of linux/seccomp.h. */
const handedOver = 0x7fc00000;
const values = [0n, 1n, 0x80n, 0x5412n, 0x20000n, 0x10000000n, 0x7e020000n, 0xffffffffn, 38n, -1n];

for (const architecture of ['x64', 'arm64'] as const) {
  const numbers = systemCallNumbers[architecture];
  const refusing: oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }],
  };
  for (const [title, profile] of Object.entries({
    'the default profile': defaultProfile(),
    'one that refuses': refusing,
  })) {
    test(`${title}, ${architecture}: what is refused with EPERM is handed over, all else is as it was`, () => {
      const usual = compileSeccomp(profile, architecture).filter;
      const notifying = compileSeccomp(profile, architecture, { notify: true }).filter;
      let found = 0;
      for (const number of [...Array(700).keys(), 5000, 0x3fffffff, 0x40000001, 0xffffffff]) {
        for (const value of values) {
          for (const audit of [auditArchitecture[architecture], 0x40000003]) {
            const call = { number, architecture: audit, args: [value, value] };
            const before = simulate(usual, call).verdict;
            const expected = before === refusedWith(1) && number !== numbers.sendmsg ? handedOver : before;
            assert.equal(simulate(notifying, call).verdict, expected, `number ${number}, ${value}`);
            found += expected === handedOver ? 1 : 0;
          }
        }
      }
      assert.ok(found > 100, `${found}`);
    });
  }
}

test('the listener’s own way out is never handed over, whatever decides about it', () => {
  const sendmsg = systemCallNumbers.x64.sendmsg ?? -1;
  const verdict = (profile: oci.Seccomp, args: bigint[] = []) =>
    simulate(compileSeccomp(profile, 'x64', { notify: true }).filter, {
      number: sendmsg,
      architecture: auditArchitecture.x64,
      args,
    }).verdict;
  const rule = { names: ['sendmsg'], action: 'SCMP_ACT_ERRNO' } as const;
  assert.equal(
    verdict({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ ...rule, names: [...rule.names] }] }),
    refusedWith(1),
  );
  const conditional: oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names: ['sendmsg'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 7, op: 'SCMP_CMP_EQ' }] }],
  };
  assert.deepEqual([verdict(conditional, [7n]), verdict(conditional, [8n])], [allowed, refusedWith(1)]);
});

test('calls that are allowed are, whatever the profile says of them, and the profile stays as it was', () => {
  const profile = defaultProfile();
  const before = structuredClone(profile);
  const { filter } = compileSeccomp(withAllowed(profile, new Set(['unshare', 'clone3'])), 'x64');
  for (const name of ['unshare', 'clone3']) {
    const call = {
      number: systemCallNumbers.x64[name] ?? -1,
      architecture: auditArchitecture.x64,
      args: [0x10000000n],
    };
    assert.equal(simulate(filter, call).verdict, allowed, name);
  }
  assert.deepEqual(profile, before);
});

test('what is allowed at the next start joins whatever profile there is', () => {
  const bounding = { bounding: [] };
  const names = (seccomp: Parameters<typeof seccompProfile>[0]['seccomp']) =>
    seccompProfile(withAllowedCalls({ ...(seccomp && { seccomp }) }, ['unshare']), bounding)?.syscalls?.at(-1);
  const expected = { names: ['unshare'], action: 'SCMP_ACT_ALLOW' };
  assert.deepEqual(names(undefined), expected);
  assert.deepEqual(names('default'), expected);
  assert.deepEqual(names({ defaultAction: 'SCMP_ACT_ERRNO' }), expected);
  assert.deepEqual(names({ notify: true, allow: ['mount'] }), expected);
  assert.deepEqual(withAllowedCalls({ seccomp: { notify: true, allow: ['mount'] } }, []).seccomp, { notify: true });
});

test('calls wait for the answer, not for signals, where the kernel can', () => {
  assert.deepEqual(['5.12.0', '5.18.19-x', '5.19', '6.1.0-1', '7.0'].map(listenerFlags), [8, 8, 40, 40, 40]);
});
