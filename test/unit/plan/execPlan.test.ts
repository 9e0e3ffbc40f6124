import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as kernel from '../../../helper/plan/constants.js';
import { type ExecPlanInput, execPlan } from '../../../helper/plan/execPlan.js';
import { planInput, rangeIdentity, stepOf, stepsOf } from './samples.js';

function input(changes: Partial<ExecPlanInput> = {}): ExecPlanInput {
  const { config, monitor, seccomp } = planInput();
  return {
    target: { pid: 42, startTime: 99 },
    namespaces: ['user', 'mount', 'uts', 'ipc', 'network', 'pid', 'cgroup'],
    process: config.process,
    identity: rangeIdentity.gidMappings,
    seccomp,
    monitor,
    cgroup: { cloneInto: '', afterClone: [], eventsFile: '' },
    stdin: false,
    ...changes,
  };
}

test('the monitor enters only the pid namespace, for its child; the child all the others', () => {
  const plan = execPlan(input());
  const [first, second, ...more] = stepsOf(plan, 'setNamespaces');
  assert.deepEqual(more, []);
  assert.equal(first?.flags, kernel.CLONE_NEWPID);
  assert.equal(
    second?.flags,
    kernel.CLONE_NEWUSER |
      kernel.CLONE_NEWNS |
      kernel.CLONE_NEWUTS |
      kernel.CLONE_NEWIPC |
      kernel.CLONE_NEWNET |
      kernel.CLONE_NEWCGROUP,
  );
  const at = (kind: string) => plan.findIndex((step) => step.kind === kind);
  assert.ok(at('setNamespaces') < at('clone'));
  assert.ok(plan.findLastIndex(({ kind }) => kind === 'setNamespaces') > at('clone'));
});

test('each entry names the process by pid and start time', () => {
  for (const { pid, startTime } of stepsOf(execPlan(input()), 'setNamespaces')) {
    assert.deepEqual([pid, startTime], [42, 99n]);
  }
});

test("without a pid namespace of the container's own the monitor enters nothing", () => {
  const plan = execPlan(input({ namespaces: ['user', 'mount'] }));
  assert.equal(stepOf(plan, 'setNamespaces').flags, kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS);
});

test('nothing inside can look at who enters (CVE-2016-9962)', () => {
  const plan = execPlan(input());
  const hidden = plan.findIndex(({ kind }) => kind === 'setDumpable');
  const entered = plan.findIndex((step) => step.kind === 'setNamespaces' && (step.flags & kernel.CLONE_NEWUSER) !== 0);
  assert.equal(stepOf(plan, 'setDumpable').value, 0);
  assert.ok(hidden >= 0 && hidden < entered);
});

test('it gives up what the container gave up, in the same order', () => {
  const kinds = execPlan(input()).map(({ kind }) => kind);
  assert.deepEqual(kinds.slice(kinds.indexOf('limitBoundingSet')), [
    'limitBoundingSet',
    'setIds',
    'setCapabilities',
    'setNoNewPrivileges',
    'installSeccomp',
    'changeDirectory',
    'execute',
  ]);
});

test('it is born in the cgroup, or joins it while it waits', () => {
  const cgroup = { cloneInto: '/cg/c', afterClone: [{ kind: 'joinCgroup', path: '/v1/c' } as const], eventsFile: '/e' };
  const plan = execPlan(input({ cgroup }));
  assert.equal(stepOf(plan, 'clone').cgroup, '/cg/c');
  assert.equal(stepOf(plan, 'clone').flags, 0);
  assert.equal(stepOf(plan, 'joinCgroup').path, '/v1/c');
  assert.equal(stepOf(plan, 'monitor').events, '/e');
});

test('a container that was left with chroot is entered with chroot: its mount namespace has the host’s root', () => {
  const plan = execPlan(input({ namespaces: ['user', 'mount'], chroot: '/data/c/rootfs' }));
  const kinds = plan.map(({ kind }) => kind);
  assert.equal(stepOf(plan, 'setRoot').path, '/data/c/rootfs');
  assert.ok(kinds.indexOf('setNamespaces') < kinds.indexOf('setRoot'));
  assert.ok(kinds.indexOf('setRoot') < kinds.indexOf('chroot'));
  assert.ok(kinds.indexOf('chroot') < kinds.indexOf('limitBoundingSet'));
  assert.equal(stepOf(execPlan(input()), 'setRoot').path, '/');
  assert.deepEqual(stepsOf(execPlan(input()), 'chroot'), []);
});

test('a terminal has the size that was asked for', () => {
  const { process } = input();
  const plan = execPlan(input({ process: { ...process, terminal: true, consoleSize: { height: 50, width: 132 } } }));
  assert.deepEqual(stepOf(plan, 'openTerminal'), { kind: 'openTerminal', rows: 50, columns: 132 });
  assert.deepEqual(stepsOf(plan, 'makePipes'), []);
});
