import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as protocol from '../../../helper/protocol/index.js';
import { fails } from '../support/failure.js';
import { eventually } from '../support/wait.js';
import type { LimitsBed } from './limitsBed.js';

const { ErrorCode } = protocol;
const MiB = 1024 * 1024;
const begin = { memory: { limit: 256 * MiB }, pids: { limit: 40 } };

/** Trials of limits, and helpers that are killed at them, against what the kernel's files hold. */
export function testTrials(bed: LimitsBed): void {
  const testEdit = (name: string, body: () => Promise<void>) => bed.testWithCgroups(name, body);

  testEdit('a trial that nobody keeps is rolled back, and every client is told', async () => {
    const other = await bed.client();
    const { id } = await bed.up({ resources: begin });
    const { report, edit } = await bed.set(
      id,
      { 'pids.max': '50', 'memory.max': String(128 * MiB) },
      // Long enough for the two looks that follow, in user-mode Linux on a busy machine too.
      { trySeconds: 8 },
    );
    const left = Date.parse(report.trial?.rollsBackAt ?? '') - Date.now();
    assert.ok(left > 0 && left <= 8000, `${left} ms are left`);
    assert.equal(report.trial?.edit, edit.id);
    assert.equal(await bed.file(id, 'pids.max'), '50');
    assert.equal((await bed.reading(id, 'pids.max')).nextStart, '40');
    for (const { told } of [bed.first, other]) {
      const mine = () => told.filter(({ target }) => 'container' in target && target.container === id);
      await eventually('the rollback to be told', () => mine().at(-1)?.edit.kind === 'rollback');
      assert.deepEqual(
        mine().map(({ edit: { kind } }) => kind),
        ['edit', 'rollback'],
      );
    }
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.equal(await bed.file(id, 'memory.max'), String(256 * MiB));
    const after = await bed.read(id, other.helper);
    assert.deepEqual([after.trial, after.undoable], [undefined, undefined]);
    await fails(bed.helper.request(protocol.KeepLimits, { target: { container: id }, edit: edit.id }), {
      code: ErrorCode.WrongState,
      message: /not on trial/,
    });
    await other.helper.stop();
  });

  testEdit('a trial that is kept stays, for the next start too, and can be undone', async () => {
    const { id } = await bed.up({ resources: begin });
    const { edit, report } = await bed.set(id, { 'pids.max': '50' }, { trySeconds: 5 });
    const kept = await bed.helper.request(protocol.KeepLimits, { target: { container: id }, edit: edit.id });
    assert.deepEqual([kept.trial, kept.undoable?.id], [undefined, edit.id]);
    // Past the time at which it would have been rolled back.
    await delay(Math.max(0, Date.parse(report.trial?.rollsBackAt ?? '') - Date.now()) + 300);
    assert.equal(await bed.file(id, 'pids.max'), '50');
    await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
    assert.equal(await bed.file(id, 'pids.max'), '50');
    await bed.undo(id);
    assert.equal(await bed.file(id, 'pids.max'), '40');
  });

  testEdit('a trial until restart that is kept stays until then', async () => {
    const { id } = await bed.up({ resources: begin });
    const { edit } = await bed.set(id, { 'pids.max': '50' }, { trySeconds: 600, until: 'restart' });
    await bed.helper.request(protocol.KeepLimits, { target: { container: id }, edit: edit.id });
    assert.equal((await bed.reading(id, 'pids.max')).nextStart, '40');
    await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
    assert.equal(await bed.file(id, 'pids.max'), '40');
  });

  testEdit('during a trial nothing else is set; undo ends it at once', async () => {
    const { id } = await bed.up({ resources: begin });
    const { edit } = await bed.set(id, { 'pids.max': '50' }, { trySeconds: 600 });
    const other = await bed.client();
    await fails(bed.set(id, { 'memory.max': String(128 * MiB) }, {}, other.helper), {
      code: ErrorCode.WrongState,
      message: /on trial/,
      fix: /Keep that change or undo it/,
    });
    const { report, edit: undo } = await bed.undo(id, other.helper);
    assert.deepEqual([undo.kind, report.trial], ['undo', undefined]);
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.equal(await bed.file(id, 'memory.max'), String(256 * MiB));
    await fails(bed.helper.request(protocol.KeepLimits, { target: { container: id }, edit: edit.id }), {
      code: ErrorCode.WrongState,
      message: /not on trial/,
    });
    await other.helper.stop();
  });

  testEdit('a trial ends with its client: when that leaves, and when its helper is killed', async () => {
    const { id } = await bed.up({ resources: begin });
    const leaving = await bed.client();
    await bed.set(id, { 'pids.max': '50' }, { trySeconds: 600 }, leaving.helper);
    assert.equal(await bed.file(id, 'pids.max'), '50');
    await leaving.helper.stop();
    assert.equal(await bed.file(id, 'pids.max'), '40');

    const killed = await bed.client();
    await bed.set(id, { 'pids.max': '70' }, { trySeconds: 600 }, killed.helper);
    await killed.helper.crash();
    // By the other helper that is there, without being asked: the file is read with nothing of Terrarium's.
    const [file = ''] = (await bed.reading(id, 'pids.max')).files;
    await eventually('the rollback', () => readFileSync(file, 'utf8').trim() === '40');
  });

  testEdit('a trial ends with a client that is gone without a word', async () => {
    const { id } = await bed.up({ resources: begin });
    const [file = ''] = (await bed.reading(id, 'pids.max')).files;
    const alone = await bed.client();
    await bed.helper.stop();
    await bed.set(id, { 'pids.max': '50' }, { trySeconds: 600 }, alone.helper);
    alone.helper.child.stdin?.end();
    // Nobody else is there to do it.
    await eventually('the rollback', () => readFileSync(file, 'utf8').trim() === '40');
    await eventually('the end of the helper', () => alone.helper.child.exitCode !== null);
    await bed.renew();
  });

  testEdit('a trial whose helper was killed is rolled back by the next one that starts', async () => {
    const { id } = await bed.up({ resources: begin });
    const [file = ''] = (await bed.reading(id, 'pids.max')).files;
    const alone = await bed.client();
    await bed.helper.stop();
    await bed.set(id, { 'pids.max': '50' }, { trySeconds: 600 }, alone.helper);
    await alone.helper.crash();
    assert.equal(readFileSync(file, 'utf8').trim(), '50');
    await bed.renew();
    await eventually('the rollback', () => readFileSync(file, 'utf8').trim() === '40');
    // It is written down after it is done.
    await eventually('the rollback to be told', async () => (await bed.edits(id)).at(-1)?.kind === 'rollback');
  });

  testEdit('a helper that is killed in the middle of an edit leaves all of it or nothing', async () => {
    const { id } = await bed.up({ resources: begin });
    const all = ['50', String(128 * MiB)];
    const none = ['40', String(256 * MiB)];
    for (const milliseconds of [0, 2, 8, 32]) {
      const victim = await bed.client();
      const setting = bed.set(id, { 'pids.max': '50', 'memory.max': String(128 * MiB) }, {}, victim.helper);
      setting.catch(() => undefined);
      await delay(milliseconds);
      await victim.helper.crash();
      const report = await bed.read(id);
      const held = [await bed.file(id, 'pids.max'), await bed.file(id, 'memory.max')];
      assert.ok(String(held) === String(all) || String(held) === String(none), `${held} after ${milliseconds} ms`);
      assert.deepEqual(
        report.readings.filter(({ nextStart }) => nextStart !== undefined).map(({ name }) => name),
        [],
        'the next start has the same',
      );
      if (String(held) === String(all)) await bed.undo(id);
    }
  });

  testEdit('what a killed helper had begun to write is put back', async () => {
    const { id } = await bed.up({ resources: begin });
    await bed.set(id, { 'pids.max': '45' });
    const file = path.join(bed.home.data, 'limits', `${id}.json`);
    const [pids = ''] = (await bed.reading(id, 'pids.max')).files;
    writeFileSync(pids, '50');
    const journal = JSON.parse(readFileSync(file, 'utf8')) as { edits: Record<string, unknown>[] };
    const changes = [
      { name: 'pids.max', before: '45', after: '50' },
      { name: 'memory.max', before: String(256 * MiB), after: String(128 * MiB) },
    ];
    const edit = { ...journal.edits[0], id: 'begun', changes, configured: undefined };
    // Of another start of the machine, so nobody's by now.
    const owner = { pid: 1, startTime: 1, bootId: 'earlier' };
    writeFileSync(file, JSON.stringify({ ...journal, pending: { phase: 'writing', edit, owner } }));
    await eventually('what was begun to be put back', async () => (await bed.file(id, 'pids.max')) === '45');
    assert.deepEqual((await bed.edits(id)).map(({ id: one }) => one).includes('begun'), false);
  });
}
