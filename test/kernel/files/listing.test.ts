import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { packRoot } from '../support/root.js';
import { listing, statInside } from './inside.js';

const bed = new Bed();
const isRange = () => process.env.TERRARIUM_TEST_IDENTITY === 'range';

const oneOfEach = `
  mkdir -p /srv/all && cd /srv/all && echo content > file && chmod 4751 file && ln file again
  mkdir -m 1777 folder && mkfifo -m 640 pipe && ln -s file link && ln -s /nowhere dangling && ln -s ../all/folder up
  ln -s /proc/self/root/etc magic`;

test('a folder shows what stat shows inside, while the container runs and when it is stopped', async () => {
  const { id } = await bed.up();
  const made = await bed.exec(id, oneOfEach);
  assert.equal(made.exitCode, 0, made.stderr);
  if (isRange()) assert.equal((await bed.exec(id, 'chown 1000:10 /srv/all/folder')).exitCode, 0);
  const truth = await statInside(bed, id, '/srv/all');
  const running = await listing(bed, { kind: 'container', container: id }, '/srv/all');
  assert.deepEqual(running.lines, truth);
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  const stopped = await listing(bed, { kind: 'container', container: id }, '/srv/all');
  assert.deepEqual(stopped.lines, truth);
  assert.equal(stopped.content.readOnly, undefined);
  const byName = new Map(stopped.content.entries.map((entry) => [entry.name, entry]));
  assert.deepEqual(
    ['link', 'dangling', 'up', 'magic'].map((name) => [byName.get(name)?.target, byName.get(name)?.targetKind]),
    [
      ['file', 'file'],
      ['/nowhere', undefined],
      ['../all/folder', 'directory'],
      ['/proc/self/root/etc', undefined],
    ],
  );
});

test('owners are told as the container and as this machine see them, with names of the root', async () => {
  const { id } = await bed.up();
  await bed.exec(id, `touch /srv-root; ${isRange() ? 'touch /of-alice; chown alice:wheel /of-alice' : ':'}`);
  const { entries } = await bed.helper.request(protocol.ListFiles, {
    root: { kind: 'container', container: id },
    path: '/',
  });
  const root = entries.find(({ name }) => name === 'srv-root');
  assert.deepEqual([root?.uid, root?.user, root?.gid, root?.group], [0, 'root', 0, 'root']);
  assert.deepEqual([root?.hostUid, root?.hostGid], [process.getuid?.(), process.getgid?.()]);
  if (!isRange()) return;
  const alice = entries.find(({ name }) => name === 'of-alice');
  assert.deepEqual([alice?.uid, alice?.user, alice?.gid, alice?.group], [1000, 'alice', 10, 'wheel']);
  // Read on this machine, from the upper layer.
  const upper = statSync(path.join(bed.home.data, 'containers', id, 'upper/of-alice'));
  assert.deepEqual([alice?.hostUid, alice?.hostGid], [upper.uid, upper.gid]);
});

test('file capabilities are shown as getcap shows them, with where they count, and go with a write', async (t) => {
  if (!existsSync('/usr/sbin/setcap')) return t.skip('setcap (libcap2-bin) is not installed');
  const mounts = [{ type: 'volume', source: 'programs', destination: '/srv/bound' }];
  const { id } = await bed.helper.run({ args: [], mounts });
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const script =
    'cp /usr/bin/true /srv/p && /usr/sbin/setcap cap_net_raw,cap_net_bind_service=ep /srv/p && /usr/sbin/getcap /srv/p';
  const { stdout, stderr, exitCode } = await bed.exec(id, script);
  assert.equal(exitCode, 0, stderr);
  const entry = (file: string) => bed.helper.request(protocol.StatFile, { root, path: file, follow: true });
  const { capabilities, nosuid, capabilitiesRoot } = await entry('/srv/p');
  assert.equal(`/srv/p ${capabilities}\n`, stdout);
  assert.deepEqual([nosuid, capabilitiesRoot], [undefined, undefined]);

  // Through a link: whose mount it is, is the file's to say. In a listing as well as alone.
  const bound =
    'cp /usr/bin/true /srv/bound/p && /usr/sbin/setcap cap_net_raw=ep /srv/bound/p && ln -s bound /srv/link';
  assert.equal((await bed.exec(id, bound)).exitCode, 0);
  assert.equal((await entry('/srv/link/p')).nosuid, true);
  const { entries } = await bed.helper.request(protocol.ListFiles, { root, path: '/srv/bound' });
  assert.deepEqual(
    entries.map((one) => [one.name, one.nosuid]),
    [['p', true]],
  );
  // Another root than ours, where there is one.
  const other = await bed.exec(id, 'cp /usr/bin/true /srv/o && /usr/sbin/setcap -n 1000 cap_net_raw=ep /srv/o');
  if (other.exitCode === 0) assert.equal((await entry('/srv/o')).capabilitiesRoot, 1000);

  const written = await bed.helper.request(protocol.WriteFile, {
    root,
    path: '/srv/p',
    data: '',
    create: false,
    overwrite: true,
  });
  assert.equal(written.capabilities, undefined);
  assert.equal((await bed.exec(id, '/usr/sbin/getcap /srv/p')).stdout, '');
});

