import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { encodePlan } from '../../../helper/plan/encode.js';
import type { Step } from '../../../helper/plan/step.js';
import { container, instruction } from './plan.js';
import { busyboxRoot, children, exists, type Mapping, until, Zygote } from './zygote.js';

const { EACCES, EBADMSG, EEXIST, EINVAL, EISDIR, ELOOP, ENODEV, ENOENT, ENOTDIR, EPERM, ESRCH, EXDEV } =
  constants.errno;
const mapping: Mapping = 'single';
let zygote: Zygote;
let lower: string;
let count = 0;
const freshFolder = (): string => path.join(zygote.folder, `container-${++count}`);

before(async () => {
  zygote = await Zygote.start(mapping);
  lower = busyboxRoot(zygote.folder);
});
after(async () => zygote.stop());

/** Sends a plan that must fail at `step`, and checks that nothing of it is left. */
async function refused(folder: string, plan: readonly Step[], step: number, errno: number): Promise<void> {
  const what = `${plan[step]?.kind}`;
  const answer = await zygote.send(plan);
  assert.deepEqual([answer.status, answer.failedStep, answer.errno], ['failed', step, errno], what);
  assert.equal(answer.pid, 0, what);
  await until(`${what}: the monitor ended`, () => !exists(answer.monitorPid));
  assert.deepEqual(children(zygote.pid), [], `${what}: a process is left`);
  assert.equal(existsSync(path.join(folder, 'attach')), false, `${what}: a socket is left`);
  assert.deepEqual(readdirSync(path.join(folder, 'monitor')), [], `${what}: files are left`);
}

const indexOf = (plan: readonly Step[], kind: Step['kind']): number => plan.findIndex((step) => step.kind === kind);

test('a failure at each kind of step is told by step and errno, and leaves nothing', async (t) => {
  const nowhere = '/no/such/path';
  const failing: readonly [Step, number][] = [
    [{ kind: 'mount', type: 'nonsense', source: '', destination: '/mnt', attributes: 0, data: '' }, ENODEV],
    [{ kind: 'mount', type: 'tmpfs', source: '', destination: '/mnt', attributes: 0, data: 'nonsense=1' }, EINVAL],
    [{ kind: 'mount', type: 'tmpfs', source: '', destination: '/bin/sh', attributes: 0, data: '' }, ELOOP],
    [{ kind: 'mount', type: 'tmpfs', source: '', destination: '/bin/busybox', attributes: 0, data: '' }, ENOTDIR],
    [
      { kind: 'bind', source: nowhere, destination: '/mnt', recursive: 0, attributes: 0, propagation: 0, device: 0n },
      ENOENT,
    ],
    // /dev/zero is 1:5, not 1:3.
    [
      {
        kind: 'bind',
        source: '/dev/zero',
        destination: '/x',
        recursive: 0,
        attributes: 0,
        propagation: 0,
        device: 0x103n,
      },
      ENODEV,
    ],
    [
      {
        kind: 'bind',
        source: '/etc',
        destination: '/bin/busybox',
        recursive: 0,
        attributes: 0,
        propagation: 0,
        device: 0n,
      },
      ENOTDIR,
    ],
    [
      {
        kind: 'bind',
        source: '/etc/passwd',
        destination: '/etc',
        recursive: 0,
        attributes: 0,
        propagation: 0,
        device: 0n,
      },
      EISDIR,
    ],
    [{ kind: 'maskPath', path: nowhere }, ENOENT],
    [{ kind: 'readonlyPath', path: nowhere }, ENOENT],
    [{ kind: 'setPropagation', path: nowhere, flags: 0x40000 }, ENOENT],
    [{ kind: 'setRoot', path: nowhere }, ENOENT],
    [{ kind: 'setHostname', name: 'x'.repeat(65) }, EINVAL],
    [{ kind: 'setDomainname', name: 'x'.repeat(65) }, EINVAL],
    [{ kind: 'bringUp', interface: 'eth7' }, ENODEV],
    [{ kind: 'bringUp', interface: 'a-name-that-is-too-long' }, ENODEV],
    [{ kind: 'unshare', flags: 0x1 }, EINVAL],
    [{ kind: 'joinNamespace', path: '/proc/1/ns/net', flags: 0 }, EACCES],
    [{ kind: 'makeDirectory', path: '/bin/busybox', mode: 0o755 }, ENOTDIR],
    [{ kind: 'makeDirectory', path: '/bin/busybox/below', mode: 0o755 }, ENOTDIR],
    [{ kind: 'makeFile', path: '/', mode: 0o644 }, EINVAL],
    [{ kind: 'symlink', target: 'elsewhere', path: '/bin/sh' }, EEXIST],
    [{ kind: 'writeFile', path: '/proc/self/comm', data: 'x', magic: 0x1021994 }, EXDEV],
    [{ kind: 'writeFile', path: '/etc/file', data: 'x', magic: 0x9fa0 }, ENOENT],
    [{ kind: 'setRlimit', resource: 7, soft: 2n, hard: 1n }, EINVAL],
    [{ kind: 'setDumpable', value: 9 }, EINVAL],
    [
      { kind: 'setIds', uid: 77, gid: 0, groups: new Uint8Array(0), setgroups: 0, keepCapabilities: 0, umask: 0 },
      EINVAL,
    ],
    [{ kind: 'setIds', uid: 0, gid: 0, groups: new Uint8Array(4), setgroups: 1, keepCapabilities: 0, umask: 0 }, EPERM],
    [{ kind: 'setCapabilities', effective: 1n, permitted: 0n, inheritable: 0n, ambient: 0n }, EPERM],
    [{ kind: 'installSeccomp', filter: new Uint8Array(7), flags: 0 }, EINVAL],
    [{ kind: 'installSeccomp', filter: instruction(0xffff, 0, 0, 0), flags: 0 }, EINVAL],
    [{ kind: 'changeDirectory', path: nowhere }, ENOENT],
    [{ kind: 'changeDirectory', path: '/bin/busybox' }, ENOTDIR],
    [{ kind: 'removeCgroup', path: '/tmp' }, EXDEV],
    [{ kind: 'removeTree', path: '/proc/self/..' }, EINVAL],
  ];
  for (const [step, errno] of failing) {
    await t.test(`${step.kind}: ${Object.values(step).slice(1).join(' ').slice(0, 40)}`, async () => {
      const folder = freshFolder();
      const plan = container({ folder, lower, mapping, inRoot: [step] });
      await refused(folder, plan, plan.indexOf(step), errno);
    });
  }
});

