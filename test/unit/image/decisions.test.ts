import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectCompression } from '../../../helper/image/compression.js';
import { entryComponents } from '../../../helper/image/entryPath.js';
import { xattrDecision } from '../../../helper/image/entryXattrs.js';
import { explained } from '../../../helper/image/failure.js';
import { Notes } from '../../../helper/image/notes.js';
import { type OwnerRights, ownerFor, parseRanges } from '../../../helper/image/owners.js';
import { defaultQuota, Quota } from '../../../helper/image/quota.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';

test('compression is told by how the content begins', () => {
  assert.equal(detectCompression(Buffer.from([0x1f, 0x8b, 8])), 'gzip');
  assert.equal(detectCompression(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])), 'xz');
  assert.equal(detectCompression(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])), 'zstd');
  assert.equal(detectCompression(Buffer.from('etc/passwd')), 'none');
  assert.equal(detectCompression(Buffer.from([0x1f])), 'none');
  assert.equal(detectCompression(Buffer.from('BZh91AY')), 'bzip2');
  assert.throws(() => detectCompression(Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1')), /7-Zip/);
});

test('names of entries become components below the root', () => {
  const of = (name: string) => entryComponents(Buffer.from(name, 'latin1'));
  assert.deepEqual(of('./etc//passwd'), ['etc', 'passwd']);
  assert.deepEqual(of('/etc/'), ['etc']);
  assert.deepEqual(of('./'), []);
  assert.deepEqual(of('..a/...'), ['..a', '...']);
  assert.deepEqual(of('\xe9'), ['\xe9']);
  for (const bad of ['', '..', '../a', 'a/..', 'a/../b', '/..', 'a\0b', 'n'.repeat(256), 'd/'.repeat(2048)]) {
    assert.throws(() => of(bad), { code: ErrorCode.BadInput }, bad.slice(0, 20));
  }
  assert.equal(of('n'.repeat(255)).length, 1);
  // A whiteout of the longest name is longer than any name.
  assert.equal(of(`.wh.${'n'.repeat(255)}`).length, 1);
  assert.throws(() => of(`.wh.${'n'.repeat(256)}`), { code: ErrorCode.BadInput });
  assert.throws(() => of(`.wh.${'n'.repeat(255)}/a`), { code: ErrorCode.BadInput });
});

const range: OwnerRights = {
  chown: true,
  uids: parseRanges('         0       1500          1\n         1     100000      65536\n'),
  gids: parseRanges('         0       1500          1\n         1     100000      1000\n'),
  uid: 0,
  gid: 0,
};

test('owners are kept where their ids exist, and otherwise become those of whoever unpacks', () => {
  assert.deepEqual(ownerFor(1000, 1000, range), { uid: 1000, gid: 1000, flattened: false });
  assert.deepEqual(ownerFor(65536, 0, range), { uid: 65536, gid: 0, flattened: false });
  assert.deepEqual(ownerFor(65537, 0, range), { uid: 0, gid: 0, flattened: true });
  assert.deepEqual(ownerFor(1000, 1001, range), { uid: 1000, gid: 0, flattened: true });
  const unable = { ...range, chown: false, uid: 1500, gid: 1500 };
  assert.deepEqual(ownerFor(0, 0, unable), { uid: 1500, gid: 1500, flattened: false });
  assert.deepEqual(ownerFor(8, 0, unable), { uid: 1500, gid: 1500, flattened: true });
});

test('of extended attributes those are kept that do nothing to the host', () => {
  assert.equal(xattrDecision('user.note'), 'keep');
  assert.equal(xattrDecision('security.capability'), 'capabilities');
  assert.equal(xattrDecision('user.overlay.opaque'), 'overlay');
  for (const name of ['security.selinux', 'trusted.overlay.opaque', 'system.posix_acl_access', 'user']) {
    assert.equal(xattrDecision(name), 'drop', name);
  }
});

test('the quota leaves a reserve, and counts what is claimed before it is written', () => {
  const gibibyte = 2 ** 30;
  assert.equal(defaultQuota(100 * gibibyte).bytes, 99 * gibibyte);
  assert.equal(defaultQuota(gibibyte).bytes, 0.9 * gibibyte);
  const limits = { bytes: 1000, entries: 2, folders: 1, ratio: 10, ratioFrom: 500 };
  const quota = new Quota(limits, () => 60);
  quota.claimBytes(1000);
  quota.addWritten(600);
  assert.throws(() => quota.addWritten(1), { code: ErrorCode.BadInput, message: /more than 10 times/ });
  const roomy = new Quota(limits, () => 1000);
  roomy.addWritten(1000);
  roomy.claimBytes(1000);
  assert.throws(() => roomy.claimBytes(1), { code: ErrorCode.Unavailable });
  quota.addEntry();
  quota.addEntry();
  assert.throws(() => quota.addEntry(), { code: ErrorCode.BadInput });
  quota.addFolder();
  assert.throws(() => quota.addFolder(), { code: ErrorCode.BadInput });
});

test('notes count by kind, with one example each', () => {
  const notes = new Notes();
  assert.deepEqual(notes.list(), []);
  notes.add('devices', '"dev/null"');
  assert.match(notes.list()[0] ?? '', /^1 entry \("dev\/null"\) left out: device nodes/);
  notes.add('devices', '"dev/zero"');
  notes.add('owners', '"etc"');
  assert.match(notes.list()[0] ?? '', /^2 entries \("dev\/null"…\)/);
  assert.equal(notes.list().length, 2);
});

test('a full disk is said to be one; what is no system error passes unchanged', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  const told = explained(full, 'unpack "a"', '/x') as {
    code: number;
    message: string;
    data: { errno: string; path: string };
  };
  assert.equal(told.code, ErrorCode.Unavailable);
  assert.match(told.message, /^Cannot unpack "a": the disk is full$/);
  assert.deepEqual([told.data.errno, told.data.path], ['ENOSPC', '/x']);
  const other = new TypeError('x');
  assert.equal(explained(other, 'y'), other);
});
