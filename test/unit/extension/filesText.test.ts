import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { presentFile, presentMore } from '../../../extension/files/fileText.js';
import { isFolder, isRegular, pageSize, pagesFor, sortEntries } from '../../../extension/files/listing.js';
import { pathChoices, typedPath } from '../../../extension/files/pathCompletion.js';
import { transferIncrement, transferResultText, transferText } from '../../../extension/files/transferText.js';
import type { FileEntry } from '../../../helper/protocol/index.js';

const entry = (more: Partial<FileEntry> = {}): FileEntry => ({
  name: 'hosts',
  kind: 'file',
  size: 2048,
  mode: 0o644,
  uid: 0,
  gid: 0,
  hostUid: 1500,
  hostGid: 1500,
  user: 'root',
  group: 'root',
  mtime: 0,
  ctime: 0,
  links: 1,
  ...more,
});

describe('a file in the tree', () => {
  it('shows size, mode and owner', () => {
    const shown = presentFile(entry(), '/etc/hosts', true);
    assert.equal(shown.label, 'hosts');
    assert.equal(shown.description, '2 KiB · -rw-r--r-- · root');
    assert.equal(shown.contextValue, 'entry.file.writable');
    assert.match(shown.tooltip ?? '', /^\/etc\/hosts\n/);
    assert.match(shown.tooltip ?? '', /2048 bytes[\s\S]*\(644\)[\s\S]*inside: root \(0\)[\s\S]*this machine: 1500/);
    assert.equal(shown.icon, undefined, 'left to the icon theme');
  });

  it('shows owners by number where the root has no name for them', () => {
    const { user: _user, group: _group, ...nameless } = entry({ uid: 65534, gid: 7 });
    assert.match(presentFile(nameless, '/x', true).description ?? '', /65534:7$/);
  });

  it('shows where a link leads, and that it leads nowhere', () => {
    const link = { kind: 'symlink', mode: 0o777, target: 'usr/bin' } as const;
    const good = presentFile(entry({ ...link, targetKind: 'directory' }), '/bin', true);
    assert.equal(good.description, '→ usr/bin · root');
    assert.equal(good.contextValue, 'entry.folder.link.writable');
    const broken = presentFile(entry(link), '/bin', true);
    assert.match(broken.tooltip ?? '', /leads to nothing/);
    assert.equal(broken.contextValue, 'entry.special.link.writable');
    assert.notEqual(good.icon?.id, broken.icon?.id);
  });

  it('tells of capabilities and mounts, and offers no change where none can be made', () => {
    const shown = presentFile(entry({ capabilities: 'cap_net_raw=ep', mountPoint: true, mode: 0o4755 }), '/x', false);
    assert.match(shown.description ?? '', /-rwsr-xr-x · root · mount · capabilities$/);
    assert.match(shown.tooltip ?? '', /File capabilities: cap_net_raw=ep\nSomething is mounted here/);
    assert.equal(shown.contextValue, 'entry.file.capabilities');
    const hinted = presentFile(entry({ capabilities: 'cap_net_raw=ep' }), '/x', true, ['They give nothing.']);
    assert.match(hinted.tooltip ?? '', /File capabilities: cap_net_raw=ep\nThey give nothing\./);
  });

  it('has an icon of its own for each kind that no icon theme knows', () => {
    const kinds = ['fifo', 'socket', 'character', 'block', 'symlink'] as const;
    const icons = kinds.map((kind) => presentFile(entry({ kind }), '/x', true).icon?.id);
    assert.equal(new Set(icons).size, kinds.length);
    assert.ok(icons.every((icon) => icon !== undefined));
  });

  it('is text, whatever its name, owner and target are', () => {
    const hostile = 'a\u202E\n\x1b]0;x\x07$(flame)[x](command:y)';
    const shown = presentFile(
      entry({ name: hostile, kind: 'symlink', target: hostile, user: hostile, group: hostile }),
      `/${hostile}`,
      true,
    );
    for (const text of [shown.label, shown.description, shown.accessibleLabel, ...(shown.tooltip ?? '').split('\n')]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
      assert.doesNotMatch(text ?? '', /[\x00-\x1f\x7f\u202e]/);
    }
  });

  it('is one of many behind a line that counts the rest', () => {
    assert.equal(presentMore(1000, 10_000).label, '9000 more…');
  });
});