test('a failure of the monitor’s own steps leaves nothing either', async (t) => {
  const failing: readonly [Step, number][] = [
    [{ kind: 'makeCgroup', path: '/tmp/no-cgroup' }, EXDEV],
    [{ kind: 'joinNamespace', path: '/no/such/path', flags: 0 }, ENOENT],
    [{ kind: 'setNamespaces', pid: 4_000_000, startTime: 0n, flags: 0x20000000 }, ESRCH],
    // This very process is there, but it did not start at the first tick.
    [{ kind: 'setNamespaces', pid: process.pid, startTime: 1n, flags: 0x20000000 }, ESRCH],
    [{ kind: 'writeFile', path: '/no/such/path', data: '', magic: 0 }, ENOENT],
  ];
  for (const [step, errno] of failing) {
    await t.test(`${step.kind}: ${Object.values(step).slice(1).join(' ').slice(0, 40)}`, async () => {
      const folder = freshFolder();
      const plan = container({ folder, lower, mapping });
      plan.splice(1, 0, step);
      await refused(folder, plan, 1, errno);
    });
  }
  await t.test('mapIds and clone', async () => {
    const folder = freshFolder();
    const plan = container({ folder, lower, mapping });
    const at = indexOf(plan, 'mapIds');
    await refused(
      folder,
      plan.with(at, { kind: 'mapIds', uidMap: '0 5 1\n', gidMap: '0 0 1\n', setgroups: 'deny' }),
      at,
      EPERM,
    );
    const clone = indexOf(plan, 'clone');
    // CLONE_VM would share memory with the monitor.
    await refused(folder, plan.with(clone, { kind: 'clone', flags: 0x100, cgroup: '' }), clone, EINVAL);
    await refused(folder, plan.with(clone, { kind: 'clone', flags: 0, cgroup: '/tmp' }), clone, EXDEV);
  });
});

