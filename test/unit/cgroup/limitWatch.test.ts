import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { whoseLimit } from '../../../helper/cgroup/limitHolders.js';
import { LimitWatch } from '../../../helper/cgroup/limitWatch.js';
import { limitMessage } from '../../../helper/container/limitNotice.js';
import { limitBytes } from '../../../helper/protocol/index.js';

/** A folder that stands for a cgroup: inotify tells of writes to plain files too. */
function makeGroup(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-limits-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const kills = (count: number) => writeFileSync(path.join(folder, 'memory.events'), `max 7\noom_kill ${count}\n`);
  const refusals = (count: number) => writeFileSync(path.join(folder, 'pids.events'), `max ${count}\n`);
  kills(1);
  refusals(0);
  return { folder, kills, refusals };
}

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !done(); await delay(10)) assert.ok(Date.now() < end, 'in time');
}

test('what bites while a container runs is told once a while, and nothing of other runs', async (t) => {
  const group = makeGroup(t);
  const told: string[] = [];
  const watch = new LimitWatch({
    find: () => ({ record: { version: 2, paths: { unified: group.folder } }, run: '/none' }),
    onReached: (container, { limit, count }) => told.push(`${container} ${limit} ${count}`),
    onError: (error) => assert.fail(String(error)),
    quietMilliseconds: 60_000,
  });
  t.after(() => watch.dispose());
  // Nothing has bitten since its birth: whether the watch or the first bite is sooner makes no difference.
  group.kills(0);
  watch.follow([{ container: 'web', run: '1', startedAt: Date.now() }]);
  group.kills(2);
  await until(() => told.length === 1);
  group.refusals(3);
  await until(() => told.length === 2);
  assert.deepEqual(told, ['web memory.max 2', 'web pids.max 3']);
  group.kills(5);
  await delay(100);
  assert.equal(told.length, 2, 'a bomb is one event');
  watch.follow([]);
  await delay(50);
  group.kills(9);
  await delay(100);
  assert.equal(told.length, 2, 'what does not run is not watched');
});

test('what bit a container before it was seen is told when it is new, and not when it is old', async (t) => {
  const group = makeGroup(t);
  const told: string[] = [];
  const watch = new LimitWatch({
    find: () => ({ record: { version: 2, paths: { unified: group.folder } }, run: '/none' }),
    onReached: (container, { limit, count }) => told.push(`${container} ${limit} ${count}`),
    onError: (error) => assert.fail(String(error)),
  });
  t.after(() => watch.dispose());
  watch.follow([
    { container: 'old', run: '1', startedAt: 0 },
    { container: 'new', run: '1', startedAt: Date.now() },
  ]);
  await until(() => told.length > 0);
  await delay(50);
  assert.deepEqual(told, ['new memory.max 1']);
});

test('a container without a cgroup is passed over, and so is one whose cgroup has gone', async (t) => {
  const errors: unknown[] = [];
  const watch = new LimitWatch({
    find: (container) =>
      container === 'gone' ? { record: { version: 2, paths: { unified: '/nonexistent' } }, run: '/none' } : undefined,
    onReached: () => assert.fail('nothing to tell'),
    onError: (error) => errors.push(error),
  });
  t.after(() => watch.dispose());
  watch.follow([
    { container: 'none', run: '1', startedAt: 0 },
    { container: 'gone', run: '1', startedAt: 0 },
  ]);
  await delay(50);
  assert.deepEqual(errors, []);
});

test('the message names the limit that was reached, and whose it is', () => {
  const message = (...args: Parameters<typeof limitMessage> extends [string, ...infer Rest] ? Rest : never) =>
    limitMessage('web', ...args);
  assert.equal(message('memory.max', 100 * 1024 ** 2), 'A process in web was killed: out of memory at 100 MiB');
  assert.equal(
    message('memory.max', 99_999_744, { group: 'lab' }),
    'A process in web was killed: out of memory at 100 MB, the limit of the group lab',
  );
  assert.equal(
    message('memory.max', 4096, { group: '/' }),
    'A process in web was killed: out of memory at 4 KiB, the limit of all containers together',
  );
  assert.equal(message('memory.max', 'max'), 'A process in web was killed: out of memory of this machine');
  assert.equal(message('pids.max', 20), 'web could not start a process: its 20 are all there');
  assert.equal(
    message('pids.max', 20, { cgroup: '/sys/fs/cgroup/a' }),
    'web could not start a process: the 20 of the control group /sys/fs/cgroup/a are all there',
  );
  assert.match(message('pids.max', 'max'), /enclosing group/);
});

test('sizes are those that people wrote, before the kernel rounded them down to pages', () => {
  for (const [bytes, text] of [
    [100_000_000, '100 MB'],
    [99_999_744, '100 MB'],
    [104_857_600, '100 MiB'],
    [1_499_996_160, '1.5 GB'],
    [536_870_912, '512 MiB'],
    [8192, '8 KiB'],
  ] as const) {
    assert.equal(limitBytes(bytes), text, String(bytes));
  }
});

test('whose limit it was: who was in the way since, or else the tightest', () => {
  const holder = (folder: string, value: number | 'max', hits: number | undefined) => ({ folder, value, hits });
  const before = [holder('/a/b/c', 100, 3), holder('/a/b', 200, 5), holder('/a', 'max', 9)];
  const now = (own: number, group: number, top: number) => [
    holder('/a/b/c', 100, own),
    holder('/a/b', 200, group),
    holder('/a', 'max', top),
  ];
  assert.equal(whoseLimit(before, now(4, 5, 9))?.folder, '/a/b/c');
  assert.equal(whoseLimit(before, now(3, 6, 9))?.folder, '/a/b');
  assert.equal(whoseLimit(before, now(4, 6, 9))?.folder, '/a/b/c');
  assert.equal(whoseLimit(before, now(3, 5, 9)), undefined, 'the machine had no more');
  const uncounted = [holder('/a/b/c', 100, undefined), holder('/a/b', 50, undefined), holder('/a', 50, undefined)];
  assert.equal(whoseLimit([], uncounted)?.folder, '/a/b');
  assert.equal(whoseLimit([], [holder('/a', 'max', undefined)]), undefined);
});
