import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { readToEnd } from '../support/attached.js';
import { Bed } from '../support/bed.js';
import { mountsOf } from '../support/kernel.js';
import { compressions, packRoot } from '../support/root.js';

const bed = new Bed();

for (const compression of Object.keys(compressions) as (keyof typeof compressions)[]) {
  test(`an image from a tar (${compression}) is launched`, async () => {
    // The name says nothing: the content is what counts.
    const file = packRoot(bed.rootFolder, path.join(bed.home.folder, `archive-${compression}`), compression);
    const image = await bed.helper.request(protocol.ImportImage, { file, name: `busybox-${compression}` });
    assert.match(image.digest, /^sha256:[0-9a-f]{64}$/);
    const specification = bed.script('cat /etc/passwd; stat -c "%a %U" /tmp /bin/busybox; pwd', {
      root: { kind: 'image', name: image.name },
    });
    const { stdout, exit } = await bed.helper.runToEnd(specification);
    const passwd = readFileSync(path.join(bed.rootFolder, 'etc/passwd'), 'utf8');
    assert.equal(stdout, `${passwd}1777 root\n755 root\n/\n`);
    assert.deepEqual([exit.exitCode, exit.signal], [0, 0]);
  });
}

test('two containers of one image see only their own changes, and only those are kept', async () => {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'shared.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'shared' });
  const root: protocol.RootSource = { kind: 'image', name: 'shared' };
  const [first, second] = [await bed.up({ root }), await bed.up({ root })];
  await bed.exec(first.id, 'echo first > /etc/motd; rm /etc/group; mkdir /home/made');
  assert.equal((await bed.exec(second.id, 'cat /etc/motd; wc -l < /etc/group; ls /home')).stdout, '3\nalice\n');
  assert.equal(
    (await bed.exec(first.id, 'cat /etc/motd; ls /etc /home')).stdout.replaceAll('\n', ' '),
    'first /etc: motd passwd  /home: alice made ',
  );
  // The upper layer, read as the user outside: root inside is this user.
  const listed = (id: string) => {
    const upper = path.join(bed.home.data, 'containers', id, 'upper');
    return (readdirSync(upper, { recursive: true }) as string[]).sort();
  };
  const only = (paths: string[]) => paths.filter((name) => !/^(proc|sys|dev)(\/|$)/.test(name));
  assert.deepEqual(only(listed(first.id)), ['etc', 'etc/group', 'etc/motd', 'home', 'home/made']);
  assert.deepEqual(only(listed(second.id)), []);
});

