import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerStore } from '../../../helper/container/store.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { recordOf, temporaryMachine } from './machine.js';

const rejection = (code: ErrorCode, message?: RegExp) => (error: unknown) => {
  assert.equal((error as { code?: unknown }).code, code, String(error));
  if (message !== undefined) assert.match(String(error), message);
  return true;
};

describe('containers on disk', () => {
  test('are found by name, by id and by the start of one', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf({ id: 'abc000000001', name: 'web' });
    await store.create(record);
    for (const reference of ['web', 'abc000000001', 'abc']) {
      assert.deepEqual(await store.find(reference), record, reference);
    }
    for (const reference of ['', 'we', 'webb', 'b', '..', '../names/web', '.', 'a/b', 'x\0', 'x'.repeat(300)]) {
      await assert.rejects(store.find(reference), rejection(ErrorCode.NotFound), JSON.stringify(reference));
    }
  });

  test('the start of two ids is no reference, and a name goes before an id', async (t) => {
    const { store } = temporaryMachine(t);
    await store.create(recordOf({ id: 'abc000000001', name: 'one' }));
    await store.create(recordOf({ id: 'abc000000002', name: 'abc000000001' }));
    await assert.rejects(store.find('abc'), rejection(ErrorCode.NotFound, /start of 2 containers' ids/));
    assert.equal((await store.find('abc000000001')).id, 'abc000000002');
  });

  test('are listed oldest first, also to a helper that has made none of them', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const records = [recordOf(), recordOf(), recordOf()];
    for (const record of [...records].reverse()) await store.create(record);
    mkdirSync(path.join(locations.containers, 'lost+found'));
    mkdirSync(store.folder('000000000000'));
    assert.deepEqual(await new ContainerStore(locations).list(), records);
  });

  test('change for every helper when one saves', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const other = new ContainerStore(locations);
    const record = recordOf();
    await store.create(record);
    for (const annotation of ['a', 'b', 'c']) {
      assert.equal(
        (await other.read(record.id))?.specification.annotations?.x,
        (await store.read(record.id))?.specification.annotations?.x,
      );
      await store.save({ ...record, specification: { annotations: { x: annotation } } });
      assert.equal((await store.read(record.id))?.specification.annotations?.x, annotation);
      assert.equal((await other.read(record.id))?.specification.annotations?.x, annotation);
    }
  });

  test('leave nothing behind when they go', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const record = recordOf({ remove: false });
    await store.create(record);
    await store.forget(record);
    assert.deepEqual([readdirSync(locations.containers), readdirSync(locations.names)], [[], []]);
    assert.equal(await store.read(record.id), undefined);
    await assert.rejects(
      store.locked(record.id, async () => 1),
      rejection(ErrorCode.NotFound),
    );
  });
});

describe('names', () => {
  test('belong to one container; who comes second leaves nothing behind', async (t) => {
    const { store } = temporaryMachine(t);
    await store.create(recordOf({ name: 'web' }));
    const second = recordOf({ name: 'web' });
    await assert.rejects(store.create(second), rejection(ErrorCode.NameTaken, /already is a container named "web"/));
    assert.equal(existsSync(store.folder(second.id)), false);
    assert.equal(await store.isNameTaken('web'), true);
  });

  test('of many that want one at once, one gets it', async (t) => {
    const { locations } = temporaryMachine(t);
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => new ContainerStore(locations).create(recordOf({ name: 'web' }))),
    );
    assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal(readdirSync(locations.containers).length, 1);
  });

  test('a link that a crash has left is taken over, by one of many', async (t) => {
    const { store, locations } = temporaryMachine(t);
    symlinkSync('../containers/00000000dead', path.join(locations.names, 'web'));
    assert.equal(await store.isNameTaken('web'), false);
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => new ContainerStore(locations).create(recordOf({ name: 'web' }))),
    );
    assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1);
    const [winner, ...others] = await store.list();
    assert.deepEqual(others, []);
    assert.equal((await store.find('web')).id, winner?.id);
    assert.deepEqual(readdirSync(locations.names), ['web'], 'no temporary link stays');
  });

  test('move on with a container', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const record = recordOf({ name: 'old', remove: false });
    await store.create(record);
    const renamed = await store.rename(record, 'new');
    assert.deepEqual([renamed.name, renamed.id], ['new', record.id]);
    assert.deepEqual(await store.find('new'), renamed);
    await assert.rejects(store.find('old'), rejection(ErrorCode.NotFound));
    assert.deepEqual(readdirSync(locations.names), ['new']);
    assert.equal(await store.rename(renamed, 'new'), renamed);
  });

  test('that are taken are refused to a container that moves, which keeps its own', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf({ name: 'one' });
    await store.create(record);
    await store.create(recordOf({ name: 'two' }));
    await assert.rejects(store.rename(record, 'two'), rejection(ErrorCode.NameTaken));
    assert.equal((await store.find('one')).id, record.id);
    assert.notEqual((await store.find('two')).id, record.id);
  });

  test('are not stolen from a container that is just getting them', async (t) => {
    const { store, locations } = temporaryMachine(t);
    // The record is synced, which takes a while; until then the link is not yet confirmed by it.
    const record = recordOf({ name: 'old', remove: false });
    await store.create(record);
    const attempts = await Promise.allSettled([
      store.rename(record, 'web'),
      ...Array.from({ length: 10 }, () => new ContainerStore(locations).create(recordOf({ name: 'web' }))),
    ]);
    assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await store.list()).filter(({ name }) => name === 'web').length, 1);
    const owner = await store.find('web');
    assert.equal(owner.name, 'web');
  });

  test('releasing an old one does not take it from its next owner', async (t) => {
    const { store, locations } = temporaryMachine(t);
    for (let round = 0; round < 10; round++) {
      const old = recordOf({ name: 'web' });
      await store.create(old);
      const next = recordOf({ name: 'web' });
      const create = async (): Promise<void> => {
        const other = new ContainerStore(locations);
        for (;;) {
          try {
            return await other.create(next);
          } catch (error) {
            assert.equal((error as { code?: unknown }).code, ErrorCode.NameTaken);
          }
        }
      };
      await Promise.all([store.forget(old), create()]);
      assert.equal((await store.find('web')).id, next.id);
      await store.forget(next);
    }
  });
});

