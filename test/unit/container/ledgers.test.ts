import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { failedLedgers, keepFailedLedgers } from '../../../helper/container/failures.js';
import {
  allLedgersWritten,
  keepLedger,
  listOperations,
  readLedger,
  readOperation,
  summarizeLedgers,
} from '../../../helper/container/ledgers.js';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { encodePlan } from '../../../helper/plan/encode.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import type { Exchange } from '../../../helper/zygote/connection.js';
import { planInput } from '../plan/samples.js';
import { recordOf, temporaryMachine } from './machine.js';

const plan = containerPlan(planInput());

/** What the stage answers when nothing failed and nothing was recorded. */
function exchange(status = 0): Exchange {
  const response = Buffer.alloc(48);
  response.write('TLDG', 0, 'latin1');
  response.writeUInt32LE(0x47444c54, 0);
  response.writeUInt16LE(1, 4);
  response.writeUInt16LE(status, 6);
  response.writeUInt32LE(status === 1 ? 3 : 0xffff_ffff, 32);
  return {
    request: encodePlan(plan),
    response,
    answer: {
      status: 'running',
      pid: 1,
      monitorPid: 2,
      startTime: 3,
      monitorStartTime: 4,
      errno: 0,
      records: [],
      dropped: 0,
    },
  };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ledgers-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'ledgers');
}

const fail = (error: unknown): never => {
  throw error;
};

async function keepAt(folder: string, operation: string, seconds: number, status = 0): Promise<void> {
  await keepLedger(folder, operation, exchange(status), fail);
  for (const part of ['plan', 'answer']) utimesSync(path.join(folder, `${operation}.${part}`), seconds, seconds);
}

describe('ledgers', () => {
  test('who reads right after a start finds it', async (t) => {
    const folder = folderOf(t);
    void keepLedger(folder, 'start-1', exchange(), fail);
    const { operation, plan: kept } = await readOperation(folder);
    assert.deepEqual([operation, kept], ['start-1', plan]);
    await allLedgersWritten();
  });

  test('the latest start is the one that is meant without a name', async (t) => {
    const folder = folderOf(t);
    await keepAt(folder, 'start-1', 100);
    await keepAt(folder, 'start-2', 200);
    await keepAt(folder, 'exec-1', 300);
    assert.equal((await readOperation(folder)).operation, 'start-2');
    assert.equal((await readOperation(folder, 'exec-1')).operation, 'exec-1');
    assert.deepEqual(
      (await listOperations(folder)).map(({ operation }) => operation),
      ['start-1', 'start-2', 'exec-1'],
    );
  });

  test('the oldest go when there are many', async (t) => {
    const folder = folderOf(t);
    for (let number = 1; number <= 25; number++) await keepAt(folder, `exec-${number}`, number);
    const operations = (await listOperations(folder)).map(({ operation }) => operation);
    assert.deepEqual(
      operations,
      Array.from({ length: 20 }, (_, i) => `exec-${i + 6}`),
    );
    assert.equal(readdirSync(folder).length, 40, 'each as a plan and an answer');
  });

  test('the start stays however often somebody enters: it is how the container was made', async (t) => {
    const folder = folderOf(t);
    await keepAt(folder, 'start-1', 1);
    for (let number = 2; number <= 40; number++) await keepAt(folder, `exec-${number}`, number);
    assert.equal((await readOperation(folder)).operation, 'start-1');
  });

  test('one that is not there is told, whatever its name tries', async (t) => {
    const folder = folderOf(t);
    const notFound = (error: unknown) => (error as { code?: unknown }).code === ErrorCode.NotFound;
    await assert.rejects(readOperation(folder), notFound);
    await keepAt(folder, 'start-1', 1);
    writeFileSync(path.join(folder, '..', 'secret.answer'), '');
    for (const operation of ['start-2', '', '../secret', '/etc/passwd']) {
      await assert.rejects(readOperation(folder, operation), notFound, operation);
    }
  });

  test('say whether it went well', async (t) => {
    const folder = folderOf(t);
    await keepAt(folder, 'start-1', 1, 1);
    await keepAt(folder, 'start-2', 2);
    assert.deepEqual(
      (await summarizeLedgers('x', folder)).map(({ operation, succeeded }) => [operation, succeeded]),
      [
        ['start-1', false],
        ['start-2', true],
      ],
    );
    const ledger = await readLedger('x', folder, 'start-1');
    assert.equal(ledger.steps.find(({ failed }) => failed)?.index, 3);
  });

  test('one that cannot be written fails nothing, and is told', async (t) => {
    const folder = folderOf(t);
    writeFileSync(folder, 'a file where a folder should be');
    const errors: unknown[] = [];
    await keepLedger(folder, 'start-1', exchange(), (error) => errors.push(error));
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'EEXIST');
  });
});

describe('ledgers of starts that failed', () => {
  test('outlive their container, the latest ten of them', async (t) => {
    const machine = temporaryMachine(t);
    const records = Array.from({ length: 13 }, () => recordOf());
    for (const [index, record] of records.entries()) {
      await machine.store.create(record);
      await keepAt(machine.store.folder(record.id, 'ledgers'), 'start-1', index, 1);
      utimesSync(machine.store.folder(record.id, 'ledgers'), index, index);
      await keepFailedLedgers(machine, record);
      assert.equal(existsSync(machine.store.folder(record.id, 'ledgers')), false);
    }
    const found = await Promise.all(records.map(({ id }) => failedLedgers(machine, id)));
    assert.deepEqual(
      found.map((folder) => folder !== undefined),
      records.map((_, index) => index >= 3),
    );
    assert.equal((await readOperation(found.at(-1) ?? '')).operation, 'start-1');
  });

  test('one that failed before there was a ledger leaves none', async (t) => {
    const machine = temporaryMachine(t);
    const record = recordOf();
    await machine.store.create(record);
    await keepFailedLedgers(machine, record);
    assert.equal(await failedLedgers(machine, record.id), undefined);
  });

  test('are looked for by id alone', async (t) => {
    const machine = temporaryMachine(t);
    mkdirSync(path.join(machine.locations.data, 'failures', 'web'), { recursive: true });
    for (const id of ['web', '..', '', '../containers']) assert.equal(await failedLedgers(machine, id), undefined);
  });
});
