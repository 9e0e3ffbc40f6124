import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { list } from 'tar';
import { collect } from '../../../helper/build/collect.js';
import { HostFiles } from '../../../helper/build/hostFiles.js';
import { writeLoaderCache } from '../../../helper/build/loaderCache.js';
import { packFiles } from '../../../helper/build/pack.js';
import { programFolders } from '../../../helper/build/programs.js';
import { parseScript } from '../../../helper/build/script.js';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/errors.js';
import type { BuildExtra } from '../../../helper/protocol/images.js';
import { makeElf, makeTree, type Tree } from './makeElf.js';

const interpreter = '/lib64/ld-linux-x86-64.so.2';
const program = (...needed: string[]) => makeElf({ interpreter, needed });

/** A machine with a merged /usr. */
const machine: Tree = {
  bin: { link: 'usr/bin' },
  lib: { link: 'usr/lib' },
  lib64: { link: 'usr/lib64' },
  'usr/lib64/ld-linux-x86-64.so.2': { link: '../lib/x86_64-linux-gnu/ld.so' },
  'usr/lib/x86_64-linux-gnu/ld.so': makeElf({ soname: 'ld-linux-x86-64.so.2' }),
  'usr/lib/x86_64-linux-gnu/libc.so.6': makeElf(),
  'usr/lib/x86_64-linux-gnu/libgcc_s.so.1': makeElf({ needed: ['libc.so.6'] }),
  'usr/bin/bash': program('libc.so.6'),
  'usr/bin/env': program('libc.so.6'),
  'usr/bin/cat': program('libc.so.6'),
};

function collectIn(t: TestContext, tree: Tree, programs: string[], extras: BuildExtra[] = []) {
  const files = new HostFiles(makeTree(t, { ...machine, ...tree }));
  const folders = programFolders(undefined);
  return collect(files, { programs, extras, folders, language: 'C.UTF-8' });
}

const paths = async (...args: Parameters<typeof collectIn>) =>
  (await collectIn(...args)).files.map((file) => file.path);

