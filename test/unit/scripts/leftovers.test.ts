import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { endLeftovers } from '../../../scripts/test/leftovers.mjs';
import { startTimeOf } from '../../kernel/support/kernel.js';

/** Listens at a socket and starts a child; says the child's pid. */
const listener = `
const child = require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });
require('node:net').createServer().listen(process.argv[1], () => console.log(child.pid));
`;

async function listen(folder: string): Promise<{ process: ChildProcess; child: number }> {
  const started = spawn(process.execPath, ['-e', listener, path.join(folder, 's')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(started.stdout, 'data')) as [Buffer];
  return { process: started, child: Number(said) };
}

test('what listens below the folder of a test run is ended with its children, and nothing else', async (t) => {
  const [ours, others] = [0, 1].map(() => mkdtempSync(path.join(tmpdir(), 'left-'))) as [string, string];
  const [left, kept] = await Promise.all([listen(ours), listen(others)]);
  t.after(() => {
    process.kill(kept.child, 'SIGKILL');
    kept.process.kill('SIGKILL');
    for (const folder of [ours, others]) rmSync(folder, { recursive: true, force: true });
  });
  // Its name is gone, as that of a home that a test has removed.
  rmSync(path.join(ours, 's'));
  const ended = once(left.process, 'exit');
  endLeftovers(ours);
  await ended;
  assert.equal(left.process.signalCode, 'SIGKILL');
  for (const end = Date.now() + 5000; startTimeOf(left.child) !== undefined; await delay(10)) {
    assert.ok(Date.now() < end, 'its child lives on');
  }
  assert.equal(kept.process.exitCode, null);
  process.kill(kept.child, 0);
});
