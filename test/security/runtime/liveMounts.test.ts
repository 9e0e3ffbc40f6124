/** What comes to be mounted in a running container, and where, when links are laid for it or another one moves its ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { AddMount, type oci, RemoveMount, type TerrariumError } from '../../../helper/protocol/index.js';
import { busyboxRoot } from '../../kernel/stage/zygote.js';
import { Canary } from './canary.js';
import { parseMountinfo } from './mounts.js';
import { perl, systemCall } from './perl.js';
import { makeFolders, Product, pidOf, until, workFolder } from './product.js';

test('a source that another container flips with a link never shows what the link is to', async (t) => {
  const product = await Product.start(t);
  const folder = workFolder(t);
  const [shared, secret] = [path.join(folder, 'shared'), path.join(folder, 'secret')];
  for (const made of [path.join(shared, 'data/deep'), path.join(secret, 'deep')]) mkdirSync(made, { recursive: true });
  writeFileSync(path.join(shared, 'data/deep/file'), 'harmless');
  // Where a link leads, a mount of a folder that has no such name inside would fail: it has one, so that it would not.
  writeFileSync(path.join(secret, 'deep/file'), 'secret');
  const victim = await product.up({});
  const racer = await product.up({
    args: perl(
      `symlink '${secret}', '/shared/link' or die; print "ready\\n";
       while (1) { rename '/shared/data', '/shared/was'; rename '/shared/link', '/shared/data';
         select undef, undef, undef, 0.0005; rename '/shared/data', '/shared/link'; rename '/shared/was', '/shared/data';
         select undef, undef, undef, 0.0005 }`,
    ),
    mounts: [{ destination: '/shared', source: shared, type: 'bind', options: ['rw'] }],
  });
  await until('it races', async () => (await product.logs(racer.id)).startsWith('ready'));
  const seen = { refused: 0, harmless: 0, settled: 0 };
  const mount = { type: 'bind', source: path.join(shared, 'data/deep'), destination: '/mine', options: ['ro'] };
  for (let i = 0; i < 200 && (seen.refused === 0 || seen.harmless === 0); i++) {
    try {
      const made = await product.client.sendRequest(AddMount, { container: victim.id, mount });
      // The helper takes a link that is there when it is asked as meant, as at the making of a container.
      if (made?.root.includes('/secret/') === true) seen.settled++;
      else {
        assert.equal(await product.exec(victim.id, { args: ['/bin/cat', '/mine/file'] }), 'harmless');
        seen.harmless++;
      }
      await product.client.sendRequest(RemoveMount, { container: victim.id, destination: '/mine' });
    } catch (error) {
      assert.match((error as TerrariumError).message, /cloneMount .* failed with E(LOOP|NOENT)/);
      if ((error as TerrariumError).data?.errno === 'ELOOP') seen.refused++;
    }
  }
  assert.ok(seen.refused > 0 && seen.harmless > 0, `control: the race was on: ${JSON.stringify(seen)}`);
});

test('destinations through links of the image, and through links of /proc, stay inside', async (t) => {
  const product = await Product.start(t);
  const folder = workFolder(t);
  makeFolders(folder, 'outside', 'source');
  writeFileSync(path.join(folder, 'source/file'), '');
  const canary = new Canary(path.join(folder, 'outside'));
  const root = busyboxRoot(folder);
  const links = {
    data: canary.folder,
    up: '../../../../../../../..',
    loop: 'loop',
    file: path.join(canary.folder, 'file'),
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(root, name));
  symlinkSync('/proc/1/root/tmp', path.join(root, 'magic'));
  const { id, init } = await product.up({ root: { kind: 'directory', path: root }, args: [] });
  const pid = pidOf(init);
  const before = canary.look();
  const source = path.join(folder, 'source');
  const add = (mount: oci.Mount) => product.client.sendRequest(AddMount, { container: id, mount });
  for (const destination of ['/data/bound', `/up${canary.folder}/bound`, '/up/data/../bound']) {
    const made = [
      await add({ source, destination, type: 'bind' }),
      await add({ source: path.join(source, 'file'), destination: `${destination}-file`, type: 'bind' }),
      await add({ destination: `${destination}-memory`, type: 'tmpfs' }),
    ];
    for (const mount of made) assert.ok(parseMountinfo(pid).some((one) => one.destination === mount?.destination));
  }
  // A file of the machine's name that the link leads to is made inside, in the container's layer.
  const over = await add({ source: path.join(source, 'file'), destination: '/file', type: 'bind' });
  assert.equal(over?.destination, path.join(canary.folder, 'file'));
  const count = parseMountinfo(pid).length;
  for (const destination of ['/loop/x', '/magic/x', '/magic', '/proc/self/cwd/x', '/proc/1/root/tmp/x']) {
    await assert.rejects(add({ source, destination, type: 'bind' }), (error: TerrariumError) => {
      assert.match(error.message, /attachMount .* failed with E|nothing is mounted over \/proc/);
      return true;
    });
  }
  assert.equal(parseMountinfo(pid).length, count);
  assert.equal(canary.look(), before);
  // Control: who joins the path of the container's root with the destination is led out.
  await product.send([{ kind: 'makeDirectory', path: `/proc/${pid}/root/data/bound`, mode: 0o755 }]);
  assert.notEqual(canary.look(), before, 'control');
});

test('CVE-2021-30465: a destination that is flipped while things are mounted', async (t) => {
  const product = await Product.start(t);
  const folder = workFolder(t);
  makeFolders(folder, 'outside', 'source', 'shared/x');
  const canary = new Canary(path.join(folder, 'outside'));
  symlinkSync(canary.folder, path.join(folder, 'shared/link'));
  const { id, init } = await product.up({
    root: { kind: 'directory', path: busyboxRoot(folder) },
    args: [],
    mounts: [{ source: path.join(folder, 'shared'), destination: '/vol' }],
  });
  const pid = pidOf(init);
  const flip = `my ($x, $link) = ('x', 'link'); syscall(${systemCall('renameat2')}, -100, $x, -100, $link, 2) == 0 or die $! while 1;`;
  const flipper = spawn('/usr/bin/perl', ['-e', flip], { cwd: path.join(folder, 'shared'), stdio: 'ignore' });
  await once(flipper, 'spawn');
  const before = canary.look();
  const seen = { made: 0, refused: 0 };
  try {
    for (let i = 0; i < 60; i++) {
      const mount =
        i % 2 === 0
          ? { source: path.join(folder, 'source'), destination: `/vol/x/bound-${i}`, type: 'bind' }
          : { destination: `/vol/x/memory-${i}`, type: 'tmpfs' };
      try {
        await product.client.sendRequest(AddMount, { container: id, mount });
        seen.made++;
      } catch (error) {
        assert.match((error as TerrariumError).message, /attachMount .* failed with E/);
        seen.refused++;
      }
    }
    assert.equal(canary.look(), before);
    assert.ok(seen.made > 0, JSON.stringify(seen));
    assert.equal(flipper.exitCode, null, 'control: it flipped to the end');
    // Control: the same destination, found by joining paths.
    await until('who joins paths is fooled', async () => {
      const fooled = `/proc/${pid}/root/vol/x/fooled`;
      await product.send([{ kind: 'makeDirectory', path: fooled, mode: 0o755, tolerate: 'any' }]);
      return canary.look() !== before;
    });
  } finally {
    flipper.kill('SIGKILL');
  }
});
