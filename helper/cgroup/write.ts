import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { ErrorCode, knobOf, type LimitChange, type LimitWrite, type oci, terrariumError } from '../protocol/index.js';
import { type ChangeWrite, changeWrites, type HeldLimits, knobsToRead } from './changes.js';
import { readCgroupFile, writeCgroupFile } from './file.js';
import type { LimitsQuestion } from './limits.js';
import { isSame } from './nextStart.js';
import { controllerKey, type HeldLimit, periodOf, readHeldLimit } from './reading.js';
import { type CgroupRecord, controllerFolder } from './record.js';
import { limitsOf } from './resources.js';
import { checkValue } from './values.js';
import { explainRefusal } from './writeErrors.js';

/**
 * The writes that changes come to, in order, and makes none. Empty for a subject without a cgroup: its next start writes
 * them. Throws as `writeLimits` does, as far as it can be known before. Knobs of rlimits are not for here.
 */
export async function plannedWrites(subject: LimitsQuestion, changes: readonly LimitChange[]): Promise<LimitWrite[]> {
  const { record, running } = subject;
  if (!running || record === undefined) {
    for (const { name, value } of changes) checkValue(knobOf(name), value);
    return [];
  }
  const { writes } = await plan(record, changes, subject.resources);
  return writes.map(({ name, file, data }) => ({ name, file: path.join(folderOf(record, name), file), data }));
}

/**
 * Changes limits of a cgroup, all or none: a refused write undoes those before it. Answers with the writes and what the
 * kernel made of each; a knob that holds something else than was asked for, beyond rounding, counts as refused.
 * Memory is never lowered below what is in use after reclaim: cgroup v2 would kill for it, where v1 refuses (EBUSY).
 * `configured`: of the container; the kernel forgets a weight while cpu.idle is 1, and it is put back from there.
 * Throws `Invalid`, `Unavailable` or `WrongState` with cause and fix.
 */
export async function writeLimits(
  record: CgroupRecord,
  changes: readonly LimitChange[],
  configured?: oci.Resources,
): Promise<LimitWrite[]> {
  const { held, writes, asked } = await plan(record, changes, configured);
  const done: LimitWrite[] = [];
  let attempted: ChangeWrite | undefined;
  try {
    for (const write of writes) {
      attempted = write;
      done.push(await perform(record, write));
    }
    for (const change of asked) await checkHeld(record, change);
  } catch (error) {
    const lost = await rollBack(record, held, done, attempted);
    const change = asked.find(({ name }) => name === attempted?.name);
    throw explainRefusal(error, { change, file: attempted?.file, version: record.version, lost });
  }
  return done;
}

interface Plan {
  held: HeldLimits;
  writes: ChangeWrite[];
  asked: readonly LimitChange[];
}

async function plan(
  record: CgroupRecord,
  changes: readonly LimitChange[],
  configured: oci.Resources | undefined,
): Promise<Plan> {
  await refuseGone(record);
  const held = new Map<string, HeldLimit>();
  for (const name of knobsToRead(changes)) {
    const found = await readHeld(record, name);
    if (found !== undefined) held.set(name, found);
  }
  const asked = withWeight(held, changes, configured);
  return { held, writes: changeWrites(record.version, held, asked), asked };
}

