import { blockDevices } from '../cgroup/devices.js';
import { readLimits } from '../cgroup/limits.js';
import type { Machine } from '../container/machine.js';
import { processesOf } from '../container/stop.js';
import { processIdentity } from '../inspect/stat.js';
import { knobOf, type LimitReading, type LimitsReport, type ProcessIdentity } from '../protocol/index.js';
import { type Journal, shownEdit } from './journal.js';
import { configuredRlimits, inheritedRlimit, isRlimit, liveRlimits, type Processes } from './rlimits.js';
import type { LimitSubject } from './subject.js';
import { undoableEdit } from './undoable.js';

/** All limits of a target, the disks they may name, its trial and what can be undone. Throws Node's errors. */
export async function reportOf(
  machine: Machine,
  subject: LimitSubject,
  journal: Journal | undefined,
): Promise<LimitsReport> {
  const [report, devices] = await Promise.all([readingsOf(machine, subject), blockDevices(machine.locations.data)]);
  const undoable = journal === undefined ? undefined : undoableEdit(journal, subject.life);
  const trial = journal?.pending?.phase === 'trial' ? journal.pending : undefined;
  return {
    ...report,
    // Where nothing else limits, these come first.
    readings: report.mode === 'none' ? rlimitsFirst(report.readings) : report.readings,
    devices,
    ...(trial === undefined ? {} : { trial: { edit: trial.edit.id, rollsBackAt: trial.rollsBackAt } }),
    ...(trial?.stuck === undefined ? {} : stuckNotice(trial.stuck)),
    ...(undoable === undefined ? {} : { undoable: shownEdit(undoable) }),
  };
}

/** What the limits are, of cgroup and processes. Throws Node's errors. */
export function readingsOf(machine: Machine, subject: LimitSubject): ReturnType<typeof readLimits> {
  return readLimits(questionOf(subject), { rlimits: () => readRlimits(machine, subject) });
}

/** As those who read and plan files of cgroups want to know it. */
export function questionOf(subject: LimitSubject) {
  const { target, title, record, access, running, configured } = subject;
  return { target, title, record, access, running, resources: configured && (configured.resources ?? {}) };
}

const stuckNotice = (stuck: string): Pick<LimitsReport, 'notice'> => ({
  notice: {
    reason: `A change on trial was not kept, and cannot be taken back yet: ${stuck}`,
    remedy: 'It is taken back as soon as the kernel lets it. Keep it to have it stay.',
  },
});

function rlimitsFirst(readings: readonly LimitReading[]): LimitReading[] {
  const first = readings.filter(({ name }) => isRlimit(name));
  return [...first, ...readings.filter(({ name }) => !isRlimit(name))];
}

/** The processes of a container that runs, its init first; none for anything else. */
export function processesIn({ run }: LimitSubject): Processes {
  return async (): Promise<ProcessIdentity[]> =>
    run === undefined ? [] : (await processesOf(run)).map(({ identity }) => identity);
}

/** Rlimits belong to processes: only containers have them, those of a group are each for itself. */
async function readRlimits(machine: Machine, subject: LimitSubject): Promise<LimitReading[]> {
  if (subject.container === undefined) return [];
  const configured = configuredRlimits(subject.configured?.rlimits);
  const processes = await processesIn(subject)();
  if (processes.length === 0) return configured;
  const zygote = processIdentity(await machine.zygote.pid());
  return liveRlimits(processes).map((reading) => {
    const { name } = reading;
    const next =
      configured.find((one) => one.name === name)?.value ??
      (zygote === undefined || !isRlimit(name) ? undefined : inheritedRlimit(zygote, name));
    return next === undefined || next === reading.value ? reading : { ...reading, nextStart: next };
  });
}

/** The value of a knob; what a new group has when nothing is set. Pure. */
export function valueIn(report: Pick<LimitsReport, 'readings'>, name: string): string {
  return report.readings.find((reading) => reading.name === name)?.value ?? knobOf(name).cleared;
}
