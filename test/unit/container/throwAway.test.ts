import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Machine } from '../../../helper/container/machine.js';
import type { ContainerRecord } from '../../../helper/container/record.js';
import { lingerMilliseconds, removableFrom, ThrowAways } from '../../../helper/container/throwAway.js';
import { bootId } from '../../../helper/inspect/boot.js';
import { recordOf, temporaryMachine } from './machine.js';

const now = Date.parse('2026-01-01T00:00:00Z');
const runtime = {
  init: { pid: 1, startTime: 1e9 },
  monitor: { pid: 1, startTime: 1e9 },
  bootId: bootId(),
  zygotePid: 1,
  startedAt: '',
  socket: '',
};
const exitAt = (milliseconds: number) => ({
  exitCode: 0,
  signal: 0,
  oomKilled: false,
  finishedAtNs: String(BigInt(milliseconds) * 1_000_000n),
});

async function ended(machine: Machine, changes: Partial<ContainerRecord> = {}): Promise<ContainerRecord> {
  const record = recordOf(changes);
  await machine.store.create(record);
  const run = machine.store.folder(record.id, 'runs', '1');
  mkdirSync(run, { recursive: true });
  writeFileSync(path.join(run, 'runtime.json'), JSON.stringify(runtime));
  writeFileSync(path.join(run, 'exit.json'), JSON.stringify(exitAt(now)));
  return record;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Waits for what a timer has begun, by a clock that is not mocked. */
async function until(done: () => boolean): Promise<void> {
  const start = performance.now();
  while (!done() && performance.now() - start < 5000) await turn();
  assert.ok(done());
}

/** Long enough for a removal, had one begun. */
async function aWhile(): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < 100) await turn();
}

function mockTime(t: TestContext): void {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now });
}

describe('when a throw-away container may go', () => {
  const record = { remove: true, createdAt: new Date(now).toISOString() };
  const exit = { exitCode: 0, signal: 0, oomKilled: false, finishedAt: new Date(now).toISOString() };
  test('a while after its end', () => {
    assert.equal(removableFrom(record, { runtime, exit }, false), now + lingerMilliseconds);
    assert.equal(removableFrom(record, { exit }, false), now + lingerMilliseconds);
  });
  test('not while it runs or is started', () => {
    assert.equal(removableFrom(record, { runtime }, true), undefined);
    assert.equal(removableFrom(record, {}, false), undefined);
  });
  test('at once when its monitor was killed, for its end is not known', () => {
    assert.equal(removableFrom(record, { runtime }, false), 0);
  });
  test('not soon when somebody may still mean to start it', () => {
    assert.ok((removableFrom(record, undefined, false) ?? 0) > now + 3_600_000);
  });
  test('never when it is to be kept', () => {
    for (const run of [undefined, {}, { runtime }, { runtime, exit }]) {
      assert.equal(removableFrom({ ...record, remove: false }, run, false), undefined);
    }
  });
});

describe('a helper that lives', () => {
  test('removes it after half a minute, not before', async (t) => {
    const machine = temporaryMachine(t);
    const record = await ended(machine);
    mockTime(t);
    const throwAways = new ThrowAways(machine);
    throwAways.consider([{ id: record.id, state: 'stopped', remove: true }]);
    throwAways.consider([{ id: record.id, state: 'stopped', remove: true }]);
    t.mock.timers.tick(lingerMilliseconds - 1);
    await aWhile();
    assert.ok(existsSync(machine.store.folder(record.id)));
    t.mock.timers.tick(1);
    await until(() => !existsSync(machine.store.folder(record.id)));
    await until(() => existsSync(path.join(machine.locations.runtime, 'changed')));
    assert.deepEqual([readdirSync(machine.locations.containers), readdirSync(machine.locations.names)], [[], []]);
    assert.ok(existsSync(path.join(machine.locations.runtime, 'changed')), 'other helpers are told');
    assert.deepEqual(machine.messages, []);
  });

  test('leaves alone what runs, what is kept, and what was started again', async (t) => {
    const machine = temporaryMachine(t);
    const kept = await ended(machine, { remove: false });
    const again = await ended(machine);
    mockTime(t);
    const throwAways = new ThrowAways(machine);
    throwAways.consider([
      { id: kept.id, state: 'stopped', remove: false },
      { id: again.id, state: 'stopped', remove: true },
    ]);
    const second = machine.store.folder(again.id, 'runs', '2');
    mkdirSync(second);
    t.mock.timers.tick(lingerMilliseconds);
    await aWhile();
    assert.ok(existsSync(machine.store.folder(kept.id)));
    assert.ok(existsSync(machine.store.folder(again.id)));
  });

  test('waits anew for one that ended a second time', async (t) => {
    const machine = temporaryMachine(t);
    const record = await ended(machine);
    mockTime(t);
    const throwAways = new ThrowAways(machine);
    throwAways.consider([{ id: record.id, state: 'stopped', remove: true }]);
    const second = machine.store.folder(record.id, 'runs', '2');
    mkdirSync(second);
    writeFileSync(path.join(second, 'runtime.json'), JSON.stringify(runtime));
    writeFileSync(path.join(second, 'exit.json'), JSON.stringify(exitAt(now + 20_000)));
    t.mock.timers.tick(lingerMilliseconds);
    await aWhile();
    assert.ok(existsSync(machine.store.folder(record.id)));
    t.mock.timers.tick(20_000);
    await until(() => !existsSync(machine.store.folder(record.id)));
    assert.equal(existsSync(machine.store.folder(record.id)), false);
  });

  test('is not put out when another helper was faster', async (t) => {
    const machine = temporaryMachine(t);
    const record = await ended(machine);
    mockTime(t);
    const throwAways = new ThrowAways(machine);
    throwAways.consider([{ id: record.id, state: 'stopped', remove: true }]);
    await machine.store.forget(record);
    t.mock.timers.tick(lingerMilliseconds);
    await aWhile();
    assert.deepEqual(machine.messages, []);
  });

  test('forgets about it when it stops', async (t) => {
    const machine = temporaryMachine(t);
    const record = await ended(machine);
    mockTime(t);
    const throwAways = new ThrowAways(machine);
    throwAways.consider([{ id: record.id, state: 'stopped', remove: true }]);
    throwAways.stop();
    t.mock.timers.tick(10 * lingerMilliseconds);
    await aWhile();
    assert.ok(existsSync(machine.store.folder(record.id)));
  });
});
