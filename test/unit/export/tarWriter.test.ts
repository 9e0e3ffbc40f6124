import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeHeader, endOfTar, padding, type TarEntryHeader } from '../../../helper/export/tarWriter.js';
import type { TarEntry } from '../../../helper/image/tar/entry.js';
import { TarReader } from '../../../helper/image/tar/reader.js';

const plain: TarEntryHeader = { type: 'File', path: 'a', mode: 0o644, uid: 0, gid: 0, size: 0, mtimeNs: 0n };

/** What our reader makes of an entry. */
function read(entry: Partial<TarEntryHeader>, content = Buffer.alloc(0)): TarEntry {
  const entries: TarEntry[] = [];
  const reader = new TarReader({ begin: (one) => entries.push(one), data: () => undefined, end: () => undefined });
  const header = encodeHeader({ ...plain, size: content.length, ...entry });
  reader.push(Buffer.concat([header, content, padding(content.length), endOfTar]));
  reader.end();
  assert.equal(entries.length, 1);
  return entries[0] as TarEntry;
}

test('an entry that ustar has room for is one block', () => {
  const header = encodeHeader({
    ...plain,
    path: 'etc/passwd',
    mode: 0o4755,
    uid: 1000,
    gid: 5,
    mtimeNs: 1_600_000_000_000_000_000n,
  });
  assert.equal(header.length, 512);
  // Neither names of owners nor other times: nothing but what is said above.
  assert.ok(header.subarray(265, 329).every((byte) => byte === 0));
  const entry = read({ path: 'etc/passwd', mode: 0o4755, uid: 1000, gid: 5, mtimeNs: 1_600_000_000_000_000_000n });
  assert.deepEqual(
    [entry.type, String(entry.path), entry.mode, entry.uid, entry.gid, entry.modified],
    ['file', 'etc/passwd', 0o4755, 1000, 5, 1_600_000_000_000_000_000n],
  );
});

for (const [what, entry] of Object.entries({
  'a long name': { path: `${'d/'.repeat(200)}${'n'.repeat(255)}` },
  'a name of 100 bytes': { path: 'x'.repeat(100) },
  'a name of 99 bytes': { path: 'x'.repeat(99) },
  'bytes that are no UTF-8': { path: '\xff\xfe\x01 \x80' },
  'a line feed and an equals sign': { path: '9 path=x\n10 path=y\n' },
} satisfies Record<string, Partial<TarEntryHeader>>)) {
  test(`${what} comes back as it was`, () => {
    assert.equal(read(entry).path.toString('latin1'), entry.path);
    const link = read({ type: 'SymbolicLink', linkPath: entry.path });
    assert.equal(link.linkPath.toString('latin1'), entry.path);
  });
}

for (const mtimeNs of [
  0n,
  1n,
  999_999_999n,
  -1n,
  -1_500_000_000n,
  1_600_000_000_123_456_789n,
  253_402_300_799_000_000_000n,
]) {
  test(`the time ${mtimeNs} ns comes back as it was`, () => {
    assert.equal(read({ mtimeNs }).modified, mtimeNs);
  });
}

test('large owners and sizes come back as they were', () => {
  const { uid, gid } = read({ uid: 0xfffffffe, gid: 2_097_152 });
  assert.deepEqual([uid, gid], [0xfffffffe, 2_097_152]);
  const entries: TarEntry[] = [];
  const reader = new TarReader({ begin: (one) => entries.push(one), data: () => undefined, end: () => undefined });
  reader.push(encodeHeader({ ...plain, size: 2 ** 40 + 1 }));
  assert.equal(entries[0]?.size, 2 ** 40 + 1);
});

test('attributes are bytes, in the order given', () => {
  const xattrs = new Map([
    ['security.capability', Buffer.from([1, 0, 0, 2, 0x0a, 0, 0xff])],
    ['user.x', Buffer.from('a=b\n12 path=c\n')],
  ]);
  assert.deepEqual(read({ xattrs }).xattrs, xattrs);
});

test('lengths of records count their own digits', () => {
  for (let size = 80; size < 1010; size++) {
    const path = 'é'.repeat(size);
    assert.equal(read({ path }).path.length, size);
  }
});

test('every type is read as what it is', () => {
  const types = (['File', 'Directory', 'SymbolicLink', 'Link', 'FIFO'] as const).map(
    (type) => read({ type, ...(type.endsWith('Link') ? { linkPath: 'x' } : {}) }).type,
  );
  assert.deepEqual(types, ['file', 'directory', 'symlink', 'hardlink', 'fifo']);
});
