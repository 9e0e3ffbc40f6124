import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';

const bed = new Bed();

/** Changes by path, without what a test does not speak of. */
async function changesOf(container: string): Promise<Record<string, string>> {
  const { changes, truncated } = await bed.helper.request(protocol.ListChanges, { container });
  assert.equal(truncated, undefined);
  return Object.fromEntries(changes.map((change) => [change.path, summary(change)]));
}

/** Bytes of a file of the root that containers begin with. */
const size = (file: string) => statSync(path.join(bed.rootFolder, file)).size;

function summary({ kind, entry, what, from, sizeBytes }: protocol.Change): string {
  const more = [what?.join('+'), from === undefined ? undefined : `from ${from}`].filter((word) => word !== undefined);
  return [kind, entry, ...more, sizeBytes].join(' ');
}

test('a container that has just started has changed nothing', async () => {
  const { id } = await bed.up({
    network: { kind: 'host' },
    mounts: [{ destination: '/mnt/deep/bind', source: '/etc' }],
  });
  assert.deepEqual(await changesOf(id), {});
});

test('a container that never started has changed nothing', async () => {
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root } });
  assert.deepEqual(await changesOf(id), {});
});

test('added, modified, deleted, running and stopped', async () => {
  const { id } = await bed.up();
  await bed.exec(
    id,
    `set -e
    mkdir -p /srv/a/b; echo 12345 > /srv/a/b/file; ln -s file /srv/a/b/link
    echo more >> /etc/passwd
    chmod 600 /etc/group
    rm -r /home/alice
    rm /bin/vi; mkdir /bin/vi
    ln -sfn nowhere /bin/wc
    touch /bin/busybox
    chmod 700 /tmp; chmod 1777 /tmp
    mkfifo /root/pipe`,
  );
  const expected = {
    '/bin/vi': 'modified directory type 0',
    '/bin/wc': 'modified symlink target 0',
    '/etc/group': `modified file mode ${size('/etc/group')}`,
    '/etc/passwd': `modified file content ${size('/etc/passwd') + 5}`,
    '/home/alice': 'deleted directory 0',
    '/root/pipe': 'added fifo 0',
    '/srv': 'added directory 6',
  };
  assert.deepEqual(await changesOf(id), expected);
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  assert.deepEqual(await changesOf(id), expected);
});

test('it is what find(1) says of the upper directory', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'mkdir /n; echo 1 > /n/1; echo 2 > /etc/2; rm /etc/group /bin/vi; chmod 600 /etc/passwd');
  const upper = path.join(bed.home.data, 'containers', id, 'upper');
  const find = (...test: string[]) =>
    execFileSync('find', [upper, '-mindepth', '1', ...test, '-printf', '/%P\n'], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort();
  const { changes } = await bed.helper.request(protocol.ListChanges, { container: id });
  const paths = (kind: protocol.Change['kind']) => changes.filter((one) => one.kind === kind).map((one) => one.path);
  assert.deepEqual(paths('deleted'), find('-type', 'c'));
  assert.deepEqual(['/n/1', ...paths('added'), ...paths('modified'), '/bin', '/etc'].sort(), find('!', '-type', 'c'));
});

test('a folder that was removed and made again is compared name by name', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'cp -a /etc /e; rm -r /etc; mkdir /etc; cp -a /e/passwd /etc; echo new > /etc/new; rm -r /e');
  assert.deepEqual(await changesOf(id), {
    '/etc/group': `deleted file ${size('/etc/group')}`,
    '/etc/new': 'added file 4',
  });
});

test('what was undone by hand is no change', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'cp -p /etc/passwd /p; echo x >> /etc/passwd; cat /p > /etc/passwd; rm /p; mkdir /x; rmdir /x');
  assert.deepEqual(await changesOf(id), {});
});

test('a file that was moved is told from one that was copied', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'mv /etc/group /etc/gruppe; cp -p /etc/passwd /etc/copy; rm /etc/passwd');
  assert.deepEqual(await changesOf(id), {
    '/etc/copy': `added file ${size('/etc/passwd')}`,
    '/etc/gruppe': `renamed file from /etc/group ${size('/etc/group')}`,
    '/etc/passwd': `deleted file ${size('/etc/passwd')}`,
  });
});

test('owners are compared', async () => {
  const { id } = await bed.up();
  const { exitCode } = await bed.exec(id, 'chown 1000:1000 /etc/group');
  const { identity } = await bed.helper.request(protocol.InspectContainer, { container: id });
  // With a single id there is nobody to give a file to.
  assert.equal(exitCode === 0, identity.mapping === 'range');
  const expected = exitCode === 0 ? { '/etc/group': `modified file owner ${size('/etc/group')}` } : {};
  assert.deepEqual(await changesOf(id), expected);
});

test('writes to memory are compared as long as it runs', async () => {
  const { id } = await bed.up({ writable: 'tmpfs' });
  await bed.exec(id, 'echo new > /etc/new; rm /etc/group; echo more >> /etc/passwd');
  assert.deepEqual(await changesOf(id), {
    '/etc/group': `deleted file ${size('/etc/group')}`,
    '/etc/new': 'added file 4',
    '/etc/passwd': `modified file content ${size('/etc/passwd') + 5}`,
  });
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  assert.deepEqual(await changesOf(id), {});
});

test('a root that may not be written to does not change', async () => {
  const { id } = await bed.up({ writable: 'none' });
  assert.deepEqual(await changesOf(id), {});
});

test("on this machine's own root only what was written is listed", async () => {
  const { id } = await bed.helper.run({ args: [] });
  await bed.exec(id, 'echo new > /etc/terrarium-test; mkdir /srv/x; echo y > /root/y; rm -f /etc/hostname');
  const changes = await changesOf(id);
  assert.equal(changes['/etc/terrarium-test'], 'added file 4');
  assert.equal(changes['/root/y'], 'added file 2');
  assert.equal(changes['/srv/x'], 'added directory 0');
  assert.match(changes['/etc/hostname'] ?? '', /^deleted file/);
  assert.equal(Object.keys(changes).length, 4, JSON.stringify(changes));
});
