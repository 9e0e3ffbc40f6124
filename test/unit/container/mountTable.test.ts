import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  newMount,
  plainDestination,
  withMount,
  withOrigins,
  withoutMount,
} from '../../../helper/container/mountTable.js';
import type { ContainerSpecification, MountInfo, oci } from '../../../helper/protocol/index.js';
import { completeConfig } from '../../../helper/specification/complete.js';
import { facts } from '../plan/samples.js';

const mount = (id: number, destination: string, parent = 1): MountInfo => ({
  id,
  parent,
  destination,
  device: '0:1',
  root: '/',
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['rw'],
  superOptions: [],
  propagation: 'private',
});
const nothing = { mounts: [], removed: [] };
const recordOf = (mounts: oci.Mount[]) => {
  const specification: ContainerSpecification = { mounts };
  return { specification, config: completeConfig(specification, facts) };
};
const origins = (mounts: readonly MountInfo[]) => mounts.map(({ id, origin, kept }) => [id, origin, kept]);

describe('whose a mount is', () => {
  const data = { destination: '/data/', source: '/srv/data' };

  it('is told of what was asked for and of what was added, and of nothing else', () => {
    const since = { mounts: [{ id: 4, mount: { destination: '/late', type: 'tmpfs' } }], removed: [] };
    const table = [mount(1, '/'), mount(2, '/proc'), mount(3, '/data'), mount(4, '/late'), mount(5, '/inside')];
    assert.deepEqual(origins(withOrigins(table, recordOf([data]), since)), [
      [1, undefined, undefined],
      [2, undefined, undefined],
      [3, 'specification', true],
      [4, 'added', false],
      [5, undefined, undefined],
    ]);
  });

  it('is not that of one which a process inside has laid over it', () => {
    const table = [mount(3, '/data'), mount(9, '/data', 3)];
    assert.deepEqual(origins(withOrigins(table, recordOf([data]), nothing)), [
      [3, 'specification', true],
      [9, undefined, undefined],
    ]);
  });

  it('is that of the upper one where every container has one as well', () => {
    // On the host's root /tmp is a tmpfs of its own.
    const table = [mount(2, '/tmp'), mount(3, '/tmp', 2)];
    const found = withOrigins(table, recordOf([{ destination: '/tmp', source: '/srv/tmp' }]), nothing);
    assert.deepEqual(
      found.map(({ origin }) => origin),
      [undefined, 'specification'],
    );
  });

  it('ends when it was unmounted, whatever lies there now', () => {
    const found = withOrigins([mount(9, '/data')], recordOf([data]), { mounts: [], removed: ['/data'] });
    assert.equal(found[0]?.origin, undefined);
  });
});

describe('a change that is kept', () => {
  it('is in what was asked for and in what is carried out, and goes from both', () => {
    const before = recordOf([]);
    const asked = { destination: '/tmp/', type: 'tmpfs' };
    const after = withMount(before, asked, { ...asked, source: 'tmpfs', options: ['nosuid'] });
    assert.deepEqual(after.specification.mounts, [asked]);
    assert.equal(after.config.mounts.length, before.config.mounts.length + 1);
    const { specification, config } = withoutMount(after, '/tmp');
    assert.deepEqual(specification.mounts, []);
    // The one that every container on the host's root has stays.
    assert.deepEqual(config.mounts, before.config.mounts);
  });
});

describe('what is new in a table', () => {
  it('is the topmost of what came together', () => {
    const before = [mount(1, '/')];
    assert.equal(newMount(before, [...before, mount(7, '/a/b', 6), mount(6, '/a', 1)])?.id, 6);
    assert.equal(newMount(before, before), undefined);
  });
});

describe('destinations', () => {
  it('are compared as the kernel writes them', () => {
    assert.deepEqual(['/a/', '/a//b/../c', '/', '//'].map(plainDestination), ['/a', '/a/c', '/', '/']);
  });
});
