import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { attach, holdSignals, signalPlan } from '../../../cli/terminal.js';
import { ErrorCode, terrariumError } from '../../../helper/protocol/index.js';
import { eventually } from '../../kernel/support/wait.js';

/** A stand-in for the stage's attach role. */
const program = (script: string) => ({ socket: '', program: '/bin/sh', args: ['-c', script] });
const self = (signal: NodeJS.Signals) => process.kill(process.pid, signal);

/** One that ends when it is told to, not before: a signal to us that nobody awaits any more would end this process. */
function gated(t: TestContext, script: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-attach-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const gate = path.join(folder, 'gate');
  return {
    target: program(`until [ -e '${gate}' ]; do sleep 0.02; done; ${script}`),
    open: () => writeFileSync(gate, ''),
  };
}

describe('who gets a signal', () => {
  test('from a terminal attach hands Ctrl-C on; without one we do, from another session', () => {
    assert.deepEqual(signalPlan({ terminal: false }, true), { forwarded: ['SIGTERM'], detached: false });
    assert.deepEqual(signalPlan({ terminal: true }, true), { forwarded: ['SIGINT', 'SIGTERM'], detached: false });
    for (const terminal of [true, false]) {
      assert.deepEqual(signalPlan({ terminal }, false), {
        forwarded: ['SIGINT', 'SIGTERM', 'SIGQUIT'],
        detached: true,
      });
    }
    assert.deepEqual(signalPlan(undefined, false), { forwarded: [], detached: false });
  });
});

describe('attaching', () => {
  test('answers the status of the program, or 128 and its signal', async () => {
    assert.equal(await attach(program('exit 7')), 7);
    assert.equal(await attach(program('kill -KILL $$')), 137);
    await assert.rejects(attach({ socket: '', program: '/nonexistent', args: [] }), { code: 'ENOENT' });
  });

  test('passes signals on, and kills at the third', async (t) => {
    if (process.stdin.isTTY) return t.skip('on a terminal attach itself hands Ctrl-C on');
    const sent: string[] = [];
    const { target, open } = gated(t, 'exit 3');
    const attached = attach(target, { terminal: false, signal: async (name) => sent.push(name) });
    for (const [index, name] of (['SIGINT', 'SIGTERM', 'SIGINT'] as const).entries()) {
      self(name);
      await eventually(`${name} to be passed on`, () => sent.length > index);
    }
    open();
    assert.equal(await attached, 3);
    assert.deepEqual(sent, ['SIGINT', 'SIGTERM', 'SIGKILL']);
  });

  test('passes on what came while the container was being started, and lets go of signals in the end', async () => {
    const before = process.listenerCount('SIGTERM');
    const early = holdSignals();
    let hasCome = false;
    process.once('SIGTERM', () => {
      hasCome = true;
    });
    self('SIGTERM');
    await eventually('the signal', () => hasCome);
    const sent: string[] = [];
    await attach(program('sleep 0.1'), { terminal: false, early, signal: async (name) => sent.push(name) });
    assert.deepEqual(sent, ['SIGTERM']);
    assert.equal(process.listenerCount('SIGTERM'), before);
    assert.equal(process.listenerCount('SIGINT'), before);
  });

  test('waits for the process when a signal to the whole group made attach leave', async (t) => {
    const { target, open } = gated(t, 'exit 143');
    const status = attach(target, {
      terminal: false,
      signal: async () => open(),
      ended: async () => 7,
    });
    self('SIGTERM');
    assert.equal(await status, 7);
    // Without such a signal it is the status of the process.
    assert.equal(
      await attach(program('exit 143'), { terminal: false, signal: async () => 0, ended: async () => 7 }),
      143,
    );
  });

  test('a signal that comes too late is no failure', async (t) => {
    const written = t.mock.method(process.stderr, 'write', () => true);
    const { target, open } = gated(t, 'exit 0');
    const attached = attach(target, {
      terminal: false,
      signal: () => {
        open();
        return Promise.reject(terrariumError(ErrorCode.WrongState, 'x is not running'));
      },
    });
    self('SIGTERM');
    assert.equal(await attached, 0);
    assert.equal(written.mock.callCount(), 0);
  });

  test('a signal that cannot be sent is told', async (t) => {
    const written = t.mock.method(process.stderr, 'write', () => true);
    const { target, open } = gated(t, 'exit 0');
    const attached = attach(target, {
      terminal: false,
      signal: () => {
        open();
        return Promise.reject(terrariumError(ErrorCode.Unavailable, 'not yours'));
      },
    });
    self('SIGTERM');
    await attached;
    assert.match(String(written.mock.calls[0]?.arguments[0]), /not yours/);
  });
});
