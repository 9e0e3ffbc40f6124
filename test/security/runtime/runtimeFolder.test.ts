/** A runtime folder that somebody else prepared, in /tmp or wherever the environment points, is not used. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findLocations, makeLocations } from '../../../helper/container/locations.js';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/index.js';
import { workFolder } from './product.js';

const uid = process.getuid?.() ?? 0;

function locationsAt(folder: string, runtimeParent: string) {
  const found = findLocations({ XDG_DATA_HOME: path.join(folder, 'data') }, folder, uid);
  return { ...found, runtime: path.join(runtimeParent, 'terrarium') };
}

function refuses(t: TestContext, prepare: (parent: string, elsewhere: string) => void): void {
  const folder = workFolder(t);
  const [parent, elsewhere] = [path.join(folder, 'prepared'), path.join(folder, 'elsewhere')];
  mkdirSync(elsewhere);
  prepare(parent, elsewhere);
  assert.throws(
    () => makeLocations(locationsAt(folder, parent), uid),
    (error: TerrariumError) => {
      assert.equal(error.code, ErrorCode.Unavailable, error.message);
      assert.ok(error.data?.fix);
      return true;
    },
  );
  assert.deepEqual(readdirSync(elsewhere), [], 'nothing was made there');
}

test('a folder that others can write to is refused', (t) => {
  for (const mode of [0o777, 0o1777, 0o770, 0o722]) {
    refuses(t, (parent) => {
      mkdirSync(parent);
      chmodSync(parent, mode);
    });
  }
});

test('a link that somebody laid is refused, and nothing is made where it leads', (t) => {
  refuses(t, (parent, elsewhere) => symlinkSync(elsewhere, parent));
});

test('a prepared folder below a sound one is refused', (t) => {
  refuses(t, (parent, elsewhere) => {
    mkdirSync(parent, { mode: 0o700 });
    symlinkSync(elsewhere, path.join(parent, 'terrarium'));
  });
  refuses(t, (parent) => {
    mkdirSync(path.join(parent, 'terrarium'), { recursive: true, mode: 0o700 });
    chmodSync(path.join(parent, 'terrarium'), 0o777);
  });
});

test('a folder of another user is refused', (t) => {
  if (uid !== 0) {
    t.skip('only root can give a folder away');
    return;
  }
  refuses(t, (parent) => {
    mkdirSync(parent, { mode: 0o700 });
    chownSync(parent, 65534, 65534);
  });
});

test('XDG_RUNTIME_DIR of somebody else, or open to all, is passed over', (t) => {
  const folder = workFolder(t);
  chmodSync(folder, 0o777);
  const { runtime } = findLocations({ XDG_RUNTIME_DIR: folder }, folder, uid);
  assert.ok(!runtime.startsWith(folder), runtime);
  chmodSync(folder, 0o700);
  const control = findLocations({ XDG_RUNTIME_DIR: folder }, folder, uid);
  assert.equal(control.runtime, path.join(folder, 'terrarium'), 'control: a private one is taken');
  makeLocations({ ...control, ...locationsAt(folder, folder) }, uid);
  assert.ok(existsSync(control.runtime), 'control');
});
