import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlace } from '../../../cli/files.js';
import { fileFailure } from '../../../helper/files/failure.js';
import { holderPlan } from '../../../helper/files/holder.js';
import { splitPath } from '../../../helper/files/openRoot.js';
import { findOwner, unchanged } from '../../../helper/files/owner.js';
import { modeText } from '../../../helper/protocol/fileMode.js';
import type { ErrorData } from '../../../helper/protocol/index.js';
import { SystemError } from '../../../native/bindings/libc.js';

test('a path is split into the folder and the name in it', () => {
  assert.deepEqual(splitPath('/etc/passwd'), { parent: '/etc', name: 'passwd' });
  assert.deepEqual(splitPath('/etc'), { parent: '/', name: 'etc' });
  assert.deepEqual(splitPath('//a/./b//'), { parent: '/a', name: 'b' });
  // The kernel resolves these, in the root.
  assert.deepEqual(splitPath('/../../x'), { parent: '/../..', name: 'x' });
  assert.deepEqual(splitPath('/a\nb'), { parent: '/', name: 'a\nb' });
  for (const path of ['', 'etc', '/', '/.', '/..', '/a/..', '/a\0b'])
    assert.throws(() => splitPath(path), /Not a path/);
});

const database = { passwd: 'root:x:0:0::/:\nalice:x:1000:100::/:\n', group: 'root:x:0:\nwheel:x:10:\n' };
const map = [
  { containerID: 0, hostID: 1500, size: 1 },
  { containerID: 1, hostID: 100_000, size: 65_536 },
];
const owner = (text: string, ids = map) => findOwner(text, database, { uidMap: ids, gidMap: ids });

test('owners are understood as chown does', () => {
  assert.deepEqual(owner('alice'), { uid: 1000, gid: unchanged });
  assert.deepEqual(owner('alice:'), { uid: 1000, gid: 100 });
  assert.deepEqual(owner('alice:wheel'), { uid: 1000, gid: 10 });
  assert.deepEqual(owner(':wheel'), { uid: unchanged, gid: 10 });
  assert.deepEqual(owner('7:8'), { uid: 7, gid: 8 });
  for (const text of ['', ':', 'a:b:c']) assert.throws(() => owner(text), /Not an owner/);
  assert.throws(() => owner('-1'), /is no user or group/);
  assert.throws(() => owner('bob'), /no user "bob"/);
  assert.throws(() => owner('70000'), /no user 70000 in the container/);
  assert.throws(() => owner('0:70000'), /no group 70000 in the container/);
  assert.throws(() => owner('alice', [{ containerID: 0, hostID: 1500, size: 1 }]), /no user 1000 in the container/);
});

test('errors tell the cause and what to do; why a root is read-only is its own', () => {
  const failure = fileFailure(new SystemError('EROFS', -30, 'openat2', 'x'), 'write', '/x', 'Images do not change.');
  const { data, message } = failure as { data: ErrorData; message: string };
  assert.equal(message, 'Cannot write /x: it is read-only');
  assert.deepEqual([data.errno, data.path, data.cause], ['EROFS', '/x', 'Images do not change.']);
  for (const errno of ['EROFS', 'EACCES', 'ENOSPC', 'EXDEV', 'ENOTEMPTY']) {
    const { data: told } = fileFailure(new SystemError(errno, -1, 'call'), 'do', '/x') as { data: ErrorData };
    assert.ok(told.cause !== undefined && told.fix !== undefined, errno);
  }
  const other = new Error('not of the kernel');
  assert.equal(fileFailure(other, 'write', '/x'), other);
});

test('a holder mounts, changes the root and stays for as long as the lease is taken', () => {
  const layers = { lower: ['/layer'], writable: { upper: '/c/upper', work: '/c/work' }, volatile: true };
  const root = { path: '/c/rootfs', content: { kind: 'layered' as const, layers } };
  const kinds = (readOnly: boolean) => holderPlan('/view', { root, readOnly }).map(({ kind }) => kind);
  assert.deepEqual(kinds(false).slice(-3), ['setRoot', 'pivotRoot', 'stayInit']);
  assert.deepEqual(kinds(true).slice(-3), ['pivotRoot', 'setRootAttributes', 'stayInit']);
  // Its path is one of this machine: before the root is another.
  assert.ok(kinds(false).indexOf('lease') < kinds(false).indexOf('setRoot'));
  // A layer that was mounted volatile before mounts again.
  const removed = holderPlan('/view', { root, readOnly: false }).filter(({ kind }) => kind === 'removeTree');
  assert.deepEqual(
    removed.map((step) => 'path' in step && step.path),
    ['/c/work/work/incompat'],
  );
});

test('a place in a container is told from a path of this machine', () => {
  assert.deepEqual(parsePlace('web:/etc/passwd'), { name: 'web', path: '/etc/passwd' });
  assert.deepEqual(parsePlace('web:etc'), { name: 'web', path: '/etc' });
  assert.deepEqual(parsePlace('web:'), { name: 'web', path: '/' });
  assert.deepEqual(parsePlace('web:/a:b'), { name: 'web', path: '/a:b' });
  for (const text of ['web', './web:/x', '/tmp/a:b', '../a:b', ':/x', 'dir/a:b'])
    assert.equal(parsePlace(text), undefined);
});

test('modes are shown as ls shows them', () => {
  assert.equal(modeText('file', 0o4755), '-rwsr-xr-x');
  assert.equal(modeText('directory', 0o1777), 'drwxrwxrwt');
  assert.equal(modeText('file', 0o6644), '-rwSr-Sr--');
  assert.equal(modeText('symlink', 0o777), 'lrwxrwxrwx');
  assert.equal(modeText('character', 0), 'c---------');
});
