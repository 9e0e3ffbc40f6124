import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { claimSession, pruneSessions, sessionsOf } from '../../../helper/container/sessions.js';
import { recordOf, temporaryMachine } from './machine.js';

test('sessions are numbered on, each number once', (t) => {
  const machine = temporaryMachine(t);
  const record = recordOf();
  const numbers = Array.from({ length: 5 }, () => claimSession(machine, sessionsOf(machine, record)).number);
  assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  mkdirSync(machine.store.folder(record.id, 'sessions', '41'));
  mkdirSync(machine.store.folder(record.id, 'sessions', 'notes'));
  const session = claimSession(machine, sessionsOf(machine, record));
  assert.deepEqual([session.number, session.name], [42, `${record.id}-e42`]);
  assert.equal(session.socket, path.join(machine.locations.runtime, `${session.name}.sock`));
});

test('the last twenty stay, and those that somebody can still attach to', async (t) => {
  const machine = temporaryMachine(t);
  const record = recordOf();
  const sessions = Array.from({ length: 30 }, () => claimSession(machine, sessionsOf(machine, record)));
  for (const { number, folder } of sessions) {
    // The first runs, the second's monitor was killed, the others have ended.
    if (number > 2) writeFileSync(path.join(folder, 'exit.json'), '{}');
  }
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(sessions[0]?.socket, resolve));
  t.after(() => server.close());
  await pruneSessions(machine, sessionsOf(machine, record), 30);
  const left = readdirSync(machine.store.folder(record.id, 'sessions')).map(Number);
  assert.deepEqual(
    left.sort((a, b) => a - b),
    [1, ...Array.from({ length: 20 }, (_, i) => 11 + i)],
  );
});
