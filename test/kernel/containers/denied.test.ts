import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { ownArchitecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';
import { defaultProfile } from '../../../helper/security/seccomp/profile.js';
import { attempt, perl, results } from '../../security/runtime/perl.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { parentOf, startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const { EPERM, ENOSYS } = constants.errno;
const numbers = systemCallNumbers[ownArchitecture()];

/** Calls that the profile refuses with EPERM whatever their arguments, and of those with conditions one each. */
const refused: [string, ...string[]][] = [
  ...(defaultProfile().syscalls ?? [])
    .filter(({ action, errnoRet = 1, args = [] }) => action === 'SCMP_ACT_ERRNO' && errnoRet === 1 && args.length === 0)
    .flatMap(({ names }) => names.filter((name) => Object.hasOwn(numbers, name)).map((name): [string] => [name])),
  ['unshare', '0x10000000'],
  ['socket', '38', '5', '0'],
  // The others end here: no such file, no such process, nothing to read.
  ['ioctl', '-1', '0x5412', '0'],
];
/** What is decided otherwise, before and after: ENOSYS stays with the kernel, and what is let through is. */
const others: [string, ...string[]][] = [['clone3', '0', '0'], ['getppid'], ['chdir', '0']];

const calls = [...refused, ...others];
const script = `${attempt}${calls
  .map(
    ([name, ...args]) =>
      `attempt('${name}', ${[numbers[name], ...args, ...Array(6 - args.length).fill('0')].join(', ')});`,
  )
  .join('\n')}`;

test('refused calls answer what they did, and are counted by call and program', async () => {
  const run = async (seccomp: protocol.ContainerSpecification['seccomp']) => {
    const { id } = await bed.helper.run({ root: { kind: 'host' }, args: perl(script), ...(seccomp && { seccomp }) });
    await bed.helper.request(protocol.WaitContainer, { container: id });
    const report = await bed.helper.request(protocol.ReadDenied, { container: id });
    return { output: results(await bed.helper.output(id)), report, errors: await bed.helper.output(id, 'stderr') };
  };
  const plain = await run(undefined);
  assert.equal(plain.output.size, calls.length, plain.errors);
  for (const [name] of refused) assert.equal(plain.output.get(name), String(EPERM), name);
  assert.equal(plain.output.get('clone3'), String(ENOSYS));
  assert.deepEqual([plain.report.notify, plain.report.calls], [false, []]);
  const counted = await run({ notify: true });
  // getppid is the one that is no errno.
  assert.deepEqual([...counted.output], [...plain.output]);
  assert.deepEqual(
    counted.report.calls.map(({ call, program, count }) => [call, program, count]).sort(),
    refused.map(([name]) => [name, 'perl', 1]).sort(),
  );
  const needs = new Map(counted.report.calls.map((one) => [one.call, one.needs]));
  assert.deepEqual(needs.get('mount'), { kind: 'capability', capability: 'CAP_SYS_ADMIN' });
  assert.deepEqual(needs.get('init_module'), { kind: 'machine' });
  assert.equal(needs.get('unshare'), undefined);
});

test('a call is allowed at the next start, and told of to whoever listens; taken back it is refused again', async () => {
  const told: { container: string; report: protocol.DeniedReport }[] = [];
  bed.helper.connection.onNotification(protocol.CallsDenied, (one) => {
    told.push(one);
  });
  const { id } = await bed.up({ seccomp: { notify: true } });
  const unshare = async () => (await bed.exec(id, 'unshare -U true')).exitCode;
  assert.notEqual(await unshare(), 0);
  const { report: news } = await eventually('word of the refused call', () =>
    told.find(({ container, report }) => container === id && report.calls.length > 0),
  );
  assert.deepEqual(
    news.calls.map(({ call, program, count, allowed }) => [call, program, count, allowed]),
    [['unshare', 'unshare', 1, false]],
  );
  const allowed = await bed.helper.request(protocol.AllowCalls, { container: id, calls: ['unshare'] });
  assert.deepEqual([allowed.allow, allowed.calls.map((one) => one.allowed)], [['unshare'], [true]]);
  assert.notEqual(
    await bed.exec(id, 'mount -t tmpfs none /tmp').then(({ exitCode }) => exitCode),
    0,
    'others stay refused',
  );
  await bed.helper.request(protocol.RestartContainer, { container: id });
  assert.equal(await unshare(), 0);
  assert.deepEqual((await bed.helper.request(protocol.ReadDenied, { container: id })).calls, [], 'of this run');
  await bed.helper.request(protocol.AllowCalls, { container: id, calls: ['unshare'], revoke: true });
  await bed.helper.request(protocol.RestartContainer, { container: id });
  assert.notEqual(await unshare(), 0);
  const nonsense = bed.helper.request(protocol.AllowCalls, { container: id, calls: ['open_sesame'] });
  await fails(nonsense, { code: protocol.ErrorCode.Invalid, message: /open_sesame/, fix: /syscalls\(2\)/ });
  const open = await bed.up({ seccomp: 'unconfined' });
  const nothing = bed.helper.request(protocol.AllowCalls, { container: open.id, calls: ['unshare'] });
  await fails(nothing, { code: protocol.ErrorCode.WrongState, message: /no seccomp filter/ });
});

test('a program that asks for ever, under names of its own, is refused, counted in bounds, and heard', async () => {
  const flood = `${attempt}for my $i (1..400) { $0 = "n$i"; syscall(${numbers.prctl}, 15, "n$i", 0, 0, 0);
    syscall(${numbers.keyctl}, 0, -3, 1, 0, 0, 0) == -1 or die; } print "done\\n";`;
  const { id } = await bed.helper.run({ root: { kind: 'host' }, args: perl(flood), seccomp: { notify: true } });
  const { exit } = await bed.helper.request(protocol.WaitContainer, { container: id });
  assert.deepEqual([exit?.exitCode, await bed.helper.output(id)], [0, 'done\n']);
  const { calls: kinds, others: rest } = await bed.helper.request(protocol.ReadDenied, { container: id });
  assert.equal(kinds.length, 128);
  assert.equal(
    kinds.reduce((sum, { count }) => sum + count, rest),
    400,
  );
});

const stepFailed = (step: string) => ({
  code: protocol.ErrorCode.StepFailed,
  message: /could not be started/,
  data: { step, errno: 'EPERM' },
});

test('a start whose last steps the filter refuses fails as it does without counting', async () => {
  for (const noNewPrivileges of [true, false]) {
    for (const notify of [false, true]) {
      const profile: protocol.oci.Seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['chdir', 'fchdir', 'sendmsg'].slice(0, notify ? 2 : 3), action: 'SCMP_ACT_ERRNO' }],
      };
      const start = bed.helper.run({ root: bed.root, args: [], noNewPrivileges, seccomp: { profile, notify } });
      await fails(start, stepFailed('changeDirectory'));
    }
  }
  // The listener is sent with it: a filter that refuses it cannot have one, and the start must say so rather than wait.
  const profile: protocol.oci.Seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['sendmsg'], action: 'SCMP_ACT_ERRNO' }],
  };
  const unheard = bed.helper.run({ root: bed.root, args: [], seccomp: { profile, notify: true } });
  await fails(unheard, stepFailed('installSeccomp'));
});

test('without its monitor a process is refused all the same, with ENOSYS', async () => {
  const { id } = await bed.up({ seccomp: { notify: true } });
  const waiting = 'until [ -e /tmp/go ]; do sleep 0.05; done; unshare -U true 2>/tmp/said; touch /tmp/over';
  const { identity } = await bed.helper.request(protocol.ExecInContainer, {
    container: id,
    process: { args: ['/bin/sh', '-c', waiting] },
  });
  const monitor = parentOf(identity.pid);
  process.kill(monitor, 'SIGKILL');
  await eventually('its end', () => startTimeOf(monitor) === undefined);
  const { stdout } = await bed.exec(id, 'touch /tmp/go; until [ -e /tmp/over ]; do sleep 0.05; done; cat /tmp/said');
  assert.match(stdout, /Function not implemented/);
});

test('no descriptor of the filter is left open inside', async () => {
  const { id, pid } = await bed.up({ seccomp: { notify: true } });
  assert.equal((await bed.exec(id, 'ls /proc/self/fd | wc -l')).stdout, '4\n', 'those, and the folder that ls reads');
  assert.match(readFileSync(path.join('/proc', String(pid), 'status'), 'utf8'), /^Seccomp:\t2$/m);
});