/** A group of its own with no process in it may be removed by anybody who may make groups beside it. */
async function refuseGone(record: CgroupRecord): Promise<void> {
  for (const folder of new Set(Object.values(record.paths))) {
    try {
      await stat(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw terrariumError(ErrorCode.WrongState, 'The cgroup is gone', {
        path: folder,
        errno: 'ENOENT',
        cause: 'Its container has ended, or somebody has removed it.',
        fix: 'Start the container again, or edit the limits of its next start.',
        doctor: 'cgroup',
      });
    }
  }
}

/** Leaving cpu.idle gives the default weight: what the configuration says is asked for along with it. */
function withWeight(
  held: HeldLimits,
  changes: readonly LimitChange[],
  configured: oci.Resources | undefined,
): readonly LimitChange[] {
  const leaves = changes.some(({ name, value }) => name === 'cpu.idle' && value.trim() === '0');
  const weight = limitsOf(configured).values.get('cpu.weight');
  const given = changes.some(({ name }) => name === 'cpu.weight');
  if (!leaves || given || weight === undefined || held.get('cpu.idle')?.value !== '1') return changes;
  return held.has('cpu.weight') ? [...changes, { name: 'cpu.weight', value: weight }] : changes;
}

async function readHeld(record: CgroupRecord, name: string): Promise<HeldLimit | undefined> {
  const folder = controllerFolder(record, controllerKey(record.version, name));
  return folder === undefined ? undefined : readHeldLimit(record.version, name, folder);
}

function folderOf(record: CgroupRecord, name: string): string {
  return controllerFolder(record, controllerKey(record.version, name)) ?? '/';
}

async function perform(record: CgroupRecord, { name, file, data, tightens }: ChangeWrite): Promise<LimitWrite> {
  const folder = folderOf(record, name);
  const whole = path.join(folder, file);
  const release = tightens && file === 'memory.max' ? await reclaim(folder, Number(data)) : undefined;
  try {
    await writeCgroupFile(whole, data);
  } finally {
    await release?.();
  }
  return { name, file: whole, data, held: heldAfter(name, (await readCgroupFile(whole)) ?? '', data) };
}

/** Of a file of lines, the line that the write was about; empty when it is gone. */
function heldAfter(name: string, content: string, data: string): string {
  const isLine = ['ioMax', 'ioWeight', 'text'].includes(knobOf(name).kind) && data.includes(' ');
  if (!isLine) return content;
  const [key = ''] = data.split(' ', 1);
  return content.split('\n').find((line) => line.startsWith(`${key} `)) ?? '';
}

/**
 * Brings use down to `bytes` before memory.max is: memory.high reclaims and slows down but never kills. It stays until
 * memory.max is written, so that use does not grow again in between; the answer puts it back. Throws `Invalid` when more
 * stays in use. Source: cgroup-v2.rst, "memory.high".
 */
async function reclaim(folder: string, bytes: number): Promise<(() => Promise<void>) | undefined> {
  const use = async (): Promise<number> => Number((await readCgroupFile(path.join(folder, 'memory.current'))) ?? 0);
  if ((await use()) <= bytes) return undefined;
  const high = path.join(folder, 'memory.high');
  const before = await readCgroupFile(high);
  if (before === undefined) throw Object.assign(new Error(`${high} is missing`), { code: 'ENOENT', path: high });
  const release = () => writeCgroupFile(high, before);
  await writeCgroupFile(high, String(bytes));
  const left = await use();
  if (left <= bytes) return release;
  await release();
  throw terrariumError(ErrorCode.Invalid, 'memory.max would be below what the container uses', {
    cause: `${left} bytes stay in use after the kernel reclaimed what it could: it would have to kill processes.`,
    fix: `Choose at least ${left} bytes, or end what uses the memory first.`,
  });
}

async function checkHeld(record: CgroupRecord, { name, value }: LimitChange): Promise<void> {
  const knob = knobOf(name);
  const held = await readHeld(record, name);
  if (held === undefined) throw Object.assign(new Error(`${name} is missing`), { code: 'ENOENT' });
  const asked = checkValue(knob, value, periodOf(held.value));
  // Nobody knows how a text is shown; and in v1 a cleared list is that of the group above.
  if (knob.kind === 'text' || (knob.kind === 'list' && asked === '')) return;
  if (name === 'cpu.weight' && (await readHeld(record, 'cpu.idle'))?.value === '1') return;
  if (isSame(name, asked, held)) return;
  throw terrariumError(ErrorCode.Invalid, `The kernel did not take ${asked} for ${name}`, {
    path: path.join(folderOf(record, name), held.files[0] ?? name),
    cause:
      name === 'memory.kmem.limit_in_bytes'
        ? 'Kernels since 5.16 accept this limit and ignore it: memory.max counts kernel memory too.'
        : `After the write the kernel has ${held.value === '' ? 'nothing' : held.value}.`,
    fix: name === 'memory.kmem.limit_in_bytes' ? 'Leave it at max, and set memory.max.' : 'Choose another value.',
  });
}

/** Puts everything back, last first, and answers with the files where even that was refused. */
async function rollBack(
  record: CgroupRecord,
  held: HeldLimits,
  done: readonly LimitWrite[],
  attempted: ChangeWrite | undefined,
): Promise<string[]> {
  const names = new Set([...done.map(({ name }) => name), ...(attempted === undefined ? [] : [attempted.name])]);
  const lost: string[] = [];
  for (const name of [...names].reverse()) {
    const before = held.get(name);
    // A weight of 0 is what the kernel shows while cpu.idle is 1, which is put back too.
    if (before === undefined || (name === 'cpu.weight' && before.value === '0')) continue;
    try {
      const now = await readHeld(record, name);
      if (now !== undefined) await putBack(folderOf(record, name), before, now);
    } catch (error) {
      lost.push(`${name} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
  }
  return lost;
}

async function putBack(folder: string, before: HeldLimit, now: HeldLimit): Promise<void> {
  if (before.contents.every((content, index) => content === now.contents[index])) return;
  // The value of v1's swap is not what its file holds.
  const isSum = before.form.context !== undefined && before.files.length === 1;
  const writes = isSum
    ? [{ file: before.files[0] ?? '', data: before.contents[0] || '\n' }]
    : before.form.encode(before.value, now.contents);
  for (const { file, data } of writes) await writeCgroupFile(path.join(folder, file), data);
}
