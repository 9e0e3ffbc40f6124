import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { TestHelper } from '../support/helper.js';
import { makeHome, removeHome } from '../support/home.js';
import { mountsOf, openFilesOf, parentOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const { Invalid, NotFound, StepFailed, WrongState } = protocol.ErrorCode;

/** A folder of the host with a file in it. */
function shared(name = 'shared'): string {
  const source = path.join(bed.home.folder, name);
  mkdirSync(source, { recursive: true });
  writeFileSync(path.join(source, 'file'), 'of the host\n');
  return source;
}

const add = (container: string, mount: protocol.oci.Mount, keep?: boolean) =>
  bed.helper.request(protocol.AddMount, { container, mount, ...(keep === undefined ? {} : { keep }) });
const remove = (container: string, destination: string, keep?: boolean) =>
  bed.helper.request(protocol.RemoveMount, { container, destination, ...(keep === undefined ? {} : { keep }) });
const at = (pid: number, destination: string) => mountsOf(pid).filter((mount) => mount.destination === destination);

test('a folder is mounted in a running container: there only, with nosuid and nodev, its place made inside', async () => {
  const source = shared();
  const { id, pid } = await bed.up();
  const before = readFileSync('/proc/self/mountinfo', 'utf8');
  const made = await add(id, { source, destination: '/new/data' });
  assert.equal(made?.destination, '/new/data');
  assert.equal(made?.origin, 'added');
  const { stdout } = await bed.exec(id, 'cat /new/data/file; echo from inside > /new/data/made');
  assert.equal(stdout, 'of the host\n');
  assert.equal(readFileSync(path.join(source, 'made'), 'utf8'), 'from inside\n');
  const [mount] = at(pid, '/new/data');
  for (const option of ['rw', 'nosuid', 'nodev']) assert.ok(mount?.options.includes(option), option);
  assert.equal(made?.propagation, 'private');
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before, 'the host has no other mounts than before');
  assert.equal((await bed.exec(id, 'stat -c %a /new')).stdout, '755\n', 'everybody inside gets there');
  assert.ok(!existsSync(path.join(bed.rootFolder, 'new')), 'its place was made in the container’s layer');
});

test('read-only and without programs: nobody inside can change that', async () => {
  const { id, pid } = await bed.up();
  await add(id, { source: shared(), destination: '/data', options: ['ro', 'noexec'] });
  const { stderr } = await bed.exec(id, 'touch /data/new; mount -o remount,bind,rw /data');
  assert.match(stderr, /Read-only file system/);
  assert.match(stderr, /denied|permitted/);
  for (const option of ['ro', 'noexec']) assert.ok(at(pid, '/data')[0]?.options.includes(option), option);
});

test('read-only is all that is mounted below, too, at a start and later', async () => {
  // /dev/shm is a writable tmpfs of its own on every machine.
  const naive = 'mount --rbind /dev /mnt && mount -o remount,bind,ro /mnt && touch /mnt/shm/"$0" && rm /mnt/shm/"$0"';
  const name = `terrarium-${process.getuid?.()}-${process.pid}`;
  execFileSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', naive, name]);
  const options = ['ro', 'noexec'];
  const { id, pid } = await bed.up({ mounts: [{ source: '/dev', destination: '/start', options }] });
  await add(id, { source: '/dev', destination: '/live', options: ['rro', 'rnoexec'] });
  const { stderr } = await bed.exec(id, `touch /start/shm/${name} /live/shm/${name}`);
  assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
  const below = mountsOf(pid).filter(({ destination }) => /^\/(start|live)\/./.test(destination));
  assert.ok(below.length >= 4, JSON.stringify(below));
  for (const mount of below) {
    for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) {
      assert.ok(mount.options.includes(option), `${mount.destination}: ${mount.options}`);
    }
  }
  // One without what is mounted below would show what that covers.
  await fails(add(id, { source: '/dev', destination: '/top', options: ['bind'] }), {
    code: StepFailed,
    message: /cloneMount .* failed with EINVAL/,
    fix: /rbind/,
  });
});

test('every helper is told of mounts, whichever made them, and of who has a volume', async () => {
  const other = await bed.another();
  const told: string[] = [];
  let volumes: protocol.VolumeSummary[] | undefined;
  other.connection.onNotification(protocol.MountsChanged, ({ container }) => {
    told.push(container);
  });
  other.connection.onNotification(protocol.VolumesChanged, (params) => {
    volumes = params.volumes;
  });
  await other.ask(protocol.ListVolumes);
  const { id } = await bed.up();
  const users = () => volumes?.find(({ name }) => name === 'told')?.usedBy.map(({ container }) => container);
  await add(id, { type: 'volume', source: 'told', destination: '/data' });
  await eventually('it is told who has the volume', () => told.includes(id) && users()?.includes(id));
  told.length = 0;
  await remove(id, '/data');
  await eventually('it is told that nobody has it any more', () => told.includes(id) && users()?.length === 0);
  await bed.helper.request(protocol.RemoveVolume, { name: 'told' });
  await eventually('it is told that the volume is gone', () => volumes !== undefined && users() === undefined);
});

