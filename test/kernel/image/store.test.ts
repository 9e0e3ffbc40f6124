import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { AgentClient } from '../../../helper/agent/client.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ImageStore } from '../../../helper/image/store.js';
import type { LayerUse } from '../../../helper/image/unused.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import type { ImageProgress } from '../../../helper/protocol/images.js';
import { eventually } from '../support/wait.js';
import { type Bed, fingerprint, makeBed, run, startAgent, unavailable } from './bed.js';
import { paxArchive } from './rawTar.js';

/** An archive of `count` files of 64 KiB each, whose content follows from `seed`. */
function archive(bed: Bed, seed: string, count: number): string {
  const file = path.join(bed.work, `${seed}.tar`);
  const entries = Array.from({ length: count }, (_, index) => ({
    name: `etc/${seed}-${index}`,
    content: `${seed} ${index}\n`.padEnd(65536, seed),
  }));
  writeFileSync(file, paxArchive([{ name: 'etc/', type: '5' }, ...entries]));
  return file;
}

test('progress runs up to the size of the archive, and a cancel midway leaves the store as it was', async (t) => {
  const bed = makeBed(t);
  await bed.store.import({ file: archive(bed, 'other', 3), name: 'other' });
  const before = fingerprint(bed.images);
  const file = archive(bed, 'large', 3000);
  const abort = new AbortController();
  let seen: ImageProgress | undefined;
  const cancelled = bed.store.import(
    { file, name: 'large' },
    {
      signal: abort.signal,
      onProgress: (progress) => {
        seen ??= progress;
        abort.abort();
      },
    },
  );
  await assert.rejects(cancelled, { code: -32800 });
  assert.ok(seen && seen.doneBytes > 0 && seen.doneBytes < seen.totalBytes, 'it was cancelled midway');
  assert.ok(fingerprint(bed.images) === before);

  const all: ImageProgress[] = [];
  await bed.store.import({ file, name: 'large' }, { onProgress: (progress) => all.push(progress) });
  const last = all.at(-1);
  assert.equal(last?.phase, 'finish');
  assert.equal(last?.doneBytes, last?.totalBytes);
  assert.equal(last?.entries, 3001);
});