async function refused(work: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: TerrariumError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

describe('what programs need', () => {
  test('comes at the paths it has here, with links and folders on the way, and nothing else', async (t) => {
    const { files, command, notes } = await collectIn(t, {}, ['bash']);
    assert.deepEqual(
      files.filter(({ kind }) => kind !== 'folder').map((file) => [file.path, file.kind === 'link' ? file.target : '']),
      [
        ['/bin', 'usr/bin'],
        ['/lib', 'usr/lib'],
        ['/lib64', 'usr/lib64'],
        ['/usr/bin/bash', ''],
        ['/usr/lib/x86_64-linux-gnu/ld.so', ''],
        ['/usr/lib/x86_64-linux-gnu/libc.so.6', ''],
        ['/usr/lib/x86_64-linux-gnu/libgcc_s.so.1', ''],
        ['/usr/lib64/ld-linux-x86-64.so.2', '../lib/x86_64-linux-gnu/ld.so'],
      ],
    );
    assert.deepEqual([command, notes], ['/usr/bin/bash', []]);
    for (const { path: file, why } of files) assert.ok(why.length > 5, file);
  });

  test('has the interpreters of scripts, those of scripts too, and what env looks for', async (t) => {
    const tree = {
      'usr/bin/tool': '#!/usr/bin/env -S VAR=1 wrapped -u\n',
      'usr/bin/wrapped': '#! /bin/bash -e\n',
    };
    const found = await paths(t, tree, ['tool']);
    for (const file of ['/usr/bin/env', '/usr/bin/wrapped', '/usr/bin/bash']) assert.ok(found.includes(file), file);
    assert.ok(!found.includes('/usr/bin/cat'));
  });

  test('has every link of a chain', async (t) => {
    const tree = {
      'usr/bin/awk': { link: '/etc/alternatives/awk' },
      'etc/alternatives/awk': { link: '../../usr/bin/mawk' },
      'usr/bin/mawk': program(),
    };
    const found = await paths(t, tree, ['awk']);
    for (const file of ['/usr/bin/awk', '/etc/alternatives/awk', '/usr/bin/mawk'])
      assert.ok(found.includes(file), file);
  });

  test('has a cache of the loader with just what is there', async (t) => {
    const flags = 0x0303;
    const kept = { name: 'liba.so', path: '/opt/lib/liba.so', flags };
    const cache = writeLoaderCache([{ name: 'libz.so', path: '/opt/lib/libz.so', flags }, kept]);
    const tree = {
      'etc/ld.so.cache': cache,
      'opt/lib/liba.so': makeElf(),
      'opt/lib/libz.so': makeElf(),
      'usr/bin/x': program('liba.so'),
    };
    const { files } = await collectIn(t, tree, ['x']);
    const made = files.find((file) => file.path === '/etc/ld.so.cache');
    assert.deepEqual(made?.kind === 'made' && made.content, writeLoaderCache([kept]));
    assert.ok(!files.some((file) => file.path === '/opt/lib/libz.so'));
  });

  test('has the library of Python without what only developers need; a module that could not be loaded is noted', async (t) => {
    const tree = {
      'usr/bin/python3': { link: 'python3.11' },
      'usr/bin/python3.11': program('libc.so.6'),
      'usr/lib/python3.11/os.py': 'x',
      'usr/lib/python3.11/json/__init__.py': 'x',
      'usr/lib/python3.11/json/__pycache__/x.pyc': 'x',
      'usr/lib/python3.11/test/big.py': 'x',
      'usr/lib/python3.11/lib-dynload/_ssl.so': makeElf({ needed: ['libssl.so'] }),
      'usr/lib/python3.11/lib-dynload/_tk.so': makeElf({ needed: ['libtk.so'] }),
      'usr/lib/libssl.so': makeElf(),
    };
    const { files, notes } = await collectIn(t, tree, ['python3']);
    const found = files.map((file) => file.path);
    for (const file of ['os.py', 'json/__init__.py', 'lib-dynload/_ssl.so']) {
      assert.ok(found.includes(`/usr/lib/python3.11/${file}`), file);
    }
    assert.ok(found.includes('/usr/lib/libssl.so'));
    assert.ok(!found.some((file) => /__pycache__|\/test\/|_tk/.test(file)));
    assert.match(notes.join(), /_tk\.so was left out: libtk\.so/);
  });

  test('has the extras that were asked for, and accounts that are not this machine’s', async (t) => {
    const tree = {
      'etc/passwd': 'secret:x:1000:1000::/home/secret:/bin/sh\n',
      'usr/share/terminfo/x/xterm': 'x',
      'usr/share/terminfo/z/zoo': 'x',
      'etc/ssl/certs/one.pem': { link: '/usr/share/ca/one.crt' },
      'usr/share/ca/one.crt': 'x',
      'usr/lib/x86_64-linux-gnu/libnss_files.so.2': makeElf(),
    };
    const { files, notes } = await collectIn(t, tree, ['bash'], ['accounts', 'terminfo', 'certificates', 'locale']);
    const found = new Map(files.map((file) => [file.path, file]));
    const passwd = found.get('/etc/passwd');
    assert.match(
      passwd?.kind === 'made' ? passwd.content.toString() : '',
      /^root:x:0:0:root:\/root:\/usr\/bin\/bash\nnobody:/,
    );
    for (const file of [
      '/etc/group',
      '/usr/share/terminfo/x/xterm',
      '/etc/ssl/certs/one.pem',
      '/usr/share/ca/one.crt',
      '/usr/lib/x86_64-linux-gnu/libnss_files.so.2',
    ]) {
      assert.ok(found.has(file), file);
    }
    assert.ok(!found.has('/usr/share/terminfo/z/zoo'));
    assert.match(notes.join(), /nothing of what “locale”/);
  });
});

describe('what cannot be had is refused', () => {
  const cases: [string, Tree, string, ErrorCode, RegExp][] = [
    ['no such program', {}, 'none', ErrorCode.NotFound, /no program "none"/],
    ['no such path', {}, '/usr/bin/none', ErrorCode.NotFound, /no program/],
    ['what the kernel makes up', {}, '/proc/self/exe', ErrorCode.BadInput, /no program of this machine/],
    ['a relative path', {}, 'bin/bash', ErrorCode.Invalid, /absolute/],
    ['a folder', {}, '/usr/bin', ErrorCode.BadInput, /no program/],
    ['a library that is missing', { 'usr/bin/x': program('liby.so') }, 'x', ErrorCode.BadInput, /liby\.so is missing/],
    ['a loader that is missing', { 'usr/bin/x': makeElf({ interpreter: '/no' }) }, 'x', ErrorCode.BadInput, /loader/],
    ['another machine', { 'usr/bin/x': makeElf({ machine: 40 }) }, 'x', ErrorCode.BadInput, /ARM/],
    ['text', { 'usr/bin/x': 'echo hello\n' }, 'x', ErrorCode.BadInput, /cannot be executed/],
    ['an endless script', { 'usr/bin/x': '#!/usr/bin/x\n' }, 'x', ErrorCode.BadInput, /cannot be executed/],
    ['an interpreter that is missing', { 'usr/bin/x': '#!/bin/none\n' }, 'x', ErrorCode.NotFound, /\/bin\/none/],
    ['a link in a circle', { 'usr/bin/x': { link: 'y' }, 'usr/bin/y': { link: 'x' } }, 'x', ErrorCode.NotFound, /x/],
    ['a damaged file', { 'usr/bin/x': program('libc.so.6').subarray(0, 200) }, 'x', ErrorCode.BadInput, /ELF/],
  ];
  for (const [what, tree, name, code, message] of cases) {
    test(what, (t) => refused(collectIn(t, tree, [name]), code, message));
  }

  test('nothing at all, and programs for two machines', async (t) => {
    await refused(collectIn(t, {}, []), ErrorCode.Invalid, /No program/);
    const tree = { 'usr/bin/x': makeElf({ machine: 183 }) };
    await refused(collectIn(t, tree, ['bash', 'x']), ErrorCode.BadInput, /for aarch64, and others are for x86-64/);
  });
});

describe('a layer', () => {
  test('has the same bytes for the same files', async (t) => {
    const root = makeTree(t, machine);
    const files = () => new HostFiles(root);
    const collected = async () =>
      (await collect(files(), { programs: ['bash'], extras: ['accounts'], folders: ['/bin'], language: '' })).files;
    mkdirSync(path.join(root, 'out'));
    const first = await packFiles(files(), await collected(), path.join(root, 'out/1'));
    const second = await packFiles(files(), await collected(), path.join(root, 'out/2'));
    assert.deepEqual(first, second);
    assert.equal(readFileSync(path.join(root, 'out/1')).length, first.size);
    assert.equal(first.size % 512, 0);
  });

  test('has long and foreign names, and modes, owners and times as they are to be', async (t) => {
    const name = `srv/${'long/'.repeat(60)}ünïcode`;
    const root = makeTree(t, { [name]: 'content', out: { link: 'none' } });
    const entries = [
      { kind: 'folder', path: '/srv', mode: 0o1777, why: '' },
      { kind: 'link', path: '/link', target: 'x'.repeat(200), why: '' },
      { kind: 'copy', path: `/${name}`, mode: 0o4755, size: 7, modified: 1_700_000_000, why: '' },
    ] as const;
    const layer = path.join(root, 'layer.tar');
    await packFiles(new HostFiles(root), entries, layer);
    const seen: unknown[] = [];
    await list({
      file: layer,
      onReadEntry: ({ path: at, mode, uid, mtime, linkpath }) =>
        seen.push([at, mode, uid, mtime?.getTime(), linkpath ?? '']),
    });
    const time = 1_700_000_000_000;
    assert.deepEqual(seen, [
      ['srv/', 0o1777, 0, time, ''],
      ['link', 0o777, 0, time, 'x'.repeat(200)],
      [name, 0o4755, 0, time, ''],
    ]);
  });

  test('of files that change meanwhile is refused', async (t) => {
    const root = makeTree(t, { 'bin/x': 'short', out: { link: 'none' } });
    const entry = { kind: 'copy', path: '/bin/x', mode: 0o755, size: 100, modified: 0, why: '' } as const;
    await refused(
      packFiles(new HostFiles(root), [entry], path.join(root, 'layer')),
      ErrorCode.BadInput,
      /has changed while/,
    );
  });
});

test('the first line of a script is read as the kernel and env read it', () => {
  const lines: [string, ReturnType<typeof parseScript>][] = [
    ['#!/bin/sh', { interpreter: '/bin/sh' }],
    ['#! \t/bin/sh -e x\nmore', { interpreter: '/bin/sh' }],
    ['#!/usr/bin/env python3', { interpreter: '/usr/bin/env', program: 'python3' }],
    // One argument, as the kernel hands it on: env does not find that either.
    ['#!/usr/bin/env python3 -u', { interpreter: '/usr/bin/env', program: 'python3 -u' }],
    ['#!/usr/bin/env -S python3 -u', { interpreter: '/usr/bin/env', program: 'python3' }],
    ['#!/usr/bin/env -vS -u HOME A=1 perl', { interpreter: '/usr/bin/env', program: 'perl' }],
    ['#!/usr/bin/env -i', { interpreter: '/usr/bin/env' }],
    ['#!', undefined],
    ['echo', undefined],
    ['', undefined],
  ];
  for (const [line, expected] of lines) assert.deepEqual(parseScript(Buffer.from(line)), expected, line);
});