test('a command that cannot be executed is a failed start, with the more telling errno', async () => {
  const check = async (step: Step, errno: number): Promise<void> => {
    // A folder each time: a volatile overlay cannot be mounted again.
    const folder = freshFolder();
    const plan = container({ folder, lower, mapping });
    await refused(folder, plan.with(-1, step), plan.length - 1, errno);
  };
  for (const supervise of [0, 1]) {
    const execute = (paths: string[]): Step => ({ kind: 'execute', paths, args: ['x'], env: [], supervise });
    await check(execute(['/nothing', '/bin/busybox/x']), ENOENT);
    await check(execute(['/etc', '/nothing']), EACCES);
  }
  await check({ kind: 'execute', paths: ['/bin/sh'], args: [], env: [], supervise: 0 }, EINVAL);
});

test('a filter that kills at execve is a failed start, not a container that ended', async () => {
  const folder = freshFolder();
  const execve = process.arch === 'arm64' ? 221 : 59;
  const filter = Buffer.concat([
    instruction(0x20, 0, 0, 0),
    instruction(0x15, 0, 1, execve),
    instruction(0x06, 0, 0, 0x80000000),
    instruction(0x06, 0, 0, 0x7fff0000),
  ]);
  const plan = container({ folder, lower, mapping, filter });
  await refused(folder, plan, plan.length - 1, ESRCH);
});

test('an image whose /proc, /sys or /dev is a link is refused, and nothing lands where it leads', async (t) => {
  for (const name of ['proc', 'sys', 'dev']) {
    await t.test(name, async () => {
      const folder = freshFolder();
      const canary = path.join(folder, 'canary');
      const hostile = path.join(folder, 'hostile');
      for (const made of [canary, hostile, path.join(hostile, 'inside')]) mkdirSync(made, { recursive: true });
      for (const made of ['proc', 'sys', 'dev']) {
        if (made !== name) mkdirSync(path.join(hostile, made));
      }
      symlinkSync(name === 'sys' ? 'inside' : canary, path.join(hostile, name));
      const mount: Step = {
        kind: 'mount',
        type: 'tmpfs',
        source: '',
        destination: `/${name}`,
        attributes: 0,
        data: '',
      };
      // The link to a folder inside is refused as well: what is mounted must be what is named.
      const plan = container({ folder, lower: hostile, mapping, early: [mount] });
      await refused(folder, plan, plan.indexOf(mount), ELOOP);
      assert.deepEqual(readdirSync(canary), []);
      assert.equal(existsSync(path.join(folder, 'upper', canary)), false);
    });
  }
});

test('a bind over a link to nothing makes its target inside the root, wherever the link points', async () => {
  const folder = freshFolder();
  const hostile = path.join(folder, 'hostile');
  const canary = path.join(folder, 'canary');
  mkdirSync(path.join(hostile, 'etc'), { recursive: true });
  mkdirSync(canary);
  symlinkSync(path.join(canary, 'resolved'), path.join(hostile, 'etc/absolute'));
  symlinkSync('../../../../../../../../../../tmp/escape/file', path.join(hostile, 'etc/relative'));
  symlinkSync('loop', path.join(hostile, 'etc/loop'));
  writeFileSync(path.join(folder, 'source'), 'bound');
  const bind = (destination: string): Step => ({
    kind: 'bind',
    source: path.join(folder, 'source'),
    destination,
    recursive: 0,
    attributes: 0,
    propagation: 0,
    device: 0n,
  });
  const plan = container({
    folder,
    lower: hostile,
    mapping,
    early: [bind('/etc/absolute'), bind('/etc/relative')],
    args: ['/x'],
  });
  await refused(folder, plan, plan.length - 1, ENOENT);
  assert.deepEqual(readdirSync(canary), []);
  assert.equal(existsSync('/tmp/escape'), false);
  assert.ok(lstatSync(path.join(folder, 'upper', canary, 'resolved')).isFile());
  assert.ok(lstatSync(path.join(folder, 'upper/tmp/escape/file')).isFile());

  const looped = freshFolder();
  const loop = bind('/etc/loop');
  const loopPlan = container({ folder: looped, lower: hostile, mapping, early: [loop] });
  await refused(looped, loopPlan, loopPlan.indexOf(loop), ELOOP);
});

