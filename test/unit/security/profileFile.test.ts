import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { deniedText } from '../../../cli/denied.js';
import { mergeDenied, parseDenied } from '../../../helper/container/denied.js';
import { readProfile } from '../../../helper/container/seccompFile.js';
import { readText } from '../../../helper/language/document.js';
import { profileHover } from '../../../helper/language/profileHover.js';
import { findProfileProblems } from '../../../helper/language/seccompFile.js';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/index.js';
import { defaultProfile } from '../../../helper/security/seccomp/profile.js';
import { resolveProfile } from '../../../helper/security/seccomp/profileFile.js';

const subject = { capabilities: ['CAP_CHOWN'], architecture: 'x64', kernel: '6.1.0' } as const;
const rules = (syscalls: object[], of: Parameters<typeof resolveProfile>[1] = subject) =>
  resolveProfile({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, of).syscalls?.map(({ names }) => names.join());

describe('a file with a seccomp profile', () => {
  it('that is plain means what it says', () =>
    assert.deepEqual(resolveProfile(defaultProfile(), subject), defaultProfile()));

  it('of Docker’s has rules for some containers, kernels and architectures', () => {
    const rule = (name: string, more: object) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args: null, ...more });
    const conditional = [
      rule('always', { comment: 'x', includes: {}, excludes: {} }),
      rule('chown', { includes: { caps: ['CAP_CHOWN'] } }),
      rule('admin', { includes: { caps: ['CAP_SYS_ADMIN'] } }),
      rule('unprivileged', { excludes: { caps: ['CAP_SYS_ADMIN'] } }),
      rule('x86', { includes: { arches: ['amd64', 'x32'] } }),
      rule('arm', { includes: { arches: ['arm64'] } }),
      rule('notx86', { excludes: { arches: ['amd64'] } }),
      rule('new', { includes: { minKernel: '6.2' } }),
      rule('old', { includes: { minKernel: '4.8' } }),
    ];
    assert.deepEqual(rules(conditional), ['always', 'chown', 'unprivileged', 'x86', 'old']);
    const other = { capabilities: ['CAP_SYS_ADMIN'], architecture: 'arm64', kernel: '6.2' } as const;
    assert.deepEqual(rules(conditional, other), ['always', 'admin', 'arm', 'notx86', 'new', 'old']);
  });

  it('has older words: one name, errnos by name, KILL', () => {
    const file = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrno: 'ENOSYS',
      syscalls: [
        { name: 'mount', action: 'SCMP_ACT_ERRNO', errno: 'EACCES' },
        { names: ['bpf'], action: 'SCMP_ACT_KILL' },
      ],
    };
    assert.deepEqual(resolveProfile(file, subject), {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      syscalls: [
        { names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
        { names: ['bpf'], action: 'SCMP_ACT_KILL_THREAD' },
      ],
    });
  });

  it('that is none is refused', () => {
    for (const file of [
      null,
      [],
      {},
      { defaultAction: 'ALLOW' },
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{}] },
    ]) {
      assert.throws(() => resolveProfile(file, subject), { code: ErrorCode.Invalid });
    }
  });
});

describe('reading a file with a seccomp profile', () => {
  it('waits for no FIFO and reads no device, nor more than a profile may have', { timeout: 20_000 }, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-profile-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = (name: string) => path.join(folder, name);
    execFileSync('mkfifo', [file('fifo')]);
    writeFileSync(file('profile'), JSON.stringify(defaultProfile()));
    writeFileSync(file('large'), ' '.repeat(1024 * 1024 + 1));
    assert.equal(JSON.stringify(await readProfile(file('profile'))), JSON.stringify(defaultProfile()));
    for (const other of [file('fifo'), '/dev/null', folder, file('large')]) {
      await assert.rejects(readProfile(other), (error: TerrariumError) => {
        assert.deepEqual([error.code, error.data?.path], [ErrorCode.Invalid, other]);
        return true;
      });
    }
    await assert.rejects(readProfile(file('none')), { code: ErrorCode.NotFound });
  });
});