test('an agent that does not answer to a cancel is killed, and what it left removed', async (t) => {
  const bed = makeBed(t);
  const agent = startAgent(t, 'direct', { cancelMilliseconds: 100 });
  const store = new ImageStore({ folder: bed.images, agent: layerAgent(agent), uses: async () => [] });
  await store.list();
  const before = fingerprint(bed.images);
  const abort = new AbortController();
  const importing = store.import(
    { file: archive(bed, 'stuck', 3000), name: 'stuck' },
    {
      signal: abort.signal,
      onProgress: () => {
        if (abort.signal.aborted) return;
        // A process that is stopped answers nothing.
        for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGSTOP');
        abort.abort();
      },
    },
  );
  await assert.rejects(importing, { code: -32800 });
  assert.ok(fingerprint(bed.images) === before);
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

test('the death of the agent fails the import with a reason, and the next import starts another one', async (t) => {
  const bed = makeBed(t);
  await bed.store.list();
  const before = fingerprint(bed.images);
  let killed = false;
  const onProgress = () => {
    if (!killed) for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL');
    killed = true;
  };
  const file = archive(bed, 'large', 3000);
  await assert.rejects(
    bed.store.import({ file, name: 'large' }, { onProgress }),
    (error: { code: number; data: { cause: string } }) => {
      assert.equal(error.code, ErrorCode.Internal);
      assert.match(error.data.cause, /SIGKILL/);
      return true;
    },
  );
  assert.ok(fingerprint(bed.images) === before);
  await bed.store.import({ file, name: 'large' });
});

test('an agent that cannot be started says why', async (t) => {
  const bed = makeBed(t);
  const agent = new AgentClient(() => ({ program: '/nonexistent/stage', args: [] }));
  const store = new ImageStore({ folder: bed.images, agent: layerAgent(agent), uses: async () => [] });
  await assert.rejects(store.import({ file: archive(bed, 'a', 1), name: 'a' }), /agent ended/);
  assert.deepEqual(await store.list(), []);
});

test('an idle agent goes away and is started again when needed', async (t) => {
  const bed = makeBed(t);
  const agent = startAgent(t, 'direct', { idleMilliseconds: 50 });
  await layerAgent(agent).removeTree(path.join(bed.work, 'nothing'));
  const [pid] = childrenOf(process.pid);
  for (const start = Date.now(); existsSync(`/proc/${pid}/exe`) && Date.now() - start < 5000; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(existsSync(`/proc/${pid}/exe`), false);
  await layerAgent(agent).removeTree(path.join(bed.work, 'nothing'));
});

test('two stores at once, as of two windows: no update is lost, and one of two equal names wins', async (t) => {
  const bed = makeBed(t);
  const other = new ImageStore({ folder: bed.images, agent: layerAgent(startAgent(t)), uses: async () => [] });
  const files = Array.from({ length: 12 }, (_, index) => archive(bed, `seed${index}`, 5));
  const results = await Promise.allSettled([
    ...files.map((file, index) => (index % 2 ? bed.store : other).import({ file, name: `image${index}` })),
    bed.store.import({ file: files[0] ?? '', name: 'same' }),
    other.import({ file: files[1] ?? '', name: 'same' }),
  ]);
  const failed = results.filter((result) => result.status === 'rejected');
  assert.equal(failed.length, 1);
  assert.equal(failed[0]?.reason.code, ErrorCode.NameTaken);
  assert.equal((await other.list()).length, 13);
  await Promise.all(files.map((_, index) => (index % 2 ? other : bed.store).remove(`image${index}`)));
  assert.deepEqual(
    (await bed.store.list()).map(({ name }) => name),
    ['same'],
  );
  // What is left is what that one needs: manifest, configuration, layer.
  assert.equal(readdirSync(path.join(bed.images, 'blobs/sha256')).length, 3);
  assert.equal(readdirSync(path.join(bed.images, 'layers')).length, 1);
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
});

test('while the record of a container is damaged no layer goes: any may be one of its', async (t) => {
  const bed = makeBed(t);
  const uses: LayerUse[] = [{ container: 'damaged', layers: 'unknown' }];
  const store = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => uses });
  await store.import({ file: archive(bed, 'a', 2), name: 'a' });
  const { layers } = await store.resolve('a');
  assert.deepEqual(await store.remove('a'), { images: ['a'], freedBytes: 0, kept: [] });
  assert.ok(existsSync(path.join(layers[0] ?? '', 'etc/a-0')));
  uses.pop();
  assert.ok((await store.prune()).freedBytes > 0);
  assert.equal(existsSync(layers[0] ?? ''), false);
});

test('an image stays while a container needs it, and then goes with all that only it needed', async (t) => {
  const bed = makeBed(t);
  const uses: LayerUse[] = [];
  const store = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => uses });
  await store.import({ file: archive(bed, 'a', 2), name: 'a' });
  const { layers } = await store.resolve('a');
  uses.push({ container: 'box', layers });
  assert.deepEqual((await store.list())[0]?.usedBy, ['box']);
  const kept = await store.remove('a');
  assert.deepEqual(kept, {
    images: [],
    freedBytes: 0,
    kept: [{ name: 'a', why: 'The container "box" was made from it.' }],
  });
  assert.ok(existsSync(path.join(layers[0] ?? '', 'etc/a-0')));
  uses.pop();
  const tree = path.dirname(layers[0] ?? '');
  const blobs = path.join(bed.images, 'blobs/sha256');
  const size = Number(
    run('direct', ['du', '-s', '-B1', '-c', tree, ...readdirSync(blobs).map((name) => path.join(blobs, name))])
      .trim()
      .split('\n')
      .at(-1)
      ?.split('\t')[0],
  );
  const preview = await store.remove('a', { preview: true });
  assert.deepEqual(preview, { images: ['a'], freedBytes: size, kept: [] });
  assert.equal((await store.list()).length, 1, 'a preview removes nothing');
  assert.deepEqual(await store.remove('a'), preview);
  assert.deepEqual(readdirSync(path.join(bed.images, 'layers')), []);
  assert.deepEqual(readdirSync(blobs), []);
});

