import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import type { Step } from '../../../helper/plan/step.js';
import { container } from './plan.js';
import { assertRunning, busyboxRoot, exists, until, Zygote } from './zygote.js';

/** A cgroup that this user may make others in: the machine's own, or one that an administrator has given away. */
function delegated(candidates: readonly string[]): string | undefined {
  return candidates.find((parent) => {
    const probe = path.join(parent, `terrarium-probe-${process.pid}`);
    try {
      mkdirSync(probe);
      rmdirSync(probe);
      return true;
    } catch (error) {
      if (['EACCES', 'EPERM', 'ENOENT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  });
}

const ownGroups = readFileSync('/proc/self/cgroup', 'utf8');
const ownPids = /^\d+:(?:[^:]*,)?pids(?:,[^:]*)?:(.*)$/m.exec(ownGroups)?.[1] ?? '/';
const v1 = delegated([path.join('/sys/fs/cgroup/pids', ownPids)]);
const unified = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/unified';
// CLONE_INTO_CGROUP wants more than a folder: the right to move from where the zygote is.
const ownPath = /^0::(.*)$/m.exec(ownGroups)?.[1] ?? '/';
const v2 = delegated([path.dirname(ownPath), ownPath].map((group) => path.join(unified, group)));
let zygote: Zygote;
let lower: string;
before(async () => {
  zygote = await Zygote.start('single');
  lower = busyboxRoot(zygote.folder);
});
after(async () => zygote.stop());

const indexOf = (plan: readonly Step[], kind: Step['kind']): number => plan.findIndex((step) => step.kind === kind);

for (const [version, parent, controller] of [
  ['v1', v1, 'pids'],
  ['v2', v2, ''],
] as const) {
  const options = parent === undefined ? { skip: `no cgroup ${version} is delegated to this user` } : {};
  const cgroup = path.join(parent ?? '/', `terrarium-${version}-${process.pid}`);
  const withCgroup = (folder: string, ...inRoot: Step[]): Step[] => {
    const plan = container({ folder: path.join(zygote.folder, folder), lower, mapping: 'single', inRoot });
    plan.splice(1, 0, { kind: 'makeCgroup', path: cgroup });
    const clone = indexOf(plan, 'clone');
    const step = plan[clone];
    if (version === 'v2' && step?.kind === 'clone') plan[clone] = { ...step, cgroup };
    if (version === 'v1') plan.splice(indexOf(plan, 'mapIds') + 1, 0, { kind: 'joinCgroup', path: cgroup });
    return plan;
  };

  test(`${version}: a container is in its cgroup from the start, which goes with it`, options, async () => {
    const answer = await zygote.send(withCgroup(`${version}-run`));
    assertRunning(answer);
    assert.deepEqual(readFileSync(path.join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n'), [String(answer.pid)]);
    const line = readFileSync(`/proc/${answer.pid}/cgroup`, 'utf8')
      .split('\n')
      .find((text) => text.includes(`:${controller}:`));
    assert.ok(line?.endsWith(path.basename(cgroup)), line);
    process.kill(answer.pid, 'SIGKILL');
    await until('the monitor ended', () => !exists(answer.monitorPid));
    assert.equal(existsSync(cgroup), false);
  });

  test(`${version}: a failed start leaves no cgroup, and one with processes can be removed`, options, async () => {
    const invalid: Step = { kind: 'setHostname', name: 'x'.repeat(65) };
    const plan = withCgroup(`${version}-fail`, invalid);
    const answer = await zygote.send(plan);
    assert.deepEqual([answer.status, answer.failedStep], ['failed', plan.indexOf(invalid)]);
    assert.equal(existsSync(cgroup), false);

    const running = await zygote.send(withCgroup(`${version}-remove`));
    assertRunning(running);
    const removal = await zygote.send([{ kind: 'removeCgroup', path: cgroup }]);
    assert.deepEqual([removal.status, removal.errno], ['done', 0]);
    await until('it was killed', () => !exists(running.pid));
    assert.equal((await zygote.send([{ kind: 'removeCgroup', path: cgroup }])).errno, 2);
    await until('the monitor ended', () => !exists(running.monitorPid));
  });
}