describe('a listing', () => {
  it('has folders first, links to folders with them, then by name with numbers as numbers', () => {
    const entries = [
      entry({ name: 'b10' }),
      entry({ name: 'b9' }),
      entry({ name: 'lib', kind: 'symlink', targetKind: 'directory' }),
      entry({ name: 'etc', kind: 'directory' }),
      entry({ name: 'a', kind: 'symlink', targetKind: 'file' }),
    ];
    assert.deepEqual(
      sortEntries(entries).map(({ name }) => name),
      ['etc', 'lib', 'a', 'b9', 'b10'],
    );
    assert.deepEqual(entries.map(isFolder), [false, false, true, true, false]);
    assert.deepEqual(entries.map(isRegular), [true, true, false, false, true]);
  });

  it('sorts 10,000 entries well within a frame or two', () => {
    const entries = Array.from({ length: 10_000 }, (_, index) => entry({ name: `file-${(index * 7919) % 10_000}` }));
    const start = performance.now();
    const sorted = sortEntries(entries);
    assert.equal(sorted[9999]?.name, 'file-9999');
    assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
  });

  it('is drawn as far as an entry', () => {
    assert.deepEqual([0, pageSize - 1, pageSize, 9 * pageSize].map(pagesFor), [1, 1, 2, 10]);
  });
});

describe('a path that is typed', () => {
  it('is a folder and the beginning of a name', () => {
    assert.deepEqual(typedPath('/etc/ho'), { folder: '/etc', prefix: 'ho' });
    assert.deepEqual(typedPath('/etc/'), { folder: '/etc', prefix: '' });
    assert.deepEqual(typedPath('/'), { folder: '/', prefix: '' });
    assert.deepEqual(typedPath('etc'), { folder: '/', prefix: 'etc' });
    assert.deepEqual(typedPath('/usr/../etc/x'), { folder: '/etc', prefix: 'x' });
    assert.deepEqual(typedPath(''), { folder: '/', prefix: '' });
  });

  const entries = [
    entry({ name: 'hosts' }),
    entry({ name: 'hosts.allow' }),
    entry({ name: 'Hostname' }),
    entry({ name: 'hooks', kind: 'directory' }),
    entry({ name: '.hidden' }),
  ];
  it('is completed in any case, what was typed exactly first', () => {
    const paths = pathChoices('/etc/hosts', entries).map(({ path }) => path);
    assert.deepEqual(paths, ['/etc/hosts', '/etc/hosts.allow']);
    assert.deepEqual(
      pathChoices('/etc/ho', entries).map(({ label }) => label),
      ['hooks/', 'Hostname', 'hosts', 'hosts.allow'],
    );
  });

  it('offers the folder itself, and hidden files only when a point was typed', () => {
    const all = pathChoices('/etc/', entries).map(({ path }) => path);
    assert.equal(all[0], '/etc');
    assert.ok(!all.includes('/etc/.hidden'));
    assert.deepEqual(
      pathChoices('/etc/.', entries).map(({ path }) => path),
      ['/etc/.hidden'],
    );
  });
});

describe('a transfer', () => {
  it('tells how far it is', () => {
    const at = (doneBytes: number, totalBytes: number) => ({
      phase: 'copy' as const,
      doneBytes,
      totalBytes,
      entries: 1,
    });
    assert.equal(transferText(at(1024, 4096)), '1 KiB of 4 KiB, 1 entry');
    assert.equal(transferText(at(1024, 0)), '1 KiB, 1 entry');
    assert.equal(transferIncrement(at(1024, 4096), at(2048, 4096)), 25);
    assert.equal(transferIncrement(undefined, at(1, 0)), 0);
    assert.equal(transferIncrement(at(4096, 4096), at(1024, 4096)), 0);
    assert.equal(transferResultText({ files: 2, bytes: 1024, notes: [] }), '2 files, 1 KiB');
  });
});