test('while an image is in use it cannot be removed', async (t) => {
  const bed = makeBed(t);
  await bed.store.import({ file: archive(bed, 'a', 1), name: 'a' });
  const other = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => [] });
  const order: string[] = [];
  let removal: Promise<unknown> | undefined;
  await bed.store.use('a', async ({ layers }) => {
    removal = other.remove('a').then(() => order.push('removed'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(existsSync(path.join(layers[0] ?? '', 'etc/a-0')));
    order.push('used');
  });
  await removal;
  assert.deepEqual(order, ['used', 'removed']);
});

test('what a killed helper left is removed by the next, what a living one works on is not', async (t) => {
  const bed = makeBed(t);
  await bed.store.list();
  const ingest = path.join(bed.images, 'ingest');
  const living = path.join(ingest, 'living');
  const dead = path.join(ingest, 'dead');
  for (const folder of [living, dead]) mkdirSync(path.join(folder, 'layer/root/etc'), { recursive: true });
  writeFileSync(path.join(ingest, 'file-1-1'), '{');
  const holder = spawn('flock', ['--exclusive', living, 'sh', '-c', 'echo held; read x'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const next = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => [] });
  await next.collected();
  assert.deepEqual(readdirSync(ingest), ['living']);
  holder.stdin.end('\n');
  await once(holder, 'close');
  await new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => [] }).collected();
  assert.deepEqual(readdirSync(ingest), []);
});

test('files of other ids are removed with their image', async (t) => {
  const reason = unavailable('range');
  if (reason) return t.skip(reason);
  const bed = makeBed(t, 'range');
  const file = path.join(bed.work, 'a.tar');
  const inside = { uid: 1000, gid: 1000, mode: 0o700 };
  writeFileSync(
    file,
    paxArchive([
      { name: './', type: '5', ...inside },
      { name: 'home/', type: '5', ...inside },
      { name: 'home/x', content: 'x', ...inside },
    ]),
  );
  await bed.store.import({ file, name: 'a' });
  const tree = (await bed.store.resolve('a')).layers[0] ?? '';
  assert.match(run('range', ['stat', '-c', '%u %a', `${tree}/home/x`]), /^1000 700$/m);
  await bed.store.remove('a');
  assert.deepEqual(readdirSync(path.join(bed.images, 'layers')), []);
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
});

test('a change by another process is noticed', async (t) => {
  const bed = makeBed(t);
  const other = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => [] });
  let changes = 0;
  const watcher = await other.watch(() => changes++);
  t.after(() => watcher.dispose());
  await bed.store.import({ file: archive(bed, 'a', 1), name: 'a' });
  await eventually('word of the change', () => changes > 0);
});

test('a damaged blob is found by its digest; other images are listed as before', async (t) => {
  const bed = makeBed(t);
  const { digest } = await bed.store.import({ file: archive(bed, 'a', 1), name: 'a' });
  await bed.store.import({ file: archive(bed, 'b', 1), name: 'b' });
  const manifest = path.join(bed.images, 'blobs', ...digest.split(':'));
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('layer', 'later'));
  await assert.rejects(bed.store.resolve('a'), { code: ErrorCode.BadInput });
  const [a, b] = await bed.store.list();
  assert.match(a?.notes[0] ?? '', /^Damaged: .*cannot be used/);
  assert.equal(b?.notes.length, 0);
  await bed.store.remove('a');
  assert.equal((await bed.store.list()).length, 1);
});
