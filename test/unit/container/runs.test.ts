import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { ContainerRecord } from '../../../helper/container/record.js';
import { pruneRuns, type Run, readLatestRun, stateOf, summarize } from '../../../helper/container/runs.js';
import type { ContainerStore } from '../../../helper/container/store.js';
import { bootId } from '../../../helper/inspect/boot.js';
import { processIdentity } from '../../../helper/inspect/stat.js';
import type { ProcessIdentity } from '../../../helper/protocol/index.js';
import { recordOf, temporaryMachine } from './machine.js';

const gone: ProcessIdentity = { pid: 1, startTime: 1_000_000_000 };
const runtime = (init = gone, monitor = gone) => ({
  bootId: bootId(),
  init,
  monitor,
  zygotePid: 1,
  startedAt: '2026-01-02T03:04:05.000Z',
  socket: '/run/x.sock',
});
const exit = { exitCode: 137, signal: 9, oomKilled: true, finishedAtNs: '1700000000123456789', pid: 5 };
const self = (): ProcessIdentity => processIdentity(process.pid) ?? gone;

function writeRun(
  store: ContainerStore,
  { id }: ContainerRecord,
  number: number,
  files: Record<string, unknown>,
): void {
  mkdirSync(store.folder(id, 'runs', String(number)), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(store.folder(id, 'runs', String(number), name), text);
  }
}

describe('the state of a container', () => {
  const run: Run = { number: 1, folder: '/x' };
  const started: Run = { ...run, runtime: runtime() };
  const ended: Run = { ...started, exit: { exitCode: 0, signal: 0, oomKilled: false, finishedAt: '' } };
  const cases = [
    ['never started', undefined, false, false, false, 'created', false],
    ['being started', run, false, false, false, 'creating', false],
    ['running', started, true, true, false, 'running', false],
    ['held by the freezer', started, true, true, 'freezer', 'paused', false],
    ['held by signals', started, true, true, 'signals', 'paused', false],
    ['its monitor writes down how it ended', started, false, true, false, 'running', false],
    ['its monitor was killed, it runs on', started, true, false, false, 'running', true],
    ['its monitor was killed, it ended', started, false, false, false, 'stopped', true],
    ['ended', ended, false, false, false, 'stopped', false],
    ['ended, its monitor still hands out output', ended, false, true, false, 'stopped', false],
    [
      'ended before the helper wrote that it had started',
      { ...run, exit: ended.exit },
      false,
      false,
      false,
      'stopped',
      false,
    ],
  ] as const;
  for (const [what, facts, initAlive, monitorAlive, paused, state, monitorLost] of cases) {
    test(`${what}: ${state}`, () => {
      const given = { run: facts as Run | undefined, initAlive, monitorAlive, paused };
      assert.deepEqual(stateOf(given), { state, monitorLost });
    });
  }
});

describe('runs on disk', () => {
  test('of an earlier start of the machine nothing runs, whoever has the pid and start time now', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    writeRun(store, record, 1, { 'runtime.json': { ...runtime(self(), self()), bootId: 'an earlier one' } });
    const { state, monitorLost, init, exit: known } = await summarize(store, record);
    assert.deepEqual([state, monitorLost, init, known], ['stopped', true, undefined, undefined]);
    writeRun(store, record, 2, { 'runtime.json': runtime(self(), self()) });
    const control = await summarize(store, record);
    assert.deepEqual([control.state, control.init], ['running', self()], 'control: of this one');
  });

  test('the latest is the one with the highest number, not the last by name', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    assert.equal(readLatestRun(store, record.id), undefined);
    for (const number of [2, 9, 10]) writeRun(store, record, number, { 'runtime.json': runtime() });
    mkdirSync(store.folder(record.id, 'runs', '99.tmp'));
    assert.equal(readLatestRun(store, record.id)?.number, 10);
  });

  test('how it ended is told in the words of the protocol', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    writeRun(store, record, 1, { 'runtime.json': runtime(), 'exit.json': exit });
    const summary = await summarize(store, record);
    assert.equal(summary.state, 'stopped');
    assert.deepEqual(summary.exit, {
      exitCode: 137,
      signal: 9,
      oomKilled: true,
      finishedAt: '2023-11-14T22:13:20.123Z',
    });
    assert.equal(summary.init, undefined);
  });

  test('one that lives is known by pid and start time, and an end is seen once it is written', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    writeRun(store, record, 1, { 'runtime.json': runtime(self(), self()) });
    const running = await summarize(store, record);
    assert.deepEqual([running.state, running.init], ['running', self()]);
    writeRun(store, record, 1, { 'exit.json': exit });
    assert.equal((await summarize(store, record)).state, 'stopped');
    // Another process that has come to the same pid is not it.
    writeRun(store, record, 2, { 'runtime.json': runtime({ ...self(), startTime: self().startTime - 1 }) });
    assert.deepEqual(
      [(await summarize(store, record)).state, (await summarize(store, record)).monitorLost],
      ['stopped', true],
    );
  });

  test('files that a crash of the machine has damaged count as absent', async (t) => {
    const { store } = temporaryMachine(t);
    for (const damage of ['', '{"init":', '{}', 'null']) {
      const record = recordOf();
      await store.create(record);
      writeRun(store, record, 1, { 'runtime.json': runtime(), 'exit.json': damage });
      assert.equal((await summarize(store, record)).monitorLost, true, `exit.json: ${damage}`);
      writeRun(store, record, 2, { 'runtime.json': damage });
      assert.equal((await summarize(store, record)).state, 'creating', `runtime.json: ${damage}`);
    }
  });

  test('a new run is seen after one that had ended, and none after all are gone', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    writeRun(store, record, 1, { 'runtime.json': runtime(), 'exit.json': exit });
    assert.equal(readLatestRun(store, record.id), readLatestRun(store, record.id), 'parsed once');
    writeRun(store, record, 2, { 'runtime.json': runtime(self(), self()) });
    assert.equal((await summarize(store, record)).state, 'running');
    await store.forget(record);
    assert.equal(readLatestRun(store, record.id), undefined);
  });

  test('only the latest stay', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    for (let number = 1; number <= 12; number++) writeRun(store, record, number, { output: String(number) });
    await pruneRuns(store, record.id, 12);
    assert.deepEqual(readdirSync(store.folder(record.id, 'runs')).sort(), ['10', '11', '12']);
    assert.equal(readFileSync(store.folder(record.id, 'runs', '12', 'output'), 'utf8'), '12');
  });
});
