import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CLONE_NEWNS,
  CLONE_NEWUSER,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
} from '../../../helper/plan/constants.js';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { addMountPlan, removeMountPlan } from '../../../helper/plan/mountPlan.js';
import { planInput, stepOf, stepsOf } from './samples.js';

const target = { init: { pid: 41, startTime: 7 } };
const kinds = (plan: readonly { kind: string }[]) => plan.map(({ kind }) => kind);

describe('mounting in a running container', () => {
  const bind = { type: 'bind', source: '/srv/data', destination: '/data', options: ['rbind', 'ro'] };

  it('copies in a mount namespace of the container’s user namespace, and carries the copy over', () => {
    const plan = addMountPlan(target, bind);
    assert.deepEqual(kinds(plan), [
      'setDumpable',
      'openNamespace',
      'setNamespaces',
      'unshare',
      'cloneMount',
      'enterNamespace',
      'setRoot',
      'attachMount',
    ]);
    assert.deepEqual(stepOf(plan, 'setNamespaces'), {
      kind: 'setNamespaces',
      pid: 41,
      startTime: 7n,
      flags: CLONE_NEWUSER,
    });
    const { pid, startTime, slot, type } = stepOf(plan, 'openNamespace');
    assert.deepEqual([pid, startTime, type], [41, 7n, CLONE_NEWNS]);
    assert.deepEqual(stepOf(plan, 'enterNamespace'), { kind: 'enterNamespace', slot, type });
    const { source, recursive, attributes, propagation } = stepOf(plan, 'cloneMount');
    assert.deepEqual(
      [source, recursive, attributes, propagation],
      ['/srv/data', 1, MOUNT_ATTR_RDONLY, MS_PRIVATE | MS_REC],
    );
    assert.equal(stepOf(plan, 'attachMount').destination, '/data');
  });

  it('hides from those inside before it enters', () => {
    for (const plan of [addMountPlan(target, bind), removeMountPlan(target, { destination: '/data', id: 9 })]) {
      assert.deepEqual(plan[0], { kind: 'setDumpable', value: 0 });
    }
  });

  it('makes a tmpfs inside, whose owner is root there', () => {
    const plan = addMountPlan(target, {
      type: 'tmpfs',
      source: 'tmpfs',
      destination: '/t',
      options: ['size=1m', 'nosuid'],
    });
    assert.deepEqual(kinds(plan), ['setDumpable', 'setNamespaces', 'setRoot', 'createMount', 'attachMount']);
    assert.equal(stepOf(plan, 'createMount').data, 'size=1m');
  });

  it('finds paths in the root of a container that only changed its root', () => {
    const plan = addMountPlan({ ...target, chroot: '/c/rootfs' }, bind);
    assert.equal(stepOf(plan, 'setRoot').path, '/c/rootfs');
  });

  it('unmounts what has the id that was meant', () => {
    const plan = removeMountPlan(target, { destination: '/data', id: 93 });
    assert.deepEqual(stepOf(plan, 'unmount'), { kind: 'unmount', path: '/data', mount: 93n });
  });
});

describe('propagation of mounts at the start', () => {
  const binds = (options: string[]) => {
    const mounts = [
      { destination: '/a', source: '/srv/a', options },
      { destination: '/b', source: '/srv/b' },
    ];
    const plan = containerPlan(planInput({ mounts }));
    const at = (destination: string) =>
      stepsOf(plan, 'bind').find((step) => step.destination === destination)?.propagation;
    return { root: stepOf(plan, 'setPropagation').flags, a: at('/a'), b: at('/b') };
  };

  it('is private, unless a mount is to follow the host: then the others still do not', () => {
    assert.deepEqual(binds([]), { root: MS_REC | MS_PRIVATE, a: 0, b: 0 });
    assert.deepEqual(binds(['rslave']), {
      root: MS_REC | MS_SLAVE,
      a: MS_REC | MS_SLAVE,
      b: MS_REC | MS_PRIVATE,
    });
  });
});