test('a working folder outside the root is refused', async (t) => {
  for (const cwd of ['/proc/self/fd/3', '/proc/self/fd/5', '/proc/self/root/..', '/proc/1/cwd']) {
    await t.test(cwd, async () => {
      const folder = freshFolder();
      const plan = container({ folder, lower, mapping });
      const at = indexOf(plan, 'changeDirectory');
      const answer = await zygote.send(plan.with(at, { kind: 'changeDirectory', path: cwd }));
      assert.deepEqual([answer.status, answer.failedStep], ['failed', at]);
    });
  }
});

test('what is tolerated is passed over and still recorded', async () => {
  const folder = freshFolder();
  const steps: Step[] = [
    { kind: 'setHostname', name: 'x'.repeat(65), tolerate: 'any' },
    { kind: 'maskPath', path: '/no/such/path', tolerate: 'missing' },
  ];
  const plan = container({ folder, lower, mapping, inRoot: steps, args: ['/bin/true'] });
  const answer = await zygote.send(plan);
  assert.equal(answer.status, 'running');
  const failed = answer.records.filter((record) => record.errno !== 0).map(({ step, errno }) => ({ step, errno }));
  assert.ok(failed.some(({ step, errno }) => step === plan.indexOf(steps[0] as Step) && errno === EINVAL));
  await until('its monitor ended', () => !exists(answer.monitorPid));
  // `missing` passes over no other error.
  const other = freshFolder();
  const invalid: Step = { kind: 'setHostname', name: 'x'.repeat(65), tolerate: 'missing' };
  const refusedPlan = container({ folder: other, lower, mapping, inRoot: [invalid] });
  await refused(other, refusedPlan, refusedPlan.indexOf(invalid), EINVAL);
});

test('what is no plan is answered with EBADMSG, and the zygote lives on', async () => {
  const good = Buffer.from(encodePlan(container({ folder: freshFolder(), lower, mapping })));
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes.writeUInt8(value, at);
    return bytes;
  };
  const steps = (...plan: Step[]): Buffer => Buffer.from(encodePlan(plan));
  const stay: Step = { kind: 'stayInit' };
  const clone: Step = { kind: 'clone', flags: 0, cgroup: '' };
  const monitor: Step = { kind: 'monitor', directory: '/', socket: '/x', outputLimit: 0n, events: '' };
  const malformed: readonly Buffer[] = [
    changed(0, 0),
    changed(4, 9),
    changed(12, 200),
    good.subarray(0, good.length - 1),
    Buffer.alloc(12, 0xff),
    steps(clone, stay),
    steps(monitor, clone),
    steps(monitor, clone, clone, stay),
    steps(monitor, clone, stay, { kind: 'pivotRoot' }),
    steps(monitor, clone, { kind: 'pivotRoot' }, { kind: 'joinCgroup', path: '/x' }, stay),
    steps({ kind: 'pivotRoot' }),
    steps({ kind: 'joinCgroup', path: '/x' }),
    steps(monitor),
  ];
  for (const [index, bytes] of malformed.entries()) {
    const answer = await zygote.exchange(bytes, true);
    assert.equal(answer.length, 48, `malformed plan ${index}`);
    assert.deepEqual(
      [answer.readUInt16LE(6), answer.readUInt32LE(32), answer.readUInt32LE(36)],
      [1, 0xffffffff, EBADMSG],
      `malformed plan ${index}`,
    );
  }
  assert.equal((await zygote.send([])).status, 'done');
});

test('a zygote that cannot map its ids says which call failed', async () => {
  // Of size 0, and overlapping: neither is allowed to anybody.
  const failed = await Zygote.start(mapping, ['--uid-map', '0 0 0', '--gid-map', '0 0 0']);
  const overlap = await Zygote.start(mapping, ['--uid-map', '0 1 1,0 2 1', '--gid-map', '0 1 1,0 2 1']);
  for (const zygoteThatEnded of [failed, overlap]) await zygoteThatEnded.stop();
  assert.equal(failed.report, 'error write EINVAL Invalid argument\n');
  assert.match(
    overlap.report,
    process.getuid?.() === 0 ? /^error write EINVAL / : /^error newuidmap (EPERM|ENOENT) .+\n$/,
  );
});

test('what runs cannot be written to', () => {
  const executable = `/proc/${zygote.pid}/exe`;
  assert.throws(() => writeFileSync(executable, 'x'), { code: /ETXTBSY|EPERM|EACCES/ });
  assert.match(readFileSync(`/proc/${zygote.pid}/maps`, 'latin1'), /memfd:terrarium-stage/);
});
