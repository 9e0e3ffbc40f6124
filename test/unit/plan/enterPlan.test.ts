import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as kernel from '../../../helper/plan/constants.js';
import { type EnterPlanInput, enterPlan } from '../../../helper/plan/enterPlan.js';
import { planInput, rangeIdentity, stepOf, stepsOf } from './samples.js';

function input(changes: Partial<EnterPlanInput> = {}): EnterPlanInput {
  const { config, monitor } = planInput();
  return {
    target: { pid: 42, startTime: 99 },
    way: {
      first: { type: 'user', inode: 10, ancestor: 1 },
      others: [
        { type: 'mount', inode: 110, ancestor: 0 },
        { type: 'pid', inode: 410, ancestor: 0 },
      ],
      last: { type: 'user', inode: 20, ancestor: 0 },
    },
    process: config.process,
    identity: rangeIdentity.gidMappings,
    seccomp: new Uint8Array(),
    monitor,
    cgroup: { cloneInto: '', afterClone: [] },
    stdin: false,
    terminal: 'target',
    ...changes,
  };
}

const kinds = (changes: Partial<EnterPlanInput> = {}) => enterPlan(input(changes)).map(({ kind }) => kind);

test('all is held while nobody inside can look (CVE-2016-9962), then entered in order', () => {
  const plan = enterPlan(input());
  const order = plan.flatMap((step) =>
    step.kind === 'enterNamespace' ? [`enter ${step.slot}`] : step.kind === 'fork' ? ['fork'] : [],
  );
  assert.deepEqual(order, ['enter 0', 'enter 2', 'fork', 'enter 1', 'enter 3']);
  assert.deepEqual(
    stepsOf(plan, 'openNamespace').map(({ slot, type, ancestor, inode }) => [slot, type, ancestor, inode]),
    [
      [0, kernel.CLONE_NEWUSER, 1, 10n],
      [1, kernel.CLONE_NEWNS, 0, 110n],
      [2, kernel.CLONE_NEWPID, 0, 410n],
      [3, kernel.CLONE_NEWUSER, 0, 20n],
    ],
  );
  for (const { pid, startTime } of [...stepsOf(plan, 'openNamespace'), ...stepsOf(plan, 'openRoot')]) {
    assert.deepEqual([pid, startTime], [42, 99n]);
  }
  const all = plan.map(({ kind }) => kind);
  assert.ok(all.indexOf('setDumpable') < all.indexOf('openNamespace'));
  assert.ok(all.lastIndexOf('openNamespace') < all.indexOf('enterNamespace'));
  assert.ok(all.lastIndexOf('enterNamespace') < all.indexOf('limitBoundingSet'));
  assert.equal(stepOf(plan, 'setDumpable').value, 0);
});

test('a terminal of the machine is opened after the fork, before there is another root', () => {
  const { process } = input();
  const all = kinds({ process: { ...process, terminal: true }, terminal: 'machine' });
  assert.equal(all.filter((kind) => kind === 'openTerminal').length, 1);
  assert.ok(all.indexOf('fork') < all.indexOf('openTerminal'));
  assert.ok(all.indexOf('openTerminal') < all.indexOf('setRoot'));
  const own = kinds({ process: { ...process, terminal: true } });
  assert.ok(own.indexOf('setRoot') < own.indexOf('openTerminal'));
});

test('without a mount namespace the root is the machine’s, without a pid namespace there is no fork', () => {
  const all = kinds({ way: { others: [{ type: 'network', inode: 310, ancestor: 0 }] } });
  assert.ok(!all.includes('enterRoot') && !all.includes('fork') && all.includes('setRoot'));
});

test('ids that are not mapped stay as they are', () => {
  const { user: _, ...process } = input().process;
  assert.ok(kinds().includes('setIds'));
  assert.ok(!kinds({ process }).includes('setIds'));
});

test('tools have a mount namespace of their own, in which the target’s mounts are a copy that gives nothing back', () => {
  const plan = enterPlan(input({ tools: { path: '/ours', steps: [{ kind: 'setRoot', path: '/ours' }] } }));
  const all = plan.map(({ kind }) => kind);
  assert.deepEqual(all.slice(all.indexOf('unshare'), all.indexOf('attachMount') + 1), [
    'unshare',
    'setPropagation',
    'openNamespace',
    'enterNamespace',
    'enterRoot',
    'unshare',
    'cloneMount',
    'enterNamespace',
    'setRoot',
    'attachMount',
  ]);
  assert.equal(stepOf(plan, 'cloneMount').propagation, kernel.MS_SLAVE | kernel.MS_REC);
  assert.equal(stepOf(plan, 'attachMount').destination, '/target');
  assert.ok(all.lastIndexOf('bind') < all.indexOf('pivotRoot'));
  assert.ok(all.indexOf('pivotRoot') < all.lastIndexOf('enterNamespace'));
});