test('what a process inside mounts is told to who looks at the mounts, by the monitor that is there anyway', async () => {
  const { id, pid, name } = await bed.up({ capabilities: { add: ['CAP_SYS_ADMIN'] } });
  const told: [string, string][] = [];
  const idle = await bed.another();
  for (const [who, { connection }] of [
    ['looks', bed.helper],
    ['idle', idle],
  ] as const) {
    connection.onNotification(protocol.MountsChanged, ({ container }) => {
      told.push([who, container]);
    });
  }
  const monitor = parentOf(pid);
  const isFollowed = () => openFilesOf(monitor).includes(`/proc/${pid}/mountinfo`);
  assert.ok(!isFollowed(), 'nobody looks yet');
  await bed.helper.request(protocol.WatchMounts, { containers: [id] });
  // What was mounted before anybody heard of it is in what is read after the first word.
  await eventually('the first word', () => told.length > 0 && isFollowed());
  for (const [work, isThere] of [
    ['mkdir /wet && mount -t tmpfs none /wet', true],
    ['umount /wet', false],
  ] as const) {
    told.length = 0;
    const { exitCode, stderr } = await bed.exec(id, work);
    assert.equal(exitCode, 0, stderr);
    await eventually(`word of ${work}`, () => told.length > 0);
    assert.equal(at(pid, '/wet').length > 0, isThere);
  }
  // Started anew it has another monitor.
  await bed.helper.request(protocol.StopContainer, { container: id, signal: 'SIGKILL' });
  told.length = 0;
  await bed.helper.request(protocol.StartContainer, { container: id });
  await eventually('word of the new start', () => told.length > 0);
  await bed.helper.request(protocol.WatchMounts, { containers: [] });
  assert.deepEqual([...new Set(told.map((one) => one.join()))], [`looks,${id}`], name);
});

test('a file, over one that is there and over nothing', async () => {
  const source = path.join(shared(), 'file');
  const { id } = await bed.up();
  for (const destination of ['/etc/passwd', '/new/file']) await add(id, { source, destination, options: ['ro'] });
  assert.equal((await bed.exec(id, 'cat /etc/passwd /new/file')).stdout, 'of the host\nof the host\n');
});

test('a tmpfs with a size, of root inside', async () => {
  const { id, pid } = await bed.up();
  await add(id, { destination: '/cache', type: 'tmpfs', options: ['size=64k', 'mode=700'] });
  assert.ok(at(pid, '/cache')[0]?.superOptions.includes('size=64k'));
  assert.equal((await bed.exec(id, 'stat -c %u:%a /cache')).stdout, '0:700\n');
  assert.match((await bed.exec(id, 'dd if=/dev/zero of=/cache/f bs=1k count=100')).stderr, /No space left/);
});

test('the ledger tells of it, and the script for it is one', async () => {
  const { id, pid } = await bed.up();
  await add(id, { source: shared(), destination: '/data' });
  await add(id, { type: 'tmpfs', destination: '/cache' });
  await remove(id, '/cache');
  const operations = (await bed.helper.request(protocol.ListLedgers, { container: id })).map((one) => one.operation);
  assert.deepEqual(operations.slice(1), ['mount-1', 'mount-2', 'unmount-1']);
  const ledger = await bed.helper.request(protocol.ReadLedger, { container: id, operation: 'mount-1' });
  const calls = ledger.steps.flatMap((step) => step.calls.map(({ name }) => name));
  for (const call of ['setns', 'unshare', 'open_tree', 'mount_setattr', 'move_mount'])
    assert.ok(calls.includes(call), call);
  const render = async (operation: string) =>
    (await bed.helper.request(protocol.RenderLedger, { container: id, operation, format: 'script' })).text;
  // Run by hand, they do the same.
  const run = async (operation: string) => execFileSync('bash', ['-c', await render(operation)]);
  await run('mount-2');
  assert.deepEqual(
    at(pid, '/cache').map(({ type, options }) => [type, options.includes('nosuid')]),
    [['tmpfs', true]],
  );
  await run('unmount-1');
  assert.equal(at(pid, '/cache').length, 0);
  assert.match(await render('mount-1'), /open_tree.*AT_RECURSIVE[\s\S]*exit 1/);
});

