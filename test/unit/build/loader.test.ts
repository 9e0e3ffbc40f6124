import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { HostFiles } from '../../../helper/build/hostFiles.js';
import { Loader } from '../../../helper/build/loader.js';
import { parseLoaderCache, writeLoaderCache } from '../../../helper/build/loaderCache.js';
import { type ElfContent, makeElf, makeTree, type Tree } from './makeElf.js';

const interpreter = '/lib64/ld-linux-x86-64.so.2';

/** Paths of the libraries of `/bin/x` in a machine of these files, in order; what is missing with a question mark. */
async function librariesOf(t: TestContext, tree: Tree, program: ElfContent): Promise<string[]> {
  const files = new HostFiles(makeTree(t, { ...tree, 'bin/x': makeElf({ interpreter, ...program }) }));
  const loader = new Loader(files);
  const elf = await loader.elfAt('/bin/x');
  assert.ok(elf !== undefined && elf.machine !== 'other');
  const { libraries, missing } = await loader.load({ path: '/bin/x', elf });
  return [...libraries.map((library) => library.path), ...missing.map(({ name }) => `${name}?`)];
}

const plain = makeElf();
const needs = (...needed: string[]) => makeElf({ needed });
const flags = 0x0303;

describe('libraries are looked for', () => {
  test('in the default folders, breadth first, each once', async (t) => {
    const tree = {
      'lib/x86_64-linux-gnu/liba.so': needs('libc.so', 'libd.so'),
      'usr/lib/libb.so': needs('liba.so'),
      'lib/libc.so': plain,
      'usr/lib64/libd.so': plain,
    };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so', 'libb.so', 'none.so'] }), [
      '/lib/x86_64-linux-gnu/liba.so',
      '/usr/lib/libb.so',
      '/lib/libc.so',
      '/usr/lib64/libd.so',
      'none.so?',
    ]);
  });

  test('by RPATH, for the needs of libraries too', async (t) => {
    const tree = { 'opt/liba.so': needs('libb.so'), 'opt/libb.so': plain, 'lib/libb.so': plain };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so'], rpath: '/none:/opt/' }), [
      '/opt/liba.so',
      '/opt/libb.so',
    ]);
  });

  test('by RUNPATH, for the needs of the object itself alone', async (t) => {
    const tree = { 'opt/liba.so': needs('libb.so'), 'opt/libb.so': plain, 'lib/libb.so': plain };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so'], runpath: '/opt' }), [
      '/opt/liba.so',
      '/lib/libb.so',
    ]);
  });

  test('not by the RPATH of those above, where there is a RUNPATH', async (t) => {
    const tree = {
      'opt/liba.so': makeElf({ needed: ['libb.so'], runpath: '/srv' }),
      'opt/libb.so': plain,
      'srv/libb.so': plain,
    };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so'], rpath: '/opt' }), [
      '/opt/liba.so',
      '/srv/libb.so',
    ]);
  });

  test('from where the object was found: $ORIGIN, links not followed; $LIB, $PLATFORM', async (t) => {
    const tree = {
      'app/lib/liba.so': { link: '../../store/liba.so' },
      'store/liba.so': makeElf({ needed: ['libb.so'], runpath: `\${ORIGIN}/more` }),
      'app/lib/more/libb.so': plain,
      'app/x86_64/libp.so': plain,
      'lib64/libc.so.6': plain,
      'app/lib64/libl.so': plain,
    };
    const runpath = '$ORIGIN/../app/lib:/app/$PLATFORM:/app/$LIB:relative:$ORIGINAL';
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so', 'libp.so', 'libl.so'], runpath }), [
      '/bin/../app/lib/liba.so',
      '/app/x86_64/libp.so',
      '/app/lib64/libl.so',
      '/bin/../app/lib/more/libb.so',
    ]);
  });

  test('by path when there is a slash in the name', async (t) => {
    const tree = { 'opt/liba.so': plain, 'bin/libr.so': plain };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['/opt/liba.so', '$ORIGIN/libr.so', './libr.so'] }), [
      '/opt/liba.so',
      '/bin/libr.so',
      './libr.so?',
    ]);
  });

  test('in the cache of the loader, for this machine, the plain one first', async (t) => {
    const entry = (name: string, path: string, kind = flags) => ({ name, path, flags: kind });
    const cache = writeLoaderCache([
      entry('libb.so', '/opt/32/libb.so', 3),
      entry('libb.so', '/gone/libb.so'),
      entry('libb.so', '/opt/libb.so'),
      entry('liba.so', '/lib/liba.so'),
    ]);
    const tree = {
      'etc/ld.so.cache': cache,
      'opt/libb.so': plain,
      'opt/32/libb.so': plain,
      'lib/liba.so': plain,
      'lib/libb.so': plain,
    };
    const needed = ['liba.so', 'libb.so'];
    assert.deepEqual(await librariesOf(t, tree, { needed }), ['/lib/liba.so', '/opt/libb.so']);
    // -z nodeflib: neither the default folders nor what the cache has of them.
    assert.deepEqual(await librariesOf(t, tree, { needed, noDefaultFolders: true }), ['/opt/libb.so', 'liba.so?']);
  });

  test('past those for other machines, and in folders for better processors last', async (t) => {
    const tree = {
      'lib/x86_64-linux-gnu/liba.so': makeElf({ machine: 183 }),
      'usr/lib/liba.so': plain,
      'usr/lib/glibc-hwcaps/x86-64-v3/liba.so': plain,
      'usr/lib/glibc-hwcaps/x86-64-v3/libb.so': plain,
      'lib/text.so': 'INPUT(liba.so)',
    };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['liba.so', 'libb.so', 'text.so'] }), [
      '/usr/lib/liba.so',
      '/usr/lib/glibc-hwcaps/x86-64-v3/libb.so',
      'text.so?',
    ]);
  });

  test('the loader itself is there already, by its soname', async (t) => {
    const tree = { 'lib64/ld-linux-x86-64.so.2': makeElf({ soname: 'ld-linux-x86-64.so.2' }), 'lib/liba.so': plain };
    assert.deepEqual(await librariesOf(t, tree, { needed: ['ld-linux-x86-64.so.2', 'liba.so'] }), ['/lib/liba.so']);
  });

  test('by musl’s rules where that is the loader', async (t) => {
    const tree = {
      'etc/ld-musl-x86_64.path': '/opt/lib\n/srv/lib\n',
      'etc/ld.so.cache': writeLoaderCache([{ name: 'libb.so', path: '/lib/libb.so', flags }]),
      'opt/lib/liba.so': needs('libb.so'),
      'srv/lib/libb.so': plain,
      'app/libr.so': needs('libs.so'),
      'app/libs.so': plain,
      'lib/libb.so': plain,
    };
    const program = {
      interpreter: '/lib/ld-musl-x86_64.so.1',
      needed: ['liba.so', 'libc.musl-x86_64.so.1', 'libr.so'],
      runpath: '/app',
    };
    assert.deepEqual(await librariesOf(t, tree, program), [
      '/opt/lib/liba.so',
      '/app/libr.so',
      '/srv/lib/libb.so',
      '/app/libs.so',
    ]);
  });
});

