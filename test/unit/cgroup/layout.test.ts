import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRecord, groupFolder, groupRecord, groupsAbove, ownerOf } from '../../../helper/cgroup/layout.js';
import { allContainers } from '../../../helper/protocol/index.js';

const unit = '/sys/fs/cgroup/u/terrarium-1.service';
const id = '0123456789ab';

test('v2: containers below one group, named groups between', () => {
  const access = { mode: 'v2', parent: unit, controllers: [] } as const;
  const at = (folder: string) => ({ version: 2, paths: { unified: folder } });
  assert.deepEqual(containerRecord({ ...access, controllers: [] }, id), at(`${unit}/containers/${id}`));
  assert.deepEqual(
    containerRecord({ ...access, controllers: [] }, id, 'lab'),
    at(`${unit}/containers/group-lab/${id}`),
  );
  assert.deepEqual(groupRecord({ ...access, controllers: [] }, allContainers), at(`${unit}/containers`));
});

test('in a parent that is not ours the first group says whose it is', () => {
  assert.equal(
    groupFolder('/sys/fs/cgroup/memory/ann', allContainers),
    '/sys/fs/cgroup/memory/ann/terrarium-containers',
  );
  assert.equal(
    groupFolder('/sys/fs/cgroup/memory/terrarium-ann', 'lab'),
    '/sys/fs/cgroup/memory/terrarium-ann/containers/group-lab',
  );
});

test('no name of a group is that of a file of the kernel', () => {
  for (const name of ['memory.max', 'cgroup.procs', 'tasks', id]) {
    assert.match(groupFolder(unit, name), /\/group-[^/]+$/);
    assert.deepEqual(ownerOf(groupFolder(unit, name)), { group: name });
  }
});

test('a path tells whose it is, and what is above it', () => {
  const top = `${unit}/containers`;
  const group = `${top}/group-lab`;
  assert.deepEqual(ownerOf(`${group}/${id}`), { container: id, group: 'lab' });
  assert.deepEqual(ownerOf(`${top}/${id}`), { container: id, group: allContainers });
  assert.deepEqual(ownerOf(top), { group: allContainers });
  assert.deepEqual(groupsAbove(`${group}/${id}`), [group, top]);
  assert.deepEqual(groupsAbove(`${top}/${id}`), [top]);
});

const foreign = [
  ['the unit', unit],
  ['a container of an earlier version', `${unit}/${id}`],
  ['what a container made in its own', `${unit}/containers/${id}/containers`],
  ["somebody else's", `/sys/fs/cgroup/system.slice/containers/${id}`],
] as const;
for (const [what, folder] of foreign) {
  test(`${what} is none of these, and nothing above it is removed with it`, () => {
    assert.equal(ownerOf(folder), undefined);
    assert.deepEqual(groupsAbove(folder), []);
  });
}