test('it is gone at the next start, unless it is kept', async () => {
  const { id } = await bed.up();
  await add(id, { source: shared(), destination: '/once' });
  await add(id, { source: shared(), destination: '/always', options: ['ro'] }, true);
  const { summary } = await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 0 });
  const pid = summary.init?.pid ?? 0;
  assert.deepEqual([at(pid, '/once').length, at(pid, '/always').length], [0, 1]);
  assert.ok(at(pid, '/always')[0]?.options.includes('ro'));
  const listed = await bed.helper.request(protocol.ListMounts, { container: id });
  const kept = listed.find(({ destination }) => destination === '/always');
  assert.deepEqual([kept?.origin, kept?.kept], ['specification', true]);
});

test('what was added is removed; who has a file of it open keeps it', async () => {
  const { id, pid } = await bed.up();
  await add(id, { source: shared(), destination: '/data' });
  await bed.exec(
    id,
    `(exec 3< /data/file; : > /tmp/open; while [ ! -e /tmp/go ]; do sleep 0.05; done; cat <&3 > /tmp/read; : > /tmp/done) \
       > /dev/null 2>&1 &
     while [ ! -e /tmp/open ]; do sleep 0.05; done`,
  );
  await remove(id, '/data');
  assert.equal(at(pid, '/data').length, 0);
  const { stdout } = await bed.exec(
    id,
    ': > /tmp/go; while [ ! -e /tmp/done ]; do sleep 0.05; done; cat /tmp/read; ls /data',
  );
  assert.equal(stdout, 'of the host\n');
  await fails(remove(id, '/data'), { code: NotFound, message: /Nothing is mounted on \/data/, fix: /mounts/ });
});

test('what was asked for at the start is removed until the next one, or for good', async () => {
  const source = shared();
  const { id, pid } = await bed.up({ mounts: [{ source, destination: '/data' }] });
  await remove(id, '/data');
  assert.equal(at(pid, '/data').length, 0);
  const restart = async () => {
    const { summary } = await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 0 });
    return at(summary.init?.pid ?? 0, '/data').length;
  };
  assert.equal(await restart(), 1);
  await remove(id, '/data', true);
  assert.equal(await restart(), 0);
});

test('what makes the container one, what came along, and what was mounted inside is not removed', async () => {
  // /dev has mounts of its own on every machine, such as /dev/pts.
  const { id, pid } = await bed.up({ mounts: [{ source: '/dev', destination: '/host-dev', options: ['ro'] }] });
  const below = mountsOf(pid).find(({ destination }) => destination.startsWith('/host-dev/'));
  assert.ok(below, 'a mount came along');
  for (const destination of ['/', '/proc', '/dev', '/sys', below.destination]) {
    await fails(remove(id, destination), { code: WrongState, message: /not yours to remove/, fix: /asked for/ });
    assert.ok(at(pid, destination).length > 0, destination);
  }
  await remove(id, '/host-dev');
  assert.equal(mountsOf(pid).filter(({ destination }) => destination.startsWith('/host-dev')).length, 0, 'all of it');
});

test('nothing is mounted over /proc and /sys, whatever links lead there', async () => {
  const source = shared();
  const { id, pid } = await bed.up();
  await bed.exec(id, 'ln -s /proc/sys /to-proc; ln -s ../sys/kernel /to-sys; mkdir /real; ln -s /real /to-real');
  const count = mountsOf(pid).length;
  for (const destination of ['/proc', '/proc/sys', '/sys/', '//proc/../proc/self']) {
    await fails(add(id, { source, destination }), {
      code: Invalid,
      message: /nothing is mounted over \/proc and \/sys/,
    });
  }
  for (const destination of ['/to-proc', '/to-sys', '/to-proc/kernel']) {
    await fails(add(id, { source, destination }), {
      code: StepFailed,
      message: /attachMount .* failed with EPERM/,
      fix: /link/,
    });
    await fails(add(id, { type: 'tmpfs', destination }), { code: StepFailed, message: /EPERM/, fix: /link/ });
  }
  assert.equal(mountsOf(pid).length, count);
  // Control: a link that leads elsewhere is followed, inside.
  assert.equal((await add(id, { source, destination: '/to-real' }))?.destination, '/real');
  await remove(id, '/to-real');
  assert.equal(mountsOf(pid).length, count);
});

test('the same at a start', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'ln -s /proc/sys /to-proc');
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await add(id, { source: shared(), destination: '/to-proc' }, true);
  await fails(bed.helper.request(protocol.StartContainer, { container: id }), {
    code: StepFailed,
    message: /bind .* failed with EPERM/,
    fix: /link/,
  });
  await remove(id, '/to-proc', true);
  await bed.helper.request(protocol.StartContainer, { container: id });
});

