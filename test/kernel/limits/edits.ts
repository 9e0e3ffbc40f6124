import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as protocol from '../../../helper/protocol/index.js';
import { fails } from '../support/failure.js';
import { eventually } from '../support/wait.js';
import type { LimitsBed } from './limitsBed.js';

const { ErrorCode } = protocol;
const MiB = 1024 * 1024;
const begin = { memory: { limit: 256 * MiB }, pids: { limit: 40 } };

/** Setting and undoing limits, through the requests that the form makes, against what the kernel's files hold. */
export function testEdits(bed: LimitsBed): void {
  const testEdit = (name: string, body: () => Promise<void>) => bed.testWithCgroups(name, body);

  testEdit(
    'what is set is in the kernel, in the edits, and for the next start; undo takes one back after another',
    async () => {
      const { id } = await bed.up({ resources: begin });
      const { report, writes, edit } = await bed.set(id, { 'pids.max': '50', 'memory.max': String(128 * MiB) });
      assert.equal(await bed.file(id, 'pids.max'), '50');
      assert.equal(await bed.file(id, 'memory.max'), String(128 * MiB));
      assert.deepEqual(
        writes.filter(({ name }) => name === 'pids.max').map(({ data, held }) => [data, held]),
        [['50', '50']],
      );
      assert.deepEqual([...edit.changes].sort(byName), [
        { name: 'memory.max', before: String(256 * MiB), after: String(128 * MiB) },
        { name: 'pids.max', before: '40', after: '50' },
      ]);
      assert.deepEqual(report.undoable, edit);
      await bed.set(id, { 'pids.max': '60' });
      const undone = await bed.undo(id);
      assert.equal(undone.edit.kind, 'undo');
      assert.equal(await bed.file(id, 'pids.max'), '50');
      assert.deepEqual(undone.report.undoable, edit);
      await bed.undo(id);
      assert.equal(await bed.file(id, 'pids.max'), '40');
      assert.equal(await bed.file(id, 'memory.max'), String(256 * MiB));
      await fails(bed.undo(id), { code: ErrorCode.WrongState, message: /no change of limits of .* to undo/ });
      assert.deepEqual(
        (await bed.edits(id)).map(({ kind, changes }) => [kind, changes.length]),
        [
          ['edit', 2],
          ['edit', 1],
          ['undo', 1],
          ['undo', 2],
        ],
      );
      await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
      assert.equal(await bed.file(id, 'pids.max'), '40');
    },
  );

  testEdit('an edit lasts over a restart and can be undone after it', async () => {
    const { id } = await bed.up({ resources: begin });
    await bed.set(id, { 'pids.max': '50' });
    await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
    assert.equal(await bed.file(id, 'pids.max'), '50');
    const { report } = await bed.undo(id);
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.equal(report.undoable, undefined);
  });

  testEdit('until restart: the next start has what was there before, and nothing is left to undo', async () => {
    const { id } = await bed.up({ resources: begin });
    const { report } = await bed.set(id, { 'pids.max': '50' }, { until: 'restart' });
    const reading = report.readings.find(({ name }) => name === 'pids.max');
    assert.deepEqual([reading?.value, reading?.nextStart], ['50', '40']);
    assert.equal(await bed.file(id, 'pids.max'), '50');
    await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.equal((await bed.read(id)).undoable, undefined);
    await fails(bed.undo(id), { code: ErrorCode.WrongState, message: /to undo/ });
  });

  testEdit('until restart: undo takes it back while the container runs', async () => {
    const { id } = await bed.up({ resources: begin });
    await bed.set(id, { 'pids.max': '50' }, { until: 'restart' });
    await bed.undo(id);
    assert.equal(await bed.file(id, 'pids.max'), '40');
  });

  testEdit('a stopped container: its next start is edited, and undone', async () => {
    const { id } = await bed.helper.request(protocol.CreateContainer, { specification: { resources: begin } });
    const { report, writes } = await bed.set(id, { 'pids.max': '50' });
    assert.deepEqual([report.live, writes], [false, []]);
    assert.equal((await bed.reading(id, 'pids.max')).value, '50');
    for (const more of [{ until: 'restart' }, { trySeconds: 5 }] as const) {
      await fails(bed.set(id, { 'pids.max': '60' }, more), {
        code: ErrorCode.WrongState,
        message: /cannot be/,
        fix: /Start it first/,
      });
    }
    await bed.undo(id);
    assert.equal((await bed.reading(id, 'pids.max')).value, '40');
  });

  testEdit('undo does not overwrite what somebody else has set since', async () => {
    const { id } = await bed.up({ resources: begin });
    await bed.set(id, { 'pids.max': '50' });
    const [file = ''] = (await bed.reading(id, 'pids.max')).files;
    writeFileSync(file, '55');
    await fails(bed.undo(id), { code: ErrorCode.WrongState, message: /changed since: pids\.max/, fix: /as they are/ });
    assert.equal(await bed.file(id, 'pids.max'), '55');
  });

  testEdit('one client sees and undoes what another one has set', async () => {
    const other = await bed.client();
    const { id } = await bed.up({ resources: begin });
    const { edit } = await bed.set(id, { 'pids.max': '50' });
    const told = await eventually('the edit to be told', () =>
      other.told.find(({ target }) => 'container' in target && target.container === id),
    );
    assert.deepEqual(told, { target: { container: id }, edit });
    await bed.undo(id, other.helper);
    assert.equal(await bed.file(id, 'pids.max'), '40');
    await other.helper.stop();
  });

  testEdit('nonsense is refused before anything is written', async () => {
    const { id } = await bed.up({ resources: begin });
    for (const [values, more] of [
      [{}, {}],
      [{ 'pids.max': '-3' }, {}],
      [{ 'pids.max': '50', 'cpu.weight': '0' }, {}],
      [{ 'pids.max': '50' }, { trySeconds: 4 }],
      [{ 'pids.max': '50' }, { trySeconds: 601 }],
      [{ 'pids.max': '50' }, { trySeconds: 5.5 }],
    ] as [Record<string, string>, Partial<protocol.SetLimitsParams>][]) {
      await fails(bed.set(id, values, more), { code: ErrorCode.Invalid, message: /./, fix: /./ });
    }
    const twice = ['50', '60'].map((value) => ({ name: 'pids.max', value }));
    await fails(bed.helper.request(protocol.SetLimits, { target: { container: id }, changes: twice }), {
      code: ErrorCode.Invalid,
      message: /twice/,
    });
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.deepEqual(await bed.edits(id), []);
  });

  testEdit('edits go with their container', async () => {
    const { id } = await bed.up({ resources: begin });
    await bed.set(id, { 'pids.max': '50' });
    const folder = path.join(bed.home.data, 'limits');
    assert.ok(existsSync(path.join(folder, `${id}.json`)));
    await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(id)),
      [],
    );
  });
}

const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