test('mount points are shown', async () => {
  const source = path.join(bed.home.folder, 'mounted');
  mkdirSync(source);
  const { id } = await bed.up({ mounts: [{ destination: '/mnt/host', source, type: 'bind', options: ['ro'] }] });
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const { entries } = await bed.helper.request(protocol.ListFiles, { root, path: '/mnt' });
  assert.deepEqual(
    entries.map(({ name, mountPoint }) => [name, mountPoint]),
    [['host', true]],
  );
  const { readOnly } = await bed.helper.request(protocol.ListFiles, { root, path: '/mnt/host' });
  assert.match(readOnly ?? '', /read-only/);
  assert.equal((await bed.helper.request(protocol.StatFile, { root, path: '/proc' })).mountPoint, true);
  assert.equal((await bed.helper.request(protocol.StatFile, { root, path: '/bin' })).mountPoint, undefined);
});

test('an image, and what a container was made from, show no change of the container', async () => {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'base.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'base' });
  const { id } = await bed.up({ root: { kind: 'image', name: 'base' } });
  await bed.exec(id, 'echo changed > /etc/passwd; touch /etc/new; rm /etc/group');
  const roots: protocol.FileRoot[] = [
    { kind: 'base', container: id },
    { kind: 'image', name: 'base' },
  ];
  for (const root of roots) {
    const { entries, readOnly } = await bed.helper.request(protocol.ListFiles, { root, path: '/etc' });
    assert.deepEqual(entries.map(({ name }) => name).sort(), ['group', 'passwd']);
    assert.notEqual(readOnly, undefined);
    const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/etc/passwd' });
    assert.match(Buffer.from(data, 'base64').toString(), /^root:x:0:0:/);
    await assert.rejects(bed.helper.request(protocol.CreateFolder, { root, path: '/etc/no' }), (error: unknown) => {
      assert.equal((error as { data: protocol.ErrorData }).data.errno, 'EROFS');
      return true;
    });
  }
});

test('an image with one static binary and nothing else is shown', async () => {
  const only = path.join(bed.home.folder, 'only');
  mkdirSync(only);
  writeFileSync(path.join(only, 'program'), '\x7fELF', { mode: 0o755 });
  symlinkSync('program', path.join(only, 'alias'));
  const { id } = await bed.helper.request(protocol.CreateContainer, {
    specification: { root: { kind: 'directory', path: only }, args: ['/program'] },
  });
  const { entries } = await bed.helper.request(protocol.ListFiles, {
    root: { kind: 'container', container: id },
    path: '/',
  });
  const program = entries.find(({ name }) => name === 'program');
  assert.deepEqual([program?.kind, program?.size, program?.mode], ['file', 4, 0o755]);
  assert.equal(entries.find(({ name }) => name === 'alias')?.targetKind, 'file');
});

test('the root of this machine is shown as the container sees it', async () => {
  const { id } = await bed.helper.run({ args: [] });
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const names = async () =>
    (await bed.helper.request(protocol.ListFiles, { root, path: '/' })).entries.map(({ name }) => name).sort();
  const running = await names();
  assert.ok(running.includes('usr') && running.includes('etc'), running.join(' '));
  await bed.helper.request(protocol.WriteFile, {
    root,
    path: '/etc/made',
    data: 'aGk=',
    create: true,
    overwrite: false,
  });
  assert.equal((await bed.exec(id, 'cat /etc/made')).stdout, 'hi');
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  assert.deepEqual(await names(), running);
  // Without its layer, and read-only.
  const base: protocol.FileRoot = { kind: 'base', container: id };
  const { entries, readOnly } = await bed.helper.request(protocol.ListFiles, { root: base, path: '/etc' });
  assert.ok(entries.some(({ name }) => name === 'passwd') && !entries.some(({ name }) => name === 'made'));
  assert.match(readOnly ?? '', /was made from/);
  const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/etc/made' });
  assert.equal(Buffer.from(data, 'base64').toString(), 'hi');
});

// How long it takes is measured by bench/listing.ts.
test('a folder of 10,000 entries is listed whole', async () => {
  const folder = path.join(bed.rootFolder, 'many');
  mkdirSync(folder);
  for (let number = 0; number < 10_000; number++) writeFileSync(path.join(folder, `file-${number}`), '');
  const { id } = await bed.up();
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const { entries } = await bed.helper.request(protocol.ListFiles, { root, path: '/many' });
  assert.equal(new Set(entries.map(({ name }) => name)).size, 10_000);
});

test('names that are no UTF-8, or have line feeds and marks of direction, are shown', async () => {
  const { id } = await bed.up();
  await bed.exec(
    id,
    `mkdir /odd; cd /odd; touch "$(printf 'a\\nb')" "$(printf '\\377x')" "$(printf 'e\\342\\200\\256f')" ...`,
  );
  const { entries } = await bed.helper.request(protocol.ListFiles, {
    root: { kind: 'container', container: id },
    path: '/odd',
  });
  assert.deepEqual(entries.map(({ name }) => name).sort(), ['...', 'a\nb', 'e\u202ef', '\ufffdx']);
});
