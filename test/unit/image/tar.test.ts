import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown } from '../../../helper/image/failure.js';
import type { TarEntry } from '../../../helper/image/tar/entry.js';
import { parsePaxNumber, parsePaxRecords, parsePaxTime } from '../../../helper/image/tar/pax.js';
import { TarReader } from '../../../helper/image/tar/reader.js';
import { SparseContent } from '../../../helper/image/tar/sparse.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { entry, header, padded, paxArchive, record, withChecksum } from '../../kernel/image/rawTar.js';

interface Read extends TarEntry {
  content: string;
}

/** Reads an archive that arrives in pieces of a given size. */
function read(archive: Buffer, piece = archive.length): Read[] {
  const entries: Read[] = [];
  let current: Read | undefined;
  const reader = new TarReader({
    begin: (begun) => {
      assert.equal(current, undefined, 'one entry ends before the next begins');
      current = { ...begun, content: '' };
    },
    data: (bytes) => {
      if (current) current.content += bytes.toString('latin1');
    },
    end: () => {
      if (current) entries.push(current);
      current = undefined;
    },
  });
  for (let at = 0; at < archive.length; at += piece) reader.push(archive.subarray(at, at + piece));
  reader.end();
  return entries;
}

test('however an archive is cut into pieces, the same entries come out', () => {
  const archive = paxArchive([
    { name: 'etc/', type: '5', mode: 0o1777 },
    { name: 'etc/empty' },
    { name: 'etc/text', content: 'x'.repeat(1000), uid: 5, gid: 6 },
    {
      name: 'x',
      pax: { path: 'ő'.repeat(100), 'SCHILY.xattr.user.a': Buffer.from([0xff, 0, 0x0a]) },
      content: 'y'.repeat(512),
    },
    { name: 'link', type: '2', link: 'etc' },
  ]);
  const whole = read(archive);
  assert.deepEqual(
    whole.map(({ type }) => type),
    ['directory', 'file', 'file', 'file', 'symlink'],
  );
  assert.equal(whole[0]?.mode, 0o1777);
  assert.deepEqual([whole[2]?.uid, whole[2]?.gid, whole[2]?.content.length], [5, 6, 1000]);
  assert.equal(whole[3]?.path.toString(), 'ő'.repeat(100));
  assert.deepEqual(whole[3]?.xattrs.get('user.a'), Buffer.from([0xff, 0, 0x0a]));
  for (const piece of [1, 7, 511, 512, 513, 1024]) assert.deepEqual(read(archive, piece), whole, `pieces of ${piece}`);
});

test('what a pax header says counts for the next entry only', () => {
  const [one, two] = read(paxArchive([{ name: 'a', pax: { path: 'b', uid: '70000' } }, { name: 'c' }]));
  assert.deepEqual([one?.path.toString(), one?.uid], ['b', 70000]);
  assert.deepEqual([two?.path.toString(), two?.uid], ['c', 0]);
});

test('a global pax header counts for all that follow, but names none of them', () => {
  const records = Buffer.concat([
    record('path', 'all'),
    record('size', '5'),
    record('gid', '7'),
    record('comment', 'x'),
  ]);
  const archive = Buffer.concat([
    header({ name: 'g', type: 'g', content: records }),
    padded(records),
    paxArchive([{ name: 'a' }, { name: 'b' }]),
  ]);
  assert.deepEqual(
    read(archive).map(({ path, gid, size }) => [path.toString(), gid, size]),
    [
      ['a', 7, 0],
      ['b', 7, 0],
    ],
  );
});

test('GNU long names and links', () => {
  const long = 'n'.repeat(300);
  const archive = Buffer.concat([
    entry({ name: '././@LongLink', type: 'K', content: `${long}link\0` }),
    entry({ name: '././@LongLink', type: 'L', content: `${long}\0` }),
    paxArchive([{ name: 'short', type: '2', link: 'short' }, { name: 'next' }]),
  ]);
  assert.deepEqual(
    read(archive).map(({ path, linkPath }) => [path.toString(), linkPath.toString()]),
    [
      [long, `${long}link`],
      ['next', ''],
    ],
  );
});

test('a long path whose beginning in the header ends with a slash is still the path of a file with content', () => {
  const cut = 'd/'.repeat(50);
  const path = `${cut}file`;
  const archive = Buffer.concat([
    entry({ name: '././@LongLink', type: 'L', content: `${path}\0` }),
    entry({ name: cut, content: 'gnu' }),
    paxArchive([{ name: cut, pax: { path }, content: 'pax' }, { name: cut }]),
  ]);
  assert.deepEqual(
    read(archive).map((one) => [one.type, one.path.toString(), one.content]),
    [
      ['file', path, 'gnu'],
      ['file', path, 'pax'],
      ['directory', cut, ''],
    ],
  );
});

