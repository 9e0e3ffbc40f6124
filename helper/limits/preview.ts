import { plannedWrites } from '../cgroup/write.js';
import type { Machine } from '../container/machine.js';
import type { LimitChange, LimitsPreview, LimitTarget } from '../protocol/index.js';
import { questionOf } from './report.js';
import { checkRlimit, isRlimit } from './rlimits.js';
import { findSubject } from './subject.js';
import { refuseRlimits } from './write.js';

/** What changes would write, in order. Writes nothing. @throws Invalid for nonsense, Unavailable for what there is no file for */
export async function previewLimits(
  machine: Machine,
  target: LimitTarget,
  changes: readonly LimitChange[],
): Promise<LimitsPreview> {
  const subject = await findSubject(machine, target);
  refuseRlimits(subject, changes);
  const ofProcesses = changes.filter(({ name }) => isRlimit(name));
  for (const change of ofProcesses) checkRlimit(change);
  const planned = await plannedWrites(
    questionOf(subject),
    changes.filter(({ name }) => !isRlimit(name)),
  );
  const writes = subject.running ? ofProcesses.map(({ name, value }) => ({ file: '', name, data: value })) : [];
  return { writes: [...planned, ...writes], forecasts: [] };
}