describe('the loader’s cache', () => {
  const libraries = [
    { name: 'libb.so.1', path: '/lib/libb.so.1', flags },
    { name: 'liba.so.1', path: '/opt/liba.so.1', flags },
  ];
  const cache = writeLoaderCache(libraries);

  test('is read as it is written', () => assert.deepEqual(parseLoaderCache(cache), libraries));

  test('is read behind the format that precedes it', () => {
    const old = Buffer.alloc(16 + 3 * 12);
    old.write('ld.so-1.7.0', 'latin1');
    old.writeUInt32LE(3, 12);
    assert.deepEqual(parseLoaderCache(Buffer.concat([old, Buffer.alloc(4), cache])), libraries);
  });

  test('knows folders for better processors', () => {
    const extended = Buffer.concat([cache, Buffer.alloc(8 + 16 + 4), Buffer.from('x86-64-v3\0')]);
    const at = cache.length;
    extended.writeUInt32LE(at, 32);
    extended.writeUInt32LE(0xeaa42174, at);
    extended.writeUInt32LE(1, at + 4);
    extended.writeUInt32LE(1, at + 8);
    extended.writeUInt32LE(at + 24, at + 16);
    extended.writeUInt32LE(4, at + 20);
    extended.writeUInt32LE(at + 28, at + 24);
    extended.writeBigUInt64LE(1n << 62n, 48 + 24 + 16);
    assert.deepEqual(parseLoaderCache(extended), [libraries[0], { ...libraries[1], subfolder: 'x86-64-v3' }]);
  });

  test('is nothing when it is damaged, wherever it is cut or changed', () => {
    assert.deepEqual(parseLoaderCache(Buffer.from('no cache')), []);
    for (let length = 0; length < cache.length; length++) {
      assert.ok(parseLoaderCache(cache.subarray(0, length)).length < libraries.length, String(length));
    }
    for (let at = 20; at < cache.length; at++) {
      const changed = Buffer.from(cache);
      changed[at] = 0xff;
      assert.ok(parseLoaderCache(changed).length <= libraries.length);
    }
  });
});
