import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findLocations, makeLocations } from '../../../helper/container/locations.js';
import { inventName } from '../../../helper/container/names.js';
import { containerNamePattern } from '../../../helper/specification/schema.js';

const uid = process.getuid?.() ?? 0;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('folders are where the XDG specification says', (t) => {
  const folder = folderOf(t);
  const found = findLocations({ XDG_DATA_HOME: '/data', XDG_RUNTIME_DIR: folder }, '/home/u', uid);
  assert.deepEqual([found.data, found.runtime], ['/data/terrarium', path.join(folder, 'terrarium')]);
  assert.equal(findLocations({}, '/home/u', uid).data, '/home/u/.local/share/terrarium');
});

test('a runtime folder that others can write to is not used', (t) => {
  const folder = folderOf(t);
  chmodSync(folder, 0o777);
  // A user without /run/user/UID.
  const nobody = 4_000_000_000;
  assert.equal(findLocations({ XDG_RUNTIME_DIR: folder }, '/h', nobody).runtime, `/tmp/terrarium-${nobody}/terrarium`);
  assert.notEqual(findLocations({ XDG_RUNTIME_DIR: folder }, '/h', uid).runtime, path.join(folder, 'terrarium'));
});

test('folders are private, and refused when somebody else could have made them', (t) => {
  const folder = folderOf(t);
  const locations = findLocations({ XDG_DATA_HOME: path.join(folder, 'd'), XDG_RUNTIME_DIR: folder }, folder, uid);
  makeLocations(locations, uid);
  for (const made of [locations.data, locations.containers, locations.names, locations.runtime]) {
    assert.equal(statSync(made).mode & 0o777, 0o700, made);
  }
  chmodSync(locations.data, 0o770);
  assert.throws(() => makeLocations(locations, uid), /can be written by others/);
});

test('a path too long for a socket is told before one is needed', (t) => {
  const folder = folderOf(t);
  const long = path.join(folder, 'x'.repeat(90));
  mkdirSync(long, { mode: 0o700 });
  const locations = findLocations({ XDG_DATA_HOME: folder, XDG_RUNTIME_DIR: long }, folder, uid);
  assert.throws(() => makeLocations(locations, uid), /too long for sockets/);
});

test('invented names are valid, and none that is taken', async () => {
  const taken = new Set<string>();
  for (let i = 0; i < 600; i++) {
    const name = await inventName(async (candidate) => taken.has(candidate));
    assert.match(name, containerNamePattern);
    assert.ok(!taken.has(name));
    taken.add(name);
  }
});
