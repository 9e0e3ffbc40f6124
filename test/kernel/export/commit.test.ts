import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { changeScript, everything, importRoot } from './trees.js';

const bed = new Bed();
let images = 0;
const newName = () => `image-${images++}`;

async function commit(container: string, more: Partial<protocol.CommitParams> = {}) {
  return bed.helper.request(protocol.CommitContainer, { container, name: newName(), ...more });
}

interface Config {
  created: string;
  author?: string;
  config: Record<string, unknown>;
  history: Record<string, unknown>[];
  rootfs: { diff_ids: string[] };
}
const configOf = async (name: string) => (await bed.helper.request(protocol.InspectImage, { name })).config as Config;

/** What is in a container, seen from inside. */
async function seen(specification: protocol.ContainerSpecification): Promise<string> {
  return bed.shell(everything, specification);
}

for (const kind of ['image', 'directory'] as const) {
  test(`what is launched from the new image is what was committed, on an ${kind}`, async () => {
    const root = kind === 'image' ? { kind, name: await importRoot(bed, newName()) } : bed.root;
    const { id } = await bed.up({ root });
    const changing = await bed.exec(id, changeScript);
    assert.equal(changing.exitCode, 0, changing.stderr);
    const before = (await bed.exec(id, everything)).stdout;
    assert.match(before, /srv\/again file 644 0 0 \d+ 6 2 /);
    const { name } = await commit(id);
    assert.equal(await seen({ root: { kind: 'image', name } }), before);
    const { id: fresh } = await bed.up({ root: { kind: 'image', name } });
    assert.deepEqual((await bed.helper.request(protocol.ListChanges, { container: fresh })).changes, []);
  });
}

test('the same changes give the same layer, however they were made', async () => {
  const root = { kind: 'image', name: await importRoot(bed, newName()) } as const;
  const [first, second] = [await bed.up({ root }), await bed.up({ root })];
  const times = 'find /etc /srv /root /home | while read -r f; do touch -h -d "2020-01-01 00:00:00" "$f"; done';
  await bed.exec(first.id, `mkdir /srv; echo a > /srv/a; echo b > /srv/b; rm /etc/group; ${times}`);
  await bed.exec(
    second.id,
    `cp -a /etc /e; rm -r /etc; mv /e /etc; rm /etc/group; mkdir /srv; echo b > /srv/b; echo x > /srv/a
     echo a > /srv/a; mkdir /x; rmdir /x; ${times}`,
  );
  // The root's own time is not part of a layer, and that of /bin did not change.
  const layers = await Promise.all(
    [first.id, second.id, first.id].map(async (id) => {
      const { name } = await commit(id);
      return (await configOf(name)).rootfs.diff_ids;
    }),
  );
  assert.equal(layers[0]?.length, 2);
  assert.deepEqual(layers[1], layers[0]);
  assert.deepEqual(layers[2], layers[0]);
});

test('history and configuration stay, but for what is replaced', async () => {
  const root = { kind: 'image', name: await importRoot(bed, newName()) } as const;
  const { id } = await bed.up({ root });
  await bed.exec(id, 'echo 1 > /one');
  const first = await commit(id, {
    comment: 'first',
    author: 'somebody',
    config: { args: ['/bin/cat', '/one'], env: ['A=1'], user: '0', cwd: '/etc' },
  });
  const second = await bed.up({ root: { kind: 'image', name: first.name }, args: ['/bin/sh', '-c', 'sleep 1000'] });
  await bed.exec(second.id, 'echo 2 > /tmp/two');
  const { name } = await commit(second.id, { config: { cwd: '/tmp' } });
  const config = await configOf(name);
  assert.deepEqual(config.config, {
    Entrypoint: null,
    Cmd: ['/bin/cat', '/one'],
    Env: ['A=1'],
    User: '0',
    WorkingDir: '/tmp',
  });
  assert.equal(config.author, 'somebody');
  assert.deepEqual(
    config.history.map(({ created_by, comment }) => [created_by, comment]),
    [
      [config.history[0]?.created_by, undefined],
      ['terrarium commit', 'first'],
      ['terrarium commit', undefined],
    ],
  );
  assert.equal(config.rootfs.diff_ids.length, 3);
  const { stdout } = await bed.helper.runToEnd({ root: { kind: 'image', name } });
  assert.equal(stdout, '1\n');
});

test('no change, no layer', async () => {
  const base = await importRoot(bed, newName());
  const { id } = await bed.up({ root: { kind: 'image', name: base } });
  const { name } = await commit(id);
  const config = await configOf(name);
  assert.deepEqual(config.rootfs.diff_ids, (await configOf(base)).rootfs.diff_ids);
  assert.equal(config.history.at(-1)?.empty_layer, true);
});

test('a container whose image is gone still gives one', async () => {
  const base = await importRoot(bed, newName());
  const { id } = await bed.up({ root: { kind: 'image', name: base } });
  await bed.exec(id, changeScript);
  const before = (await bed.exec(id, everything)).stdout;
  await bed.helper.request(protocol.RemoveImage, { name: base });
  const { name } = await commit(id);
  assert.equal(await seen({ root: { kind: 'image', name } }), before);
});

test('a running container stands still while it is read, and runs on', async () => {
  const { id } = await bed.up({
    args: ['/bin/sh', '-c', 'i=0; while :; do i=$((i+1)); for f in a b; do echo $i > /n; mv /n /$f; done; done'],
  });
  const { name } = await commit(id);
  const pair = await bed.shell('cat /a /b', { root: { kind: 'image', name } });
  const [a, b] = pair.trim().split('\n').map(Number);
  assert.ok(a !== undefined && b !== undefined && (a === b || a === b + 1), pair);
  assert.equal((await bed.helper.summary(id)).state, 'running');
  const now = Number((await bed.exec(id, 'cat /b')).stdout);
  const later = Number((await bed.exec(id, 'sleep 0.2; cat /b')).stdout);
  assert.ok(later > now, `${later} after ${now}`);
});

test('one that was paused stays paused', async () => {
  const { id } = await bed.up();
  await bed.helper.request(protocol.PauseContainer, { container: id });
  await commit(id);
  assert.equal((await bed.helper.summary(id)).state, 'paused');
});

test('what was written to memory is kept while it runs, and refused after', async () => {
  const { id } = await bed.up({ writable: 'tmpfs' });
  await bed.exec(id, 'echo kept > /kept; rm /etc/group');
  const { name } = await commit(id);
  assert.equal(await bed.shell('cat /kept; ls /etc', { root: { kind: 'image', name } }), 'kept\npasswd\n');
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await fails(commit(id), { code: protocol.ErrorCode.WrongState, message: /wrote to memory/, fix: /while it runs/ });
});

test('what makes no image is refused before anything is done', async () => {
  const { id } = await bed.helper.run({ args: [] });
  await fails(commit(id), {
    code: protocol.ErrorCode.Unavailable,
    message: /this machine's own/,
    fix: /Export its changes/,
  });
  const { id: other } = await bed.up();
  const taken = await commit(other);
  await fails(commit(other, { name: taken.name }), { code: protocol.ErrorCode.NameTaken, message: /exists already/ });
  await fails(commit(other, { name: '../up' }), { code: protocol.ErrorCode.Invalid, message: /cannot name an image/ });
  await fails(commit('absent'), { code: protocol.ErrorCode.NotFound, message: /no container/ });
});
