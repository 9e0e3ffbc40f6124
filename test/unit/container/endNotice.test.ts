import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endNotice, type MetLimit } from '../../../helper/container/endNotice.js';
import type { ContainerSummary } from '../../../helper/protocol/index.js';

const summary = (changes: Partial<ContainerSummary>): ContainerSummary => ({
  id: '0123456789ab',
  name: 'web',
  state: 'running',
  root: { kind: 'host' },
  createdAt: '',
  args: [],
  terminal: false,
  remove: false,
  ...changes,
});
const exit = (signal: number, oomKilled = false) => ({
  exitCode: signal === 0 ? 1 : 128 + signal,
  signal,
  oomKilled,
  finishedAt: '',
});
const messages = async (before: ContainerSummary[], after: ContainerSummary[], limit?: MetLimit) =>
  (await endNotice(before, after, async () => limit)).map(({ params }) => params.message);

test('a bad end is told', async () => {
  const up = [summary({})];
  const ends: readonly [Partial<ContainerSummary>, RegExp][] = [
    [{ exit: exit(9, true) }, /^web was killed: out of memory of this machine$/],
    [{ exit: exit(11) }, /^web was ended by signal 11$/],
    [{ monitorLost: true }, /exit status is unknown/],
  ];
  for (const [end, message] of ends) {
    const [text, ...more] = await messages(up, [summary({ state: 'stopped', ...end })]);
    assert.match(text ?? '', message);
    assert.deepEqual(more, []);
  }
  const killed = summary({ state: 'stopped', exit: exit(9, true) });
  assert.deepEqual(await messages(up, [killed], { value: 100 * 1024 ** 2 }), [
    'web was killed: out of memory at 100 MiB',
  ]);
  assert.deepEqual(await messages(up, [killed], { value: 50_000_000, of: { group: 'lab' } }), [
    'web was killed: out of memory at 50 MB, the limit of the group lab',
  ]);
});

test('what somebody did on purpose, and a failure that has its own exit status, are not', async () => {
  for (const signal of [0, 2, 9, 15]) {
    assert.deepEqual(await messages([summary({})], [summary({ state: 'stopped', exit: exit(signal) })]), []);
  }
});

test('only who was up before has ended', async () => {
  const end = summary({ state: 'stopped', exit: exit(11) });
  assert.deepEqual(await messages([], [end]), []);
  assert.deepEqual(await messages([summary({ state: 'stopped' })], [end]), []);
  assert.deepEqual(await messages([summary({ id: 'another' })], [end]), []);
  assert.equal(await (await messages([summary({ state: 'paused' })], [end])).length, 1);
});
