import { limitWrites } from '../cgroup/plan.js';
import { applyChanges } from '../cgroup/resources.js';
import { writeLimits } from '../cgroup/write.js';
import { ErrorCode, type LimitChange, type LimitWrite, terrariumError } from '../protocol/index.js';
import { processesIn } from './report.js';
import { applyRlimits, checkRlimit, isRlimit, undoRlimits, writeRlimits } from './rlimits.js';
import type { ConfiguredLimits, LimitSubject } from './subject.js';

/**
 * Writes changes to what runs, all or none, and answers with the writes and what the kernel made of each.
 * @throws Invalid, Unavailable or WrongState with cause and fix
 */
export async function writeLive(subject: LimitSubject, changes: readonly LimitChange[]): Promise<LimitWrite[]> {
  const ofCgroup = changes.filter(({ name }) => !isRlimit(name));
  const ofProcesses = changes.filter(({ name }) => isRlimit(name));
  if (ofCgroup.length > 0 && subject.record === undefined) throw noCgroup(subject.title);
  const { writes, undos } = await writeRlimits(processesIn(subject), ofProcesses);
  if (subject.record === undefined || ofCgroup.length === 0) return writes;
  try {
    return [...(await writeLimits(subject.record, ofCgroup, subject.configured?.resources)), ...writes];
  } catch (error) {
    undoRlimits(undos);
    throw error;
  }
}

/** What the next start has with changes applied. Pure. @throws Invalid */
export function configuredWith(
  { resources, rlimits }: ConfiguredLimits,
  changes: readonly LimitChange[],
): ConfiguredLimits {
  for (const change of changes) if (isRlimit(change.name)) checkRlimit(change);
  return {
    resources: applyChanges(
      resources ?? {},
      changes.filter(({ name }) => !isRlimit(name)),
    ),
    rlimits: applyRlimits(rlimits, changes),
  };
}

/**
 * What no controller here can hold is refused when it is asked for: else the next start would be. Without any cgroup only the
 * changes count, so that one limit of several can be taken away. @throws Unavailable with a remedy
 */
export function checkNextStart(
  { access }: LimitSubject,
  changes: readonly LimitChange[],
  after: ConfiguredLimits | undefined,
): void {
  limitWrites(access, access.mode === 'none' ? configuredWith({}, changes).resources : after?.resources);
}

function noCgroup(title: string): Error {
  return terrariumError(ErrorCode.Unavailable, `${title} runs without a cgroup`, {
    cause: 'When it was started no cgroup could be made for it, so there is nothing that could hold a limit.',
    fix: 'Limit its processes one by one (RLIMIT_…), or look at the lines on cgroups in the doctor and restart it.',
    command: 'terrarium doctor cgroup',
    doctor: 'cgroup',
  });
}

/** Rlimits belong to processes: groups have none. @throws Invalid */
export function refuseRlimits({ container, title }: LimitSubject, changes: readonly LimitChange[]): void {
  if (container !== undefined || !changes.some(({ name }) => isRlimit(name))) return;
  throw terrariumError(ErrorCode.Invalid, `${title} has no limits of processes`, {
    cause: 'RLIMIT_… are limits of each process by itself: they are set by container.',
    fix: 'Set them for the containers in it.',
  });
}
