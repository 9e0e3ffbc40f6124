import { checkValue } from '../cgroup/values.js';
import { plannedWrites } from '../cgroup/write.js';
import type { Machine } from '../container/machine.js';
import { knobOf, type LimitChange, type LimitsPreview, type LimitTarget } from '../protocol/index.js';
import { forecast } from './forecast/forecast.js';
import { gatherFacts } from './forecast/gather.js';
import { questionOf } from './report.js';
import { checkRlimit, isRlimit } from './rlimits.js';
import { findSubject } from './subject.js';
import { refuseRlimits } from './write.js';

/**
 * What changes would write, in order, and what would come of it. Writes nothing.
 * @throws Invalid for nonsense, Unavailable for what there is no file for
 */
export async function previewLimits(
  machine: Machine,
  target: LimitTarget,
  changes: readonly LimitChange[],
): Promise<LimitsPreview> {
  const subject = await findSubject(machine, target);
  refuseRlimits(subject, changes);
  const ofProcesses = changes.filter(({ name }) => isRlimit(name));
  const ofCgroup = changes.filter(({ name }) => !isRlimit(name));
  for (const change of ofProcesses) checkRlimit(change);
  const checked = ofCgroup.map(({ name, value }) => ({ name, value: checkValue(knobOf(name), value) }));
  const planned = await plannedWrites(questionOf(subject), ofCgroup);
  const writes = subject.running ? ofProcesses.map(({ name, value }) => ({ file: '', name, data: value })) : [];
  const facts = await gatherFacts(machine, subject, [...checked, ...ofProcesses]);
  return { writes: [...planned, ...writes], forecasts: forecast([...checked, ...ofProcesses], facts) };
}
