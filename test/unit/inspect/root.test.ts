import assert from 'node:assert/strict';
import { chmodSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { layeredRoot } from '../../../helper/inspect/root.js';
import { findShell } from '../../../helper/inspect/shell.js';
import { readUserDatabase, resolveUser } from '../../../helper/inspect/user.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { mknodat } from '../../../native/bindings/at.js';
import { AT_FDCWD } from '../../../native/bindings/openat2.js';
import { setXattr } from '../../../native/bindings/xattr.js';

type Tree = { [name: string]: string | Tree | { link: string } | 'whiteout' };

/** Layers made of nested objects, top first. */
function makeLayers(t: TestContext, ...trees: Tree[]): string[] {
  const base = mkdtempSync(path.join(tmpdir(), 'terrarium-layers-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  writeFileSync(path.join(base, 'canary'), 'outside');
  return trees.map((tree, index) => {
    const folder = path.join(base, String(index));
    fill(folder, tree);
    return folder;
  });
}

function fill(folder: string, tree: Tree): void {
  mkdirSync(folder);
  for (const [name, value] of Object.entries(tree)) {
    const at = path.join(folder, name);
    if (value === 'whiteout') {
      mknodat(AT_FDCWD, at, constants.S_IFCHR);
    } else if (typeof value === 'string') {
      writeFileSync(at, value);
    } else if (typeof value.link === 'string') {
      symlinkSync(value.link, at);
    } else {
      fill(at, value as Tree);
    }
  }
}

const read = async (layers: string[], file: string) => (await layeredRoot(layers).readFile(file, 1000))?.toString();

test('the topmost layer that has a name decides; folders are merged', async (t) => {
  const layers = makeLayers(
    t,
    { etc: { top: 'T', both: 'from the top' }, file: { inside: 'a folder over a file' }, gone: 'whiteout' },
    {
      etc: { bottom: 'B', both: 'from below', hidden: 'whiteout' },
      file: 'a file',
      gone: { x: 'X' },
      over: 'file over folder',
    },
    { etc: { hidden: 'H' }, file: { below: 'not merged past a file' }, over: { x: 'X' }, deep: { a: { b: 'deep' } } },
  );
  assert.equal(await read(layers, '/etc/top'), 'T');
  assert.equal(await read(layers, 'etc/./bottom'), 'B');
  assert.equal(await read(layers, '/etc/both'), 'from the top');
  assert.equal(await read(layers, '/etc/hidden'), undefined);
  assert.equal(await read(layers, '/gone/x'), undefined);
  assert.equal(await read(layers, '/file/inside'), 'a folder over a file');
  assert.equal(await read(layers, '/file/below'), undefined);
  assert.equal(await read(layers, '/over'), 'file over folder');
  assert.equal(await read(layers, '/over/x'), undefined);
  assert.equal(await read(layers, '/deep/../deep/a/b'), 'deep');
  assert.equal((await layeredRoot(layers).stat('/'))?.isDirectory(), true);
});

test('an opaque folder hides what is below it', async (t) => {
  const layers = makeLayers(t, { etc: { new: 'N' } }, { etc: { old: 'O' } });
  assert.equal(await read(layers, '/etc/old'), 'O');
  setXattr(path.join(layers[0] ?? '', 'etc'), 'user.overlay.opaque', Buffer.from('y'));
  assert.equal(await read(layers, '/etc/old'), undefined);
  assert.equal(await read(layers, '/etc/new'), 'N');
});

test('an empty file with the mark of a whiteout, in a folder that may hold such, hides what is below', async (t) => {
  const layers = makeLayers(t, { etc: { old: '', kept: '' } }, { etc: { old: 'O', kept: 'K' } });
  const [top = ''] = layers;
  setXattr(path.join(top, 'etc/old'), 'user.overlay.whiteout', Buffer.from('y'));
  assert.equal(await read(layers, '/etc/old'), '', 'without the mark of its folder it is a file');
  setXattr(path.join(top, 'etc'), 'user.overlay.opaque', Buffer.from('x'));
  assert.equal(await read(layers, '/etc/old'), undefined);
  assert.equal(await read(layers, '/etc/kept'), '');
});

test('an opaque root hides the layers below it', async (t) => {
  const layers = makeLayers(t, { new: 'N' }, { old: 'O' });
  assert.equal(await read(layers, '/old'), 'O');
  setXattr(layers[0] ?? '', 'user.overlay.opaque', Buffer.from('y'));
  assert.equal(await read(layers, '/old'), undefined);
  assert.equal(await read(layers, '/new'), 'N');
});

test('names of links need not be UTF-8', async (t) => {
  const [layer = ''] = makeLayers(t, { to: {} });
  const name = Buffer.from([0x66, 0xfc, 0x72]);
  writeFileSync(Buffer.concat([Buffer.from(`${layer}/to/`), name]), 'found');
  symlinkSync(Buffer.concat([Buffer.from('to/'), name]), path.join(layer, 'link'));
  assert.equal(await read([layer], '/link'), 'found');
});

test('no descriptor is left open, whatever a look finds', async (t) => {
  const layers = makeLayers(
    t,
    { folder: { deep: { file: 'F' } }, loop: { link: 'loop' } },
    { folder: { deep: { other: 'O' } } },
  );
  const closed = path.join(layers[1] ?? '', 'folder');
  const open = () => readdirSync('/proc/self/fd').length;
  // The first look may open what stays open, such as a library.
  await read(layers, '/folder/deep/file');
  const before = open();
  // A layer that we may not look into: of the folders above it some are open by then.
  chmodSync(closed, 0o000);
  try {
    for (const file of ['/folder/deep/file', '/folder/none', '/folder/deep', '/loop', '/folder/deep/file/x']) {
      await read(layers, file).catch((error: unknown) => {
        assert.equal((error as { code?: unknown }).code, ErrorCode.BadInput);
      });
      assert.equal(open(), before, file);
    }
  } finally {
    chmodSync(closed, 0o755);
  }
});

test('links stay inside, through all layers', async (t) => {
  const layers = makeLayers(
    t,
    {
      absolute: { link: '/etc/file' },
      climbing: { link: '../../../../canary' },
      escape: { link: '/../../canary' },
      folder: { link: 'etc' },
      loop: { link: 'loop' },
      outside: { link: '/proc/self/exe' },
    },
    { etc: { file: 'F', back: { link: '../absolute' } }, canary: 'inside' },
  );
  assert.equal(await read(layers, '/absolute'), 'F');
  assert.equal(await read(layers, '/folder/back'), 'F');
  assert.equal(await read(layers, '/climbing'), 'inside');
  assert.equal(await read(layers, '/escape'), 'inside');
  assert.equal(await read(layers, '/folder/../canary'), 'inside');
  assert.equal(await read(layers, '/outside'), undefined);
  await assert.rejects(read(layers, '/loop'), {
    code: ErrorCode.BadInput,
    data: { errno: 'ELOOP', path: '/loop', syscall: 'open' },
  });
});

test('only regular files of bounded size are read, and a FIFO is not opened', async (t) => {
  const [layer = ''] = makeLayers(t, { etc: { passwd: 'x'.repeat(1001), group: { a: 'b' } } });
  mknodat(AT_FDCWD, path.join(layer, 'fifo'), constants.S_IFIFO | 0o666);
  for (const file of ['/etc/passwd', '/etc/group', '/fifo']) {
    await assert.rejects(read([layer], file), { code: ErrorCode.BadInput, message: new RegExp(file) });
  }
  await assert.rejects(readUserDatabase(layeredRoot([layer])), { code: ErrorCode.BadInput });
  writeFileSync(path.join(layer, 'etc/passwd'), 'x'.repeat(1000));
  assert.equal((await read([layer], '/etc/passwd'))?.length, 1000);
  writeFileSync(path.join(layer, 'etc/empty'), '');
  assert.equal(await read([layer], '/etc/empty'), '');
});

test('files that the kernel makes up are not read', async () => {
  await assert.rejects(read(['/'], '/proc/version'), { code: ErrorCode.BadInput });
});

test('a user of a root', async (t) => {
  const layers = makeLayers(
    t,
    { etc: { passwd: 'eve:x:5:6::/home/eve:/bin/ash\n' } },
    { etc: { passwd: 'old:x:1:1::/:/\n', group: 'games:x:60:eve\n' } },
  );
  const user = await resolveUser('eve', layeredRoot(layers));
  assert.deepEqual([user.uid, user.gid, user.additionalGids, user.shell], [5, 6, [60], '/bin/ash']);
  await assert.rejects(resolveUser('old', layeredRoot(layers)), { code: ErrorCode.NotFound });
});

test('the best shell that is there', async (t) => {
  const [layer = ''] = makeLayers(t, {
    bin: { busybox: '', sh: { link: '/bin/busybox' }, fish: '', nologin: '' },
    usr: { bin: {} },
  });
  const root = layeredRoot([layer]);
  const install = (...names: string[]) => {
    for (const name of names) {
      writeFileSync(path.join(layer, name), '');
      chmodSync(path.join(layer, name), 0o755);
    }
  };
  await assert.rejects(findShell(root), { code: ErrorCode.NotFound });
  install('bin/busybox');
  assert.deepEqual(await findShell(root), ['/bin/sh']);
  rmSync(path.join(layer, 'bin/sh'));
  assert.deepEqual(await findShell(root), ['/bin/busybox', 'sh']);
  install('usr/bin/zsh');
  assert.deepEqual(await findShell(root), ['/usr/bin/zsh']);
  install('usr/bin/bash', 'bin/fish', 'bin/nologin');
  assert.deepEqual(await findShell(root), ['/usr/bin/bash']);
  assert.deepEqual(await findShell(root, '/bin/fish'), ['/bin/fish']);
  for (const refused of ['/bin/nologin', '/bin/gone', 'bin/fish', '']) {
    assert.deepEqual(await findShell(root, refused), ['/usr/bin/bash'], refused);
  }
});
