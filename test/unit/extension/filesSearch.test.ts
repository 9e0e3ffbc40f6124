import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Found, searchFiles } from '../../../extension/files/searchFiles.js';
import { hitsIn, searchPattern } from '../../../extension/files/searchText.js';
import type { FileEntry } from '../../../helper/protocol/index.js';

describe('a search', () => {
  it('takes text as it is typed, and distinguishes case only with capital letters', () => {
    assert.deepEqual(
      hitsIn('a.b\nA.B\naxb', searchPattern('a.b')).map(({ line }) => line),
      [0, 1],
    );
    assert.deepEqual(
      hitsIn('a.b\nA.B', searchPattern('A.B')).map(({ line }) => line),
      [1],
    );
    assert.equal(hitsIn('x (y) [z] {1} $|^*+?\\', searchPattern('(y) [z] {1} $|^*+?\\')).length, 1);
  });

  it('takes what stands between slashes for an expression', () => {
    assert.deepEqual(hitsIn('root:x:0:0\nlp:x:7:7', searchPattern('/^\\w+:x:0/')), [
      { line: 0, column: 0, length: 8, text: 'root:x:0:0' },
    ]);
    assert.throws(() => searchPattern('/(/'), SyntaxError);
    assert.equal(hitsIn('a/b', searchPattern('a/b')).length, 1);
  });

  it('leaves out lines that nobody wrote, and stops at many in one file', () => {
    assert.equal(hitsIn('x'.repeat(2001), searchPattern('x')).length, 0);
    assert.equal(hitsIn('x\n'.repeat(10_000), searchPattern('x')).length, 20);
    assert.equal(hitsIn('abc', searchPattern('/x*/')).length, 0, 'nothing found is no hit');
  });
});

describe('a search in folders', () => {
  const texts: Record<string, string> = {
    '/etc/motd': 'glass\n',
    '/etc/deep/glass.conf': 'none',
    '/etc/program': '\0glass',
    '/proc/glass': 'glass',
  };
  const rest = { mode: 0o644, uid: 0, gid: 0, hostUid: 0, hostGid: 0, mtime: 0, ctime: 0, links: 1 };
  const entry = (name: string, kind: FileEntry['kind'], size = 10): FileEntry => ({ ...rest, name, kind, size });
  const folders: Record<string, FileEntry[]> = {
    '/': [entry('etc', 'directory'), entry('proc', 'directory'), entry('locked', 'directory')],
    '/etc': [
      entry('deep', 'directory'),
      entry('motd', 'file'),
      entry('program', 'file'),
      entry('glass-link', 'symlink'),
      entry('huge', 'file', 2 ** 30),
      entry('fifo', 'fifo'),
    ],
    '/etc/deep': [entry('glass.conf', 'file')],
    '/proc': [entry('glass', 'file')],
  };
  const asked: string[] = [];
  const files = {
    list: async (folder: string) => {
      const content = folders[folder];
      if (!content) throw new Error(`${folder} cannot be listed`);
      return content;
    },
    read: async (file: string) => {
      asked.push(file);
      return Buffer.from(texts[file] ?? '');
    },
  };
  const all = async (start: string, most = Number.POSITIVE_INFINITY): Promise<Found[]> => {
    const found: Found[] = [];
    await searchFiles(files, start, searchPattern('glass'), (more) => {
      found.push(...more);
      return found.length < most;
    });
    return found;
  };

  it('finds names and lines of text, and says what it could not look into', async () => {
    const found = await all('/');
    assert.deepEqual(found.map(({ path, hit, problem }) => [path, hit?.line, problem !== undefined]).sort(), [
      ['/etc/deep/glass.conf', undefined, false],
      ['/etc/glass-link', undefined, false],
      ['/etc/motd', 0, false],
      ['/locked', undefined, true],
    ]);
    assert.deepEqual(asked.sort(), ['/etc/deep/glass.conf', '/etc/motd', '/etc/program'], 'nothing large or special');
  });

  it('looks into what the kernel makes up when it is asked to', async () => {
    assert.equal((await all('/proc')).length, 2);
  });

  it('stops when there is enough, and fails where it cannot begin', async () => {
    assert.ok((await all('/', 1)).length < 4);
    await assert.rejects(all('/locked'), /cannot be listed/);
  });
});
