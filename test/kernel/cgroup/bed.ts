import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CgroupAccess } from '../../../helper/cgroup/access.js';
import { makeGroup as makeGroups } from '../../../helper/cgroup/groups.js';
import { killAll } from '../../../helper/cgroup/kill.js';
import { groupRecord } from '../../../helper/cgroup/layout.js';
import { cgroupSteps } from '../../../helper/cgroup/plan.js';
import type { CgroupRecord } from '../../../helper/cgroup/record.js';
import type { Step } from '../../../helper/plan/step.js';
import { allContainers, type oci } from '../../../helper/protocol/index.js';

/** Where containers' cgroups can be made, and a way to start a shell script whose process may be moved into one. */
export interface Bed {
  access: CgroupAccess;
  /** Runs `sh -c script`, detached. */
  start(script: string): void;
}

/** Scripts run as children of the test, in its cgroups. */
export function startAsChild(script: string): void {
  spawn('/bin/sh', ['-c', script], { stdio: 'ignore', detached: true }).unref();
}

export interface Group {
  record: CgroupRecord;
  /** Initial files of scripts: `$WORK`. */
  work: string;
  /** Runs a script in the group; answers with its pid once it is in. `$WORK` is a folder to write to. */
  run(script: string): Promise<number>;
}

let counter = 0;

/** A cgroup with limits, made by the steps of the plan, gone after the test with everything in it. */
export async function makeGroup(t: TestContext, bed: Bed, resources: oci.Resources): Promise<Group> {
  const { beforeClone, afterClone, cloneInto, record } = cgroupSteps(
    bed.access,
    `test-${process.pid}-${counter++}`,
    resources,
  );
  if (record === undefined) throw new Error('There is no cgroup to test with');
  const work = mkdtempSync(path.join(tmpdir(), 'terrarium-cgroup-'));
  t.after(async () => {
    await killAll(record);
    for (const folder of new Set(Object.values(record.paths))) await removeGroup(folder);
    rmSync(work, { recursive: true, force: true });
  });
  await until(async () => {
    const above = groupRecord(bed.access, allContainers);
    if (above !== undefined) await makeGroups(above, bed.access, []);
    return performAll(beforeClone);
  }, 'the group above stays');
  const joins: Step[] = cloneInto === '' ? afterClone : [{ kind: 'joinCgroup', path: cloneInto }];
  const run = async (script: string): Promise<number> => {
    const name = path.join(work, `script-${counter++}`);
    const gate = `echo $$ > ${name}.new; mv ${name}.new ${name}.pid; until [ -e ${name}.go ]; do sleep 0.02; done`;
    bed.start(`WORK=${work}; ${gate}; ${script}`);
    await until(() => existsSync(`${name}.pid`), 'the script starts');
    const pid = Number(readFileSync(`${name}.pid`, 'utf8'));
    for (const step of joins) perform(step, pid);
    writeFileSync(`${name}.go`, '');
    return pid;
  };
  return { record, work, run };
}

/** False when a helper of another test was quicker to remove the group above, for want of containers in it. */
function performAll(steps: readonly Step[]): boolean {
  try {
    for (const step of steps) perform(step, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Does what the stage does for the steps of a cgroup. */
function perform(step: Step, pid: number): void {
  switch (step.kind) {
    // Nobody else makes groups here that could be removed in between.
    case 'shareCgroups':
      return;
    case 'makeCgroup':
      // A second try finds those of the first.
      if (!existsSync(step.path)) mkdirSync(step.path);
      return;
    case 'writeFile':
      writeFileSync(step.path, step.data, { flag: 'r+' });
      return;
    case 'joinCgroup':
      writeFileSync(path.join(step.path, 'cgroup.procs'), String(pid));
      return;
    default:
      throw new Error(`${step.kind} is no step of a cgroup`);
  }
}

/** The kernel lets a group go a moment after its last process was reaped. */
async function removeGroup(folder: string): Promise<void> {
  await until(() => {
    try {
      rmdirSync(folder);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      return false;
    }
  }, `${folder} is empty`);
}

/** Waits until something is so; fails after so many seconds, saying what was not. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; !(await condition()); await delay(10)) {
    if (Date.now() > deadline) throw new Error(`Waited ${seconds} seconds in vain until ${what}`);
  }
}
