import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isEnding, processIdentity } from '../../../helper/inspect/stat.js';

test('a process with a SIGKILL before it is ending, one that was stopped is not, and one that is gone has ended', async () => {
  const child = spawn('/bin/sleep', ['100'], { stdio: 'ignore' });
  const identity = processIdentity(child.pid ?? 0);
  assert.ok(identity);
  assert.equal(isEnding(identity), false);
  child.kill('SIGSTOP');
  await delay(50);
  assert.equal(isEnding(identity), false);
  child.kill('SIGKILL');
  const ended = new Promise((resolve) => child.on('exit', resolve));
  // At once: be it pending, exiting or gone.
  assert.equal(isEnding(identity), true);
  await ended;
  assert.equal(isEnding(identity), true);
});
