import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { mountsOf } from '../support/kernel.js';

const bed = new Bed();
/** A folder of the host with a file in it, made when a test needs it. */
function shared(): string {
  const source = path.join(bed.home.folder, 'shared');
  mkdirSync(source, { recursive: true });
  writeFileSync(path.join(source, 'file'), 'of the host\n');
  return source;
}

test('a folder, writable: what is written is there outside', async () => {
  const source = shared();
  await bed.shell('cat /data/file; echo from inside > /data/made', { mounts: [{ source, destination: '/data' }] });
  assert.equal(readFileSync(path.join(source, 'made'), 'utf8'), 'from inside\n');
});

test('a folder, read-only: a write gives EROFS, and the kernel has nosuid and nodev too', async () => {
  const source = shared();
  const { id, pid } = await bed.up({ mounts: [{ source, destination: '/data', options: ['ro'] }] });
  const { stderr, exitCode } = await bed.exec(id, 'touch /data/new; rm /data/file');
  assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
  assert.notEqual(exitCode, 0);
  const mount = mountsOf(pid).find(({ destination }) => destination === '/data');
  for (const option of ['ro', 'nosuid', 'nodev']) assert.ok(mount?.options.includes(option), option);
  assert.ok(!existsSync(path.join(source, 'new')));
  // Nobody inside can change that.
  assert.match((await bed.exec(id, 'mount -o remount,bind,rw /data')).stderr, /denied|permitted/);
});

test('what is mounted below a read-only folder is read-only too', async () => {
  // /dev has mounts of its own on every machine, such as /dev/pts or /dev/shm.
  const below = mountsOf('self').filter(({ destination }) => /^\/(dev|sys)\/./.test(destination));
  assert.ok(below.length > 0, 'this machine has mounts below /dev or /sys');
  const top = below[0]?.destination.startsWith('/dev') === true ? '/dev' : '/sys';
  const { pid } = await bed.up({ mounts: [{ source: top, destination: '/mnt', options: ['ro'] }] });
  const inside = mountsOf(pid).filter(({ destination }) => destination === '/mnt' || destination.startsWith('/mnt/'));
  assert.ok(inside.length >= 2, JSON.stringify(inside));
  for (const { destination, options } of inside) {
    for (const option of ['ro', 'nosuid', 'nodev']) assert.ok(options.includes(option), `${destination}: ${options}`);
  }
});

test('a file, over one that is there and over nothing', async () => {
  const source = shared();
  const mounts = ['/etc/passwd', '/new/folder/file'].map((destination) => ({
    source: path.join(source, 'file'),
    destination,
    options: ['ro'],
  }));
  assert.equal(await bed.shell('cat /etc/passwd /new/folder/file', { mounts }), 'of the host\nof the host\n');
  assert.match(readFileSync(path.join(bed.rootFolder, 'etc/passwd'), 'utf8'), /^root:/);
});

test('a tmpfs with a size', async () => {
  const mounts = [{ destination: '/cache', type: 'tmpfs', options: ['size=64k', 'mode=700'] }];
  const { id, pid } = await bed.up({ mounts });
  const mount = mountsOf(pid).find(({ destination }) => destination === '/cache');
  assert.ok(mount?.superOptions.includes('size=64k'), JSON.stringify(mount));
  assert.match((await bed.exec(id, 'dd if=/dev/zero of=/cache/f bs=1k count=100')).stderr, /No space left/);
});

test('a bind over a link in the root lands inside, not where the link points outside', async () => {
  const outside = path.join(bed.home.folder, 'outside');
  mkdirSync(outside);
  const setUp = await bed.up({ name: 'linked' });
  await bed.exec(setUp.id, `mkdir -p /tmp/x && ln -s ${outside} /tmp/x/link`);
  const { stdout } = await bed.exec(setUp.id, 'readlink /tmp/x/link; ls -d "$(readlink /tmp/x/link)" 2>&1');
  assert.match(stdout, /No such file/);
  assert.ok(existsSync(outside));
});

test('a source that is not there: one message with a remedy, and nothing is made', async () => {
  const source = shared();
  const before = (await bed.helper.ask(protocol.ListContainers)).length;
  const missing = path.join(source, 'missing');
  const failed = bed.helper.run({ root: bed.root, mounts: [{ source: missing, destination: '/data' }] });
  const error = await fails(failed, { code: protocol.ErrorCode.StepFailed, message: /missing/, fix: /source/ });
  assert.deepEqual([error.data?.step, error.data?.errno, error.data?.path], ['bind', 'ENOENT', missing]);
  assert.equal((await bed.helper.ask(protocol.ListContainers)).length, before);
});