describe('the language of seccomp profiles', () => {
  const problems = (text: string) =>
    findProfileProblems(readText(text)).map(
      ({ severity, span, message }) => `${severity} ${text.slice(span.start, span.end)}: ${message}`,
    );

  it('has nothing against the default profile', () => assert.deepEqual(problems(JSON.stringify(defaultProfile())), []));

  it('warns of names that there are not, and refuses nonsense, where it is written', () => {
    const [unknown, ...rest] = problems(
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["opensesame"],"action":"SCMP_ACT_ERRNO"}]}',
    );
    assert.match(unknown ?? '', /^warning "opensesame": Neither x86-64 nor arm64 has a system call/);
    assert.deepEqual(rest, []);
    assert.match(problems('{"defaultAction":"SCMP_ACT_MAYBE"}').join(), /^error "SCMP_ACT_MAYBE": /);
    assert.match(
      problems('{"defaultAction":"SCMP_ACT_LOG","sycalls":[]}').join(),
      /^error "sycalls": There is no field/,
    );
    const tooFar =
      '{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]}';
    assert.match(problems(tooFar).join(), /^error 6: /);
    assert.match(
      problems('{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"action":"SCMP_ACT_LOG"}]}').join(),
      /^error \{: .*"names"/,
    );
  });

  it('explains words and fields', () => {
    const at = (path: (string | number)[], value: string) =>
      profileHover({ kind: 'value', path, value, span: { start: 0, end: 0 } });
    assert.match(
      at(['syscalls', 0, 'names', 0], 'mkdir') ?? '',
      /System call 83 on x86-64 · \[mkdir\(2\)\]\(https:.*mkdir\.2\.html\)/,
    );
    assert.match(at(['defaultAction'], 'SCMP_ACT_TRAP') ?? '', /For calls that no rule names\n\n.*SIGSYS/);
    assert.equal(at(['nothing'], 'x'), undefined);
  });
});

describe('what a monitor counted', () => {
  it('is read line by line, whatever a name holds', () => {
    const text = '272 3 756e7368617265\n165 1 \nothers 7\nnonsense\n41 2 1b5d0a\n';
    assert.deepEqual(parseDenied(text), {
      calls: [
        { number: 272, program: 'unshare', count: 3 },
        { number: 165, program: '', count: 1 },
        { number: 41, program: '\x1b]\n', count: 2 },
      ],
      others: 7,
    });
  });

  it('of several monitors is added up, the most frequent first', () => {
    const one = (number: number, program: string, count: number) => ({ number, program, count });
    assert.deepEqual(mergeDenied([one(1, 'a', 1), one(2, 'a', 2), one(1, 'a', 2), one(1, 'b', 1)]), [
      one(1, 'a', 3),
      one(2, 'a', 2),
      one(1, 'b', 1),
    ]);
  });

  it('is told by the command, names escaped, with what else is needed', () => {
    const call = { number: 165, program: 'a\x1b[2J', count: 2, allowed: false };
    const text = deniedText({
      notify: true,
      calls: [
        { call: 'mount', ...call, needs: { kind: 'capability', capability: 'CAP_SYS_ADMIN' } },
        { call: 'unshare', ...call, allowed: true },
      ],
      others: 3,
      allow: ['unshare'],
    });
    assert.ok(!text.includes('\x1b'));
    assert.match(text, /^mount +a\\x1b\[2J +2 +also needs CAP_SYS_ADMIN$/m);
    assert.match(text, /^unshare .* allowed at the next start$/m);
    assert.match(text, /3 more/);
    assert.match(deniedText({ notify: false, calls: [], others: 0, allow: [] }), /--seccomp-notify/);
    assert.equal(deniedText({ notify: true, calls: [], others: 0, allow: [] }), 'Nothing was refused.');
  });
});
