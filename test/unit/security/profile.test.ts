import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Architecture,
  auditArchitecture,
  systemCallNumbers,
} from '../../../helper/security/seccomp/architecture.js';
import { compileSeccomp } from '../../../helper/security/seccomp/compile.js';
import { defaultProfile } from '../../../helper/security/seccomp/profile.js';
import { allowed, meaning, refusedWith } from './meaning.js';
import { simulate } from './simulate.js';

const EPERM = 1;
const ENOSYS = 38;
const architectures: Architecture[] = ['x64', 'arm64'];
const profiles = { default: defaultProfile(), nested: defaultProfile({ nestedNamespaces: true }) };

function verdictOf(profile: keyof typeof profiles, architecture: Architecture, name: string, args: bigint[] = []) {
  const number = systemCallNumbers[architecture][name];
  assert.ok(number !== undefined, `${name} on ${architecture}`);
  const { filter } = compileSeccomp(profiles[profile], architecture);
  return simulate(filter, { number, architecture: auditArchitecture[architecture], args }).verdict;
}

const interesting = [0n, 1n, 2n, 0x80n, 0x5412n, 0x541cn, 0x20000n, 0x7e020000n, 0xffffffffn, 0x1_0000_0000n, -1n];

for (const architecture of architectures) {
  for (const [name, profile] of Object.entries(profiles)) {
    test(`${name} profile, ${architecture}: the filter answers every number as the profile means it`, () => {
      const { filter, instructions } = compileSeccomp(profile, architecture);
      assert.equal(filter.length, instructions * 8);
      for (let number = 0; number < 1024; number++) {
        for (const argument of interesting) {
          const args = [argument, argument];
          const { verdict } = simulate(filter, { number, architecture: auditArchitecture[architecture], args });
          assert.equal(verdict, meaning(profile, architecture, number, args), `number ${number}, ${argument}`);
        }
      }
    });
  }

  test(`${architecture}: every call is decided on by name, none twice without conditions`, () => {
    const rules = profiles.default.syscalls ?? [];
    const plain = rules.filter(({ args = [] }) => args.length === 0).flatMap(({ names }) => names);
    const named = new Set(rules.flatMap(({ names }) => names));
    assert.equal(new Set(plain).size, plain.length);
    assert.deepEqual(
      Object.keys(systemCallNumbers[architecture]).filter((call) => !named.has(call)),
      [],
    );
  });

  test(`${architecture}: numbers nobody knows answer ENOSYS`, () => {
    const { filter } = compileSeccomp(profiles.default, architecture);
    for (const number of [470, 471, 1023, 5000, 0x3fffffff, 0x40000000, 0x40000001, 0x40000208, 0xffffffff]) {
      const { verdict } = simulate(filter, { number, architecture: auditArchitecture[architecture] });
      assert.equal(verdict, refusedWith(ENOSYS), number.toString(16));
    }
  });

  test(`${architecture}: calls of a foreign architecture end the process`, () => {
    const { filter } = compileSeccomp(profiles.default, architecture);
    for (const foreign of [0x40000003, 0x40000028, 0, 0xffffffff]) {
      assert.equal(simulate(filter, { number: 1, architecture: foreign }).verdict, 0x80000000);
    }
  });

  test(`${architecture}: short enough to load fast`, () => {
    const { filter, instructions } = compileSeccomp(profiles.default, architecture);
    assert.ok(instructions <= 130, `${instructions} instructions`);
    const number = systemCallNumbers[architecture].read ?? 0;
    const { steps } = simulate(filter, { number, architecture: auditArchitecture[architecture] });
    assert.ok(steps <= 12, `${steps} steps for read`);
  });

  test(`${architecture}: what programs need is allowed`, () => {
    for (const name of [
      'read',
      'openat',
      'execve',
      'close_range',
      'ptrace',
      'seccomp',
      'chroot',
      'mknodat',
      'getcwd',
    ]) {
      assert.equal(verdictOf('default', architecture, name), allowed, name);
    }
    for (const family of [1n, 2n, 10n, 16n, 17n]) {
      assert.equal(verdictOf('default', architecture, 'socket', [family]), allowed, `family ${family}`);
    }
    // fork as glibc does it: CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD; and a thread.
    assert.equal(verdictOf('default', architecture, 'clone', [0x1200011n]), allowed);
    assert.equal(verdictOf('default', architecture, 'clone', [0x3d0f00n]), allowed);
    assert.equal(verdictOf('default', architecture, 'unshare', [0x200n]), allowed);
    assert.equal(verdictOf('default', architecture, 'personality', [0xffffffffn]), allowed);
    for (const request of [0x5401n, 0x5413n, 0x541bn, 0x8004_5430n, 0xffffffff_8004_5430n]) {
      assert.equal(verdictOf('default', architecture, 'ioctl', [0n, request]), allowed, request.toString(16));
    }
  });

  test(`${architecture}: what reaches beyond the container is refused`, () => {
    const names = [
      ...['bpf', 'perf_event_open', 'keyctl', 'add_key', 'request_key', 'kexec_load', 'init_module', 'finit_module'],
      ...['io_uring_setup', 'userfaultfd', 'open_by_handle_at', 'mount', 'umount2', 'pivot_root', 'move_mount'],
      ...['open_tree', 'open_tree_attr', 'mount_setattr', 'fsopen', 'setns', 'swapon', 'reboot', 'settimeofday'],
    ];
    for (const name of names) {
      assert.equal(verdictOf('default', architecture, name), refusedWith(EPERM), name);
    }
    assert.equal(verdictOf('default', architecture, 'clone3'), refusedWith(ENOSYS));
    for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
      assert.equal(verdictOf('default', architecture, 'clone', [flag | 17n]), refusedWith(EPERM), `clone ${flag}`);
      assert.equal(verdictOf('default', architecture, 'unshare', [flag]), refusedWith(EPERM), `unshare ${flag}`);
    }
    assert.equal(verdictOf('default', architecture, 'unshare', [0x80n]), refusedWith(EPERM), 'CLONE_NEWTIME');
    for (const family of [38n, 40n, 0x7_0000_0026n, 0xffffffff_00000028n]) {
      assert.equal(verdictOf('default', architecture, 'socket', [family]), refusedWith(EPERM), `family ${family}`);
    }
    assert.notEqual(verdictOf('default', architecture, 'personality', [0x0400000n]), allowed, 'READ_IMPLIES_EXEC');
  });

  test(`${architecture}: CVE-2019-10063: high bits do not hide TIOCSTI and TIOCLINUX`, () => {
    for (const request of [0x5412n, 0x541cn]) {
      for (const high of [0n, 1n, 0x80000000n, 0xffffffffn]) {
        const args = [0n, (high << 32n) | request];
        assert.equal(verdictOf('default', architecture, 'ioctl', args), refusedWith(EPERM), args[1]?.toString(16));
      }
    }
  });

  test(`${architecture}: nested namespaces are a choice`, () => {
    for (const name of ['clone', 'unshare']) {
      assert.equal(verdictOf('nested', architecture, name, [0x10000000n]), allowed);
    }
    for (const name of ['mount', 'setns', 'pivot_root', 'sethostname']) {
      assert.equal(verdictOf('nested', architecture, name), allowed, name);
    }
    assert.equal(verdictOf('nested', architecture, 'keyctl'), refusedWith(EPERM));
    assert.equal(verdictOf('nested', architecture, 'clone3'), refusedWith(ENOSYS));
  });
}

test('a profile is the caller’s own copy', () => {
  defaultProfile().syscalls?.splice(0);
  assert.ok((defaultProfile().syscalls?.length ?? 0) > 0);
});
