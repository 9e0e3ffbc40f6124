import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { wasRemoved } from '../../../helper/cgroup/groups.js';

/** What a call throws where something was a moment ago. */
function errorOf(call: (removed: string) => unknown): unknown {
  const removed = mkdtempSync(path.join(tmpdir(), 'terrarium-group-'));
  rmSync(removed, { recursive: true });
  try {
    call(removed);
  } catch (error) {
    return error;
  }
  return assert.fail('it threw nothing');
}

describe('what goes wrong while a group is made', () => {
  it('is its removal by who left last, wherever that hits', () => {
    // One that was there when it was to be made is looked into next.
    assert.ok(wasRemoved(errorOf((removed) => readdirSync(removed, { withFileTypes: true }))));
    assert.ok(wasRemoved(errorOf((removed) => mkdirSync(path.join(removed, 'below')))));
    assert.ok(wasRemoved(errorOf((removed) => openSync(path.join(removed, 'cpuset.cpus'), 'r'))));
    assert.ok(wasRemoved(Object.assign(new Error(), { code: 'ENODEV', syscall: 'write' })));
  });

  it('is not that when the kernel refuses', () => {
    for (const [code, syscall] of [
      ['ENOENT', 'write'],
      ['EACCES', 'mkdir'],
      ['EBUSY', 'write'],
      ['EINVAL', 'write'],
    ]) {
      assert.ok(!wasRemoved(Object.assign(new Error(), { code, syscall })), `${code} of ${syscall}`);
    }
  });
});