test('links have no content, whatever size they claim', () => {
  const archive = Buffer.concat([
    header({ name: 'link', type: '1', link: 'a', size: 512 }),
    paxArchive([{ name: 'next' }]),
  ]);
  assert.deepEqual(
    read(archive).map(({ path }) => path.toString()),
    ['link', 'next'],
  );
});

test('types that are unknown are read over', () => {
  const read3 = read(paxArchive([{ name: 'a' }, { name: 'b', type: 'Q', content: 'xyz' }, { name: 'c' }]));
  assert.deepEqual(
    read3.map(({ type }) => type),
    ['file', 'unknown', 'file'],
  );
});

test('an archive without end marker is cut off; one with a single zero block is not', () => {
  const whole = paxArchive([{ name: 'a', content: 'x' }]);
  assert.throws(() => read(whole.subarray(0, 1024)), /cut off/);
  assert.throws(() => read(whole.subarray(0, 700)), /cut off/);
  assert.equal(read(whole.subarray(0, 1536)).length, 1);
});

test('every damaged bit of a header is noticed', () => {
  const archive = paxArchive([{ name: 'ok' }, { name: 'file', content: 'x' }]);
  for (let at = 512; at < 1024; at += 13) {
    const damaged = Buffer.from(archive);
    damaged[at] = (damaged[at] ?? 0) ^ 0x04;
    assert.throws(() => read(damaged), /damaged/, `byte ${at}`);
  }
});

test('numbers in base 256 are read, absurd ones refused', () => {
  const base256 = (value: bigint) => {
    const block = header({ name: 'a' });
    block.fill(0, 108, 116);
    block[108] = 0x80;
    block.writeBigUInt64BE(value, 108);
    block[108] = 0x80;
    return Buffer.concat([withChecksum(block), Buffer.alloc(1024)]);
  };
  assert.equal(read(base256(4_000_000_000n))[0]?.uid, 4_000_000_000);
  assert.throws(() => read(base256(2n ** 55n)), /damaged/);
});

test('pax records are read by their length: values may hold newlines and NUL', () => {
  const value = Buffer.from('a\n20 path=elsewhere\0\n');
  const records = parsePaxRecords(Buffer.concat([record('one', value), record('path', 'here')]));
  assert.deepEqual(records.get('one'), value);
  assert.equal(records.get('path')?.toString(), 'here');
  for (const bad of ['8 path=a\n', '99 path=a\n', 'x path=a\n', '-9 path=a\n', '8 patha\n', '10 path=abc']) {
    assert.throws(() => parsePaxRecords(Buffer.from(bad)), /wrong length/, bad);
  }
});

test('pax times keep nanoseconds', () => {
  assert.equal(parsePaxTime('981173106.123456789'), 981173106123456789n);
  assert.equal(parsePaxTime('-1.5'), -1500000000n);
  assert.equal(parsePaxTime('7'), 7000000000n);
  assert.equal(parsePaxTime('0.0000000019'), 1n);
  for (const bad of ['', 'x', '1e5', '1.2.3', '0x10']) assert.throws(() => parsePaxTime(bad), /not a time/, bad);
});

test('pax numbers are digits', () => {
  assert.equal(parsePaxNumber('size', '8589934592'), 8589934592);
  for (const bad of ['-1', '1.5', '', ' 1', '1e3', '0x1', '99999999999999999']) {
    assert.throws(() => parsePaxNumber('size', bad), /not a valid size/, bad);
  }
});

test('names are shown escaped and cut', () => {
  assert.equal(shown(Buffer.from('a\x1b[31m"\n')), '"a\\u001b[31m\\"\\n"');
  assert.ok(shown(Buffer.alloc(5000, 'x')).length < 210);
});

test('the map of a sparse file is read once, however its bytes are cut', { timeout: 30_000 }, () => {
  const pieces = 10_000;
  const map = Buffer.from(`${[pieces, ...Array.from({ length: pieces }, (_, at) => `${at * 4}\n1`)].join('\n')}\n`);
  const stored = Buffer.concat([map, Buffer.alloc((512 - (map.length % 512)) % 512), Buffer.alloc(pieces, 'x')]);
  for (const size of [1, 511, stored.length]) {
    const content = new SparseContent(pieces * 4);
    const written = Buffer.alloc(pieces * 4);
    for (let at = 0; at < stored.length; at += size) {
      content.place(stored.subarray(at, at + size), (bytes, offset) => bytes.copy(written, offset));
    }
    content.end();
    assert.equal(written.equals(Buffer.from('x\0\0\0'.repeat(pieces))), true, `${size} bytes at a time`);
  }
  const endless = new SparseContent(1);
  assert.throws(() => endless.place(Buffer.alloc(100, '1'), () => assert.fail('content')), {
    code: ErrorCode.BadInput,
  });
});
