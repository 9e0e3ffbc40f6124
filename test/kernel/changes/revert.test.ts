import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';

const bed = new Bed();

const list = async (container: string) =>
  (await bed.helper.request(protocol.ListChanges, { container })).changes.map(({ kind, path }) => `${kind} ${path}`);
const revert = (container: string, ...paths: string[]) =>
  bed.helper.request(protocol.RevertChanges, { container, paths });

/** All that tells files apart, as seen from inside; of folders no times, which reverting changes too. */
const look = `cd /; find bin etc home root tmp srv ! -type d -exec stat -c '%n %f %u %g %s %Y %N' {} + 2>/dev/null | sort
  find bin etc home root tmp srv -type d -exec stat -c '%n %f %u %g' {} + 2>/dev/null | sort; cat etc/* | md5sum`;
const seen = async (id: string) => (await bed.exec(id, look)).stdout;

const change = `set -e
  mkdir -p /srv/a/b; echo 12345 > /srv/a/b/file
  echo more >> /etc/passwd; chmod 600 /etc/group
  rm -r /home; rm /bin/vi; mkdir /bin/vi; echo x > /bin/vi/inside; ln -sfn nowhere /bin/wc
  mv /bin/busybox /bin/moved; cp -p /bin/moved /bin/busybox; rm /bin/moved
  chmod 700 /tmp`;

test('everything reverted is as it was, in a running container', async () => {
  const { id } = await bed.up();
  const before = await seen(id);
  const { exitCode, stderr } = await bed.exec(id, change);
  assert.equal(exitCode, 0, stderr);
  assert.notEqual(await seen(id), before);
  const changes = await bed.helper.request(protocol.ListChanges, { container: id });
  await revert(id, ...changes.changes.map(({ path }) => path));
  assert.deepEqual(await list(id), []);
  assert.equal(await seen(id), before);
});

test('and in one that was stopped, as its next start shows', async () => {
  const { id } = await bed.up();
  const before = await seen(id);
  await bed.exec(id, change);
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  const changes = await bed.helper.request(protocol.ListChanges, { container: id });
  await revert(id, ...changes.changes.map(({ path }) => path));
  assert.deepEqual(await list(id), []);
  await bed.helper.request(protocol.StartContainer, { container: id });
  assert.equal(await seen(id), before);
});

test('only what is named is reverted', async () => {
  const { id } = await bed.up();
  await bed.exec(id, change);
  const before = await list(id);
  await revert(id, '/etc/passwd');
  assert.deepEqual(
    await list(id),
    before.filter((line) => line !== 'modified /etc/passwd'),
  );
});

test('a file comes back into a folder that is gone', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'rm -r /etc');
  await revert(id, '/etc/group');
  assert.deepEqual(await list(id), ['deleted /etc/passwd']);
  assert.equal((await bed.exec(id, 'cat /etc/group')).stdout, await bed.shell('cat /etc/group'));
});

test('a moved file goes back to its name', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'mv /etc/group /etc/gruppe');
  assert.deepEqual(await list(id), ['renamed /etc/gruppe']);
  await revert(id, '/etc/gruppe');
  assert.deepEqual(await list(id), []);
  assert.equal((await bed.exec(id, 'ls /etc')).stdout, 'group\npasswd\n');
});

test('who has a file open whose mode is reverted keeps it', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'chmod 600 /etc/group; exec 5</etc/group; stat -c %i /etc/group > /tmp/inode');
  await revert(id, '/etc/group');
  assert.equal((await bed.exec(id, '[ "$(stat -c %i:%a /etc/group)" = "$(cat /tmp/inode):644" ]')).exitCode, 0);
});

test("on this machine's own root", async () => {
  const { id } = await bed.helper.run({ args: [] });
  await bed.exec(id, 'echo new > /etc/terrarium-test; rm -f /etc/hostname');
  await revert(id, '/etc/terrarium-test', '/etc/hostname');
  assert.deepEqual(await list(id), []);
  assert.equal((await bed.exec(id, 'cat /etc/hostname')).exitCode, 0);
});

test('what cannot be reverted is refused', async () => {
  const { id } = await bed.up({ mounts: [{ destination: '/mnt/in', type: 'tmpfs' }] });
  await bed.exec(id, 'mkdir /new; rm -r /home/alice; rmdir /home; echo file > /home');
  await fails(revert(id, '/absent'), { code: protocol.ErrorCode.NotFound, message: /nothing to revert/ });
  await fails(revert(id, 'relative'), { code: protocol.ErrorCode.Invalid, message: /no path/ });
  await fails(revert(id, '/etc/../etc/passwd'), { code: protocol.ErrorCode.Invalid, message: /no path/ });
  await fails(revert(id, '/mnt'), { code: protocol.ErrorCode.WrongState, message: /something is mounted/ });
  await fails(revert(id, '/home/alice'), { code: protocol.ErrorCode.WrongState, message: /no folder now/ });
  const { id: fixed } = await bed.up({ writable: 'none' });
  await fails(revert(fixed, '/etc/passwd'), { code: protocol.ErrorCode.NotFound, message: /changed nothing/ });
});

test('who watches a container hears of its changes, and only as long as he watches', async () => {
  const { id } = await bed.up();
  const { id: other } = await bed.up();
  const heard: string[] = [];
  const waiting: (() => void)[] = [];
  bed.helper.connection.onNotification(protocol.ChangesChanged, ({ container }) => {
    heard.push(container);
    for (const tell of waiting.splice(0)) tell();
  });
  const next = () => new Promise<void>((resolve) => waiting.push(resolve));
  await bed.helper.request(protocol.WatchChanges, { container: id });
  // A look is behind the watch's first walk in the agent's queue.
  await list(id);
  for (const script of ['mkdir -p /srv/deep', 'echo x > /srv/deep/file', 'rm /etc/group', 'chmod 700 /srv/deep']) {
    const hearing = next();
    await bed.exec(other, script);
    await bed.exec(id, script);
    await hearing;
  }
  assert.deepEqual(new Set(heard), new Set([id]));
  await bed.helper.request(protocol.WatchChanges, {});
  const count = heard.length;
  await bed.exec(id, 'echo y > /srv/more');
  await list(id);
  assert.equal(heard.length, count);
});
