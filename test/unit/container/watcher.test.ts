import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Machine } from '../../../helper/container/machine.js';
import { announceChange, ContainerWatcher, listContainers } from '../../../helper/container/watcher.js';
import type { ContainerSummary } from '../../../helper/protocol/index.js';
import { eventually } from '../../kernel/support/wait.js';
import { recordOf, temporaryMachine } from './machine.js';

const settled = 150;

interface Change {
  names: string[];
  before: string[];
}

function watch(t: TestContext, machine: Machine): Change[] {
  const changes: Change[] = [];
  const names = (containers: readonly ContainerSummary[]) => containers.map(({ name }) => name);
  const watcher = new ContainerWatcher(
    machine,
    async () => undefined,
    (after, before) => {
      changes.push({ names: names(after), before: names(before) });
    },
  );
  watcher.start();
  t.after(() => watcher.stop());
  return changes;
}

test('many changes in a row are told once, with what was before', async (t) => {
  const machine = temporaryMachine(t);
  await machine.store.create(recordOf({ name: 'first' }));
  const changes = watch(t, machine);
  await eventually('the first list', () => changes.length > 0);
  assert.deepEqual(changes, [{ names: ['first'], before: [] }]);
  // At once, so that on no machine there is time to look in between.
  for (let i = 0; i < 10; i++) {
    const record = recordOf({ name: `next-${i}` });
    mkdirSync(machine.store.folder(record.id));
    writeFileSync(machine.store.folder(record.id, 'container.json'), JSON.stringify(record));
  }
  announceChange(machine);
  await eventually('all of them', () => changes.at(-1)?.names.length === 11);
  const { before } = changes.at(-1) ?? { before: [] };
  assert.ok(changes.length <= 4, `told ${changes.length} times`);
  assert.ok(before.length < 11);
});

test('a change that changes nothing is not told', async (t) => {
  const machine = temporaryMachine(t);
  await machine.store.create(recordOf());
  const changes = watch(t, machine);
  await eventually('the first list', () => changes.length > 0);
  announceChange(machine);
  writeFileSync(path.join(machine.locations.runtime, 'x.sock'), '');
  await delay(settled);
  assert.equal(changes.length, 1);
});

test('what another helper announces is told', async (t) => {
  const machine = temporaryMachine(t);
  const record = recordOf({ name: 'old' });
  await machine.store.create(record);
  const changes = watch(t, machine);
  await eventually('the first list', () => changes.length > 0);
  await machine.store.save({ ...record, specification: { root: { kind: 'image', name: 'x' } } });
  announceChange(machine);
  await eventually('the change', () => changes.length === 2);
});

test('nothing is told after the end', async (t) => {
  const machine = temporaryMachine(t);
  const changes: unknown[] = [];
  const watcher = new ContainerWatcher(
    machine,
    async () => undefined,
    () => changes.push(1),
  );
  watcher.start();
  await machine.store.create(recordOf());
  watcher.stop();
  await delay(settled);
  assert.deepEqual(changes, []);
});

test('where a folder cannot be watched it is looked at now and then', async (t) => {
  const machine = temporaryMachine(t);
  rmSync(machine.locations.runtime, { recursive: true });
  t.mock.timers.enable({ apis: ['setInterval'] });
  await machine.store.create(recordOf({ name: 'first' }));
  const changes = watch(t, machine);
  assert.match(machine.messages.join(), /changes are looked for, not told: .*ENOENT/);
  await eventually('the first list', () => changes.length > 0);
  await machine.store.create(recordOf({ name: 'unseen' }));
  await delay(settled);
  assert.deepEqual(changes, [{ names: ['first'], before: [] }]);
  t.mock.timers.tick(2000);
  await eventually('the look', () => changes.length > 1);
  assert.deepEqual([changes[1]?.names.toSorted(), changes[1]?.before], [['first', 'unseen'], ['first']]);
});

test('a container with a damaged record is listed as such, beside the others', async (t) => {
  const machine = temporaryMachine(t);
  const [sound, damaged] = [recordOf({ name: 'sound' }), recordOf({ name: 'broken' })];
  await machine.store.create(sound);
  await machine.store.create(damaged);
  writeFileSync(machine.store.folder(damaged.id, 'container.json'), '{');
  const list = await listContainers(machine);
  assert.deepEqual(
    list.map(({ name, state, damaged: damage }) => [name, state, damage !== undefined]),
    [
      ['sound', 'created', false],
      ['broken', 'created', true],
    ],
  );
});
