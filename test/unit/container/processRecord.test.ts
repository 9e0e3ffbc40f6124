import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { noteStarted, readNoted } from '../../../helper/container/processRecord.js';
import { bootId } from '../../../helper/inspect/boot.js';
import { isAlive, processIdentity } from '../../../helper/inspect/stat.js';

function identityOf(child: ChildProcess) {
  return processIdentity(child.pid ?? 0) ?? assert.fail('it has not started');
}

test('a process that was started is noted, and killed when it cannot be', { timeout: 20_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-record-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const started = identityOf(child);
  const file = path.join(folder, 'record.json');

  await noteStarted(file, started, { started });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { started });
  assert.equal(isAlive(started), true);

  const ended = once(child, 'exit');
  await assert.rejects(noteStarted(path.join(folder, 'missing/record.json'), started, { started }), { code: 'ENOENT' });
  assert.deepEqual(await ended, [null, 'SIGKILL']);
});

test('what was noted counts if it was since the machine’s start, and is whole', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-record-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'record.json');
  const schema = z.object({ bootId: z.string(), pid: z.number() });
  const read = (content: string) => {
    writeFileSync(file, content);
    return readNoted(file, schema);
  };
  assert.equal(readNoted(file, schema), undefined, 'nothing was noted');
  const record = { bootId: bootId(), pid: 7 };
  assert.deepEqual(read(JSON.stringify(record)), record);
  assert.equal(read(JSON.stringify({ ...record, bootId: 'an earlier one' })), undefined);
  // As a crash of the machine leaves them.
  for (const damaged of ['', '\0\0', '{"bootId":"']) assert.equal(read(damaged), undefined, JSON.stringify(damaged));
  rmSync(file);
  assert.throws(() => readNoted(folder, schema), { code: 'EISDIR' });
});