test('a place that cannot be made, a source that is not there, two kinds: one message, and nothing is mounted', async () => {
  const source = shared();
  const { id, pid } = await bed.up({ writable: 'none' });
  const count = mountsOf(pid).length;
  await fails(add(id, { source, destination: '/nowhere' }), {
    code: StepFailed,
    message: /attachMount .* failed with EROFS/,
    fix: /can be written/,
  });
  const missing = path.join(source, 'missing');
  await fails(add(id, { source: missing, destination: '/tmp' }), {
    code: StepFailed,
    message: /cloneMount .*missing failed with ENOENT/,
    fix: /source/,
  });
  await fails(add(id, { source, destination: '/etc/passwd' }), {
    code: StepFailed,
    message: /ENOTDIR/,
    fix: /destination/,
  });
  await fails(add(id, { source, destination: '/' }), { code: Invalid, message: /root/ });
  await fails(add(id, { source: 'relative', type: 'bind', destination: '/a' }), { code: Invalid, message: /absolute/ });
  await fails(add(id, { source, destination: '/proc-like', options: ['idmap'] }), {
    code: Invalid,
    message: /CAP_SYS_ADMIN/,
  });
  assert.equal(mountsOf(pid).length, count);
});

test('a second mount on the same place is refused, and nothing that failed is kept', async () => {
  const source = shared();
  const { id } = await bed.up({ mounts: [{ source, destination: '/data' }] });
  await fails(add(id, { source, destination: '/data/' }), { code: WrongState, message: /already/, fix: /another/ });
  await fails(add(id, { source: `${source}/none`, destination: '/more' }, true), {
    code: StepFailed,
    message: /ENOENT/,
  });
  await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 0 });
});

test('what a process inside mounted over it is not unmounted in its place', async (t) => {
  const { id, pid } = await bed.up({ capabilities: { add: ['CAP_SYS_ADMIN'] }, seccomp: 'unconfined' });
  await add(id, { source: shared(), destination: '/data' });
  const { exitCode, stderr } = await bed.exec(id, 'mount -t tmpfs inside /data');
  if (exitCode !== 0) return t.skip(`nothing can be mounted inside here: ${stderr.trim()}`);
  await fails(remove(id, '/data'), { code: StepFailed, message: /unmount .* failed with ESTALE/, fix: /again/ });
  assert.equal(at(pid, '/data').length, 2);
});

test('a container that does not run is changed for its next start only, and says so', async () => {
  const source = shared();
  const { id } = await bed.up();
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await fails(add(id, { source, destination: '/data' }), { code: WrongState, message: /not running/, fix: /kept/ });
  assert.equal(await add(id, { source, destination: '/data' }, true), null);
  const { summary } = await bed.helper.request(protocol.StartContainer, { container: id });
  assert.equal(at(summary.init?.pid ?? 0, '/data').length, 1);
});

test('what is mounted on the machine later shows below a mount that is to follow it, and below no other', async (t) => {
  // Whether the machine's mounts are shared differs: here they are, in a mount namespace around the helper.
  const home = makeHome();
  const flags = ['--user', '--map-root-user', '--mount', '--propagation', 'shared'];
  const helper = await TestHelper.start(home, ['unshare', ...flags]);
  t.after(async () => {
    for (const { id } of await helper.ask(protocol.ListContainers)) {
      await helper.request(protocol.RemoveContainer, { container: id, force: true });
    }
    await helper.stop();
    await removeHome(home);
  });
  const source = path.join(home.folder, 'followed');
  mkdirSync(path.join(source, 'later'), { recursive: true });
  const options = ['rslave'];
  const { id, init } = await helper.run({
    root: bed.root,
    args: [],
    mounts: [
      { source, destination: '/start', options },
      { source, destination: '/other' },
    ],
  });
  const live = { source, destination: '/live', options };
  const made = await helper.request(protocol.AddMount, { container: id, mount: live });
  assert.match(made?.propagation ?? '', /^master:\d+$/);
  const listed = await helper.request(protocol.ListMounts, { container: id });
  const propagation = (destination: string) => listed.find((mount) => mount.destination === destination)?.propagation;
  assert.deepEqual([propagation('/start'), propagation('/other')], [made?.propagation, 'private']);
  const around = ['--user', '--mount', '--preserve-credentials'];
  const late = ['mount', '-t', 'tmpfs', 'late', path.join(source, 'later')];
  execFileSync('nsenter', ['--target', String(helper.child.pid), ...around, ...late]);
  const shown = mountsOf(init?.pid ?? 0).flatMap((mount) => (mount.source === 'late' ? mount.destination : []));
  assert.deepEqual(shown.sort(), ['/live/later', '/start/later']);
});
