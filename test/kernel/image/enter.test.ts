import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { AgentClient, agentInside } from '../../../helper/agent/client.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ImageStore } from '../../../helper/image/store.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { readIdentity } from '../../../helper/zygote/identity.js';
import { Zygote } from '../../../helper/zygote/zygote.js';
import { agentBundle, run, temporaryFolder, unavailable, wrapped } from './bed.js';
import { paxArchive } from './rawTar.js';

const stage = path.resolve(__dirname, `../../../stage/linux-${process.arch}/terrarium-stage`);

test('inside the user namespace of the zygote owners are kept, and their files removed', async (t) => {
  const reason = unavailable('range');
  if (reason) return t.skip(reason);
  const folder = temporaryFolder(t, 'range');
  const runtime = path.join(folder, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const zygote = new Zygote({ stage, runtime, identity: readIdentity(), log: () => undefined });
  const pid = await zygote.pid();
  t.after(() => void process.kill(pid, 'SIGTERM'));
  const agent = new AgentClient(() => agentInside(stage, pid, agentBundle));
  t.after(() => agent.dispose());
  const images = path.join(folder, 'images');
  const store = new ImageStore({ folder: images, agent: layerAgent(agent), uses: async () => [] });

  const file = path.join(folder, 'a.tar');
  const mail = { uid: 8, gid: 12, mode: 0o2750 };
  writeFileSync(
    file,
    paxArchive([
      { name: 'var/mail/', type: '5', ...mail },
      { name: 'var/mail/x', content: 'x', ...mail },
    ]),
  );
  assert.deepEqual((await store.import({ file, name: 'mail' })).notes, []);
  const tree = (await store.resolve('mail')).layers[0] ?? '';
  // The owner as this side of the namespace sees it: some id of the range.
  const [owner] = run('direct', ['stat', '-c', '%u %a', path.join(tree, 'var/mail')]).split(' ');
  assert.ok(Number(owner) > 65535, `owner ${owner}`);
  const inside = spawnSync(stage, [
    'enter',
    String(pid),
    '--',
    'stat',
    '-c',
    '%u %g %a',
    path.join(tree, 'var/mail/x'),
  ]);
  assert.equal(String(inside.stdout), '8 12 2750\n');
  await store.remove('mail');
  assert.deepEqual(readdirSync(path.join(images, 'layers')), []);
  assert.deepEqual(readdirSync(path.join(images, 'ingest')), []);
});

test('a disk that fills up while unpacking is said to be full, and what was written is removed', async (t) => {
  const reason = unavailable('single');
  if (reason) return t.skip(reason);
  const folder = temporaryFolder(t);
  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  const small = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3"';
  const { program, args } = wrapped('single', [
    'unshare',
    '--mount',
    'sh',
    '-c',
    small,
    'sh',
    disk,
    process.execPath,
    agentBundle,
  ]);
  const agent = new AgentClient(() => ({ program, args }));
  t.after(() => agent.dispose());
  const archive = path.join(folder, 'a.tar');
  writeFileSync(archive, paxArchive([{ name: 'a', content: Buffer.alloc(3_000_000, 'x') }]));
  const target = { archive: { path: archive }, tree: path.join(disk, 'tree'), blob: path.join(disk, 'blob') };
  // Without the quota, which would have noticed before.
  const full = layerAgent(agent).unpack({ ...target, quota: { bytes: Number.MAX_SAFE_INTEGER } });
  await assert.rejects(full, (error: { code: number; message: string; data: { errno: string } }) => {
    assert.match(error.message, /the disk is full/);
    assert.deepEqual([error.code, error.data.errno], [ErrorCode.Unavailable, 'ENOSPC']);
    return true;
  });
  // The agent is still there, and so is all of the disk: what takes more than half of it fits again.
  writeFileSync(archive, paxArchive([{ name: 'a', content: Buffer.alloc(900_000, 'x') }]));
  await layerAgent(agent).unpack(target);
});