/** Names, sizes, owners and times of everything in folders of the host, but what a boot or another user changes. */
function listing(): string {
  const ended = spawnSync('find', ['/etc', '/usr/bin', '-printf', '%p %y %m %U:%G %s %T@ %l\n'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return ended.stdout;
}

test("on the host's own root writes land in the private layer, and the host is as it was", async () => {
  const before = listing();
  assert.ok(before.split('\n').length > 500);
  const { id } = await bed.helper.run({ root: { kind: 'host' }, args: [] });
  const changed = await bed.exec(
    id,
    'echo changed > /etc/new && mv /etc/new /etc/hostname && rm /usr/bin/env && mkdir /opt/made && echo done',
  );
  assert.deepEqual([changed.stdout, changed.stderr], ['done\n', '']);
  assert.equal((await bed.exec(id, 'cat /etc/hostname; ls /usr/bin/env')).stdout, 'changed\n');
  assert.equal(listing(), before);
  const upper = path.join(bed.home.data, 'containers', id, 'upper');
  assert.equal(readFileSync(path.join(upper, 'etc/hostname'), 'utf8'), 'changed\n');
  assert.ok(statSync(path.join(upper, 'usr/bin/env')).isCharacterDevice(), 'a whiteout');
  assert.ok(statSync(path.join(upper, 'opt/made')).isDirectory());
});

test("on the host's own root home, tmp, run and our own folders are not to be seen", async () => {
  writeFileSync(path.join(bed.home.folder, 'canary'), 'seen');
  const { stdout, stderr } = await bed.helper.runToEnd({
    root: { kind: 'host' },
    args: [
      '/bin/sh',
      '-c',
      `ls -A /tmp /home /root /run ${bed.home.folder} ${tmpdir()} ${homedir()}; echo; ls /usr/bin | wc -l`,
    ],
  });
  const [seen = '', programs] = [stdout.slice(0, stdout.lastIndexOf('\n\n')), stdout.trim().split('\n').at(-1)];
  assert.doesNotMatch(seen, /canary/);
  assert.match(stderr, new RegExp(`${bed.home.folder}.*No such file`));
  assert.ok(Number(programs) > 100, stdout);
});

test('chroot alone: another root, and everything else of the host is still there', async () => {
  const { pid, id } = await bed.up({ chroot: true });
  const { stdout } = await bed.exec(
    id,
    `pwd; test -d /proc/${process.pid} && echo visible; cat /proc/${process.pid}/comm`,
  );
  assert.equal(stdout, `/\nvisible\n${readFileSync(`/proc/${process.pid}/comm`, 'utf8')}`);
  // The old root is only out of sight: its mounts are there.
  const own = mountsOf('self').length;
  assert.ok(mountsOf(pid).length > own, 'all mounts of the host, and the new ones');
});

test('pivot_root: no mount of the host is left', async () => {
  const { pid } = await bed.up();
  const inside = mountsOf(pid);
  const allowed = new Set(['overlay', 'proc', 'sysfs', 'tmpfs', 'devpts', 'mqueue', 'cgroup2']);
  const foreign = inside.filter(
    ({ type, destination }) =>
      !allowed.has(type) &&
      !/^\/dev\/(null|zero|full|random|urandom|tty)$/.test(destination) &&
      !/^\/(proc|sys)\//.test(destination),
  );
  assert.deepEqual(foreign, []);
  assert.equal(inside.find(({ destination }) => destination === '/')?.type, 'overlay');
  // Not hidden either: nothing is mounted below or above that leads out.
  const { stdout } = await bed.exec(
    (await bed.helper.ask(protocol.ListContainers)).find(({ init }) => init?.pid === pid)?.id ?? '',
    'cd ..; cd ../../..; pwd; ls -d /work /lost+found 2>/dev/null',
  );
  assert.equal(stdout, '/\n');
});

test('the output of one command, its two streams apart, and its status, as the attach client gets them', async () => {
  const run = (script: string) => bed.helper.request(protocol.RunContainer, { specification: bed.script(script) });
  const { attach } = await run('echo out; echo err >&2; exit 42');
  assert.deepEqual(await readToEnd(attach), { stdout: 'out\n', stderr: 'err\n', exitCode: 42 });
  // The kernel keeps PID 1 from its own signals, as from those of others inside.
  assert.equal((await readToEnd((await run('kill -TERM $$; kill -KILL $$; exit 5')).attach)).exitCode, 5);
});

test('an end by a signal is told as one', async () => {
  const { id } = await bed.up();
  const process = { args: ['sleep', '60'] };
  const session = await bed.helper.request(protocol.ExecInContainer, { container: id, process });
  await bed.helper.request(protocol.KillContainer, { container: id, pid: session.identity.pid, signal: 'USR1' });
  assert.equal((await readToEnd(session.attach)).exitCode, 128 + 10);
  await bed.helper.request(protocol.KillContainer, { container: id });
  const { exit } = await bed.helper.request(protocol.WaitContainer, { container: id });
  assert.deepEqual([exit?.exitCode, exit?.signal, exit?.oomKilled], [137, 9, false]);
});

test('what is written to a root that is not kept, or not writable, goes nowhere', async () => {
  const inMemory = await bed.shell('echo kept > /etc/motd; cat /etc/motd', { writable: 'tmpfs' });
  assert.equal(inMemory, 'kept\n');
  const none = await bed.helper.runToEnd(bed.script('echo x > /etc/motd', { writable: 'none' }));
  assert.match(none.stderr, /Read-only file system/);
  assert.notEqual(none.exit.exitCode, 0);
  assert.ok(!existsSync(path.join(bed.rootFolder, 'etc/motd')));
});

test('a removed container leaves no file behind', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'mkdir -p /a/b && chmod 0 /a/b && echo x > /tmp/x && chown 1000 /tmp/x; true');
  const folder = path.join(bed.home.data, 'containers', id);
  assert.ok(existsSync(folder));
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  assert.ok(!existsSync(folder));
});

test('owners of an image are kept where a range is mapped, and noted where not', async () => {
  const folder = path.join(bed.home.folder, 'owned');
  mkdirSync(folder);
  const file = path.join(bed.home.folder, 'owned.tar');
  writeFileSync(path.join(folder, 'hers'), 'x');
  execFileSync('tar', ['-C', folder, '--owner=:1000', '--group=:1000', '-cf', file, 'hers']);
  execFileSync('tar', ['-C', bed.rootFolder, '--owner=:0', '--group=:0', '-rf', file, 'bin', 'etc']);
  const { notes } = await bed.helper.request(protocol.ImportImage, { file, name: 'owned' });
  const owner = await bed.shell('stat -c %u:%g /hers', { root: { kind: 'image', name: 'owned' } });
  const { identity } = await bed.helper.request(protocol.InspectContainer, { container: (await bed.up()).id });
  if (identity.mapping === 'range') assert.deepEqual([owner, notes], ['1000:1000\n', []]);
  else {
    assert.equal(owner, '0:0\n');
    assert.match(notes.join('\n'), /owner/);
  }
});
