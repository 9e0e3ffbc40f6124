import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { carryOutOnce } from '../../../helper/zygote/once.js';

/** Comes, comes once more to say something and stay, and goes without a word where it came first. */
const restless = `#!${process.execPath}
const { connect } = require('node:net');
const socket = process.argv[process.argv.indexOf('--connect') + 1];
setTimeout(() => process.exit(0), 30_000);
const first = connect(socket).resume().on('connect', () => {
  const second = connect(socket).on('error', () => first.end()).on('connect', () => second.write('x', () => first.end()));
});
`;

test('a stage that gives no answer is told of, whatever else it does', { timeout: 20_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-once-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const stage = path.join(folder, 'stage');
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  // Directly, not by systemd.
  delete process.env.XDG_RUNTIME_DIR;
  t.after(() => Object.assign(process.env, runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }));
  writeFileSync(stage, restless);
  chmodSync(stage, 0o755);
  await assert.rejects(carryOutOnce({ stage, runtime: folder, log: () => undefined }, []), /closed without one/);
  assert.deepEqual(readdirSync(folder), ['stage'], 'its socket is gone');
});