describe('a record that is damaged', () => {
  const damages = ['{', '{}', 'null', '\0\0\0', ''];

  test('is told with its path, and hides no other container', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const [sound, damaged] = [recordOf(), recordOf({ name: 'broken', remove: false })];
    await store.create(sound);
    await store.create(damaged);
    const file = store.folder(damaged.id, 'container.json');
    for (const content of [...damages, JSON.stringify({ ...damaged, version: 2 })]) {
      writeFileSync(file, content);
      const fresh = new ContainerStore(locations);
      await assert.rejects(fresh.read(damaged.id), rejection(ErrorCode.BadInput, /is damaged/));
      await assert.rejects(fresh.find('broken'), rejection(ErrorCode.BadInput, /is damaged/));
      assert.deepEqual(await fresh.list(), [sound]);
      const survey = await fresh.survey();
      assert.deepEqual(survey.records, [sound]);
      assert.deepEqual(
        survey.damaged.map(({ id, name }) => [id, name]),
        [[damaged.id, 'broken']],
      );
    }
  });

  test('keeps its name from others, and is found to be removed by name and id', async (t) => {
    const { store } = temporaryMachine(t);
    const damaged = recordOf({ name: 'broken', remove: false });
    await store.create(damaged);
    writeFileSync(store.folder(damaged.id, 'container.json'), 'x');
    await assert.rejects(store.create(recordOf({ name: 'broken' })), rejection(ErrorCode.NameTaken));
    for (const reference of ['broken', damaged.id, damaged.id.slice(0, 6)]) {
      const { id, name } = await store.findRemovable(reference);
      assert.deepEqual([id, name], [damaged.id, 'broken']);
    }
    await store.forget(await store.findRemovable('broken'));
    assert.deepEqual(await store.survey(), { records: [], damaged: [] });
    await store.create(recordOf({ name: 'broken' }));
    await assert.rejects(store.findRemovable('nosuch'), rejection(ErrorCode.NotFound));
  });

  test('without a link is called by its id', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const damaged = recordOf({ name: 'broken', remove: false });
    await store.create(damaged);
    writeFileSync(store.folder(damaged.id, 'container.json'), 'x');
    rmSync(path.join(locations.names, 'broken'));
    assert.equal((await store.survey()).damaged[0]?.name, damaged.id);
  });

  test('of a throw-away container is as good as none when it is empty: the machine crashed before it was on disk', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf({ remove: true });
    await store.create(record);
    writeFileSync(store.folder(record.id, 'container.json'), '');
    assert.equal(await store.read(record.id), undefined);
    assert.deepEqual(await store.survey(), { records: [], damaged: [] });
  });
});

describe('the lock of a container', () => {
  test('lets in one at a time, with the record as it is then', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    let inside = 0;
    const counts = await Promise.all(
      Array.from({ length: 8 }, () =>
        new ContainerStore(locations).locked(record.id, async (current) => {
          assert.equal(++inside, 1);
          const count = Number(current.specification.annotations?.count ?? 0) + 1;
          await delay(2);
          await store.save({ ...current, specification: { annotations: { count: String(count) } } });
          inside--;
          return count;
        }),
      ),
    );
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
  });

  test('is given back when the work fails', async (t) => {
    const { store } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    await assert.rejects(
      store.locked(record.id, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await store.locked(record.id, async () => 'yes'), 'yes');
  });

  test('who waited for a container that was removed is told', async (t) => {
    const { store, locations } = temporaryMachine(t);
    const record = recordOf();
    await store.create(record);
    const removal = store.locked(record.id, async (current) => {
      await delay(20);
      await store.forget(current);
    });
    const late = new ContainerStore(locations).locked(record.id, async () => 'never');
    await removal;
    await assert.rejects(late, rejection(ErrorCode.NotFound, /removed meanwhile/));
  });
});
