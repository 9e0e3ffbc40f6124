/** Limits of the control groups that a process is in, as one list. */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { cgroupMounts } from '../cgroup/mounts.js';
import type { Machine } from '../container/machine.js';
import { readTarget } from '../limits/edit.js';
import { isRlimit } from '../limits/rlimits.js';
import type { InspectedLimit, LimitTarget, ProcessInspection } from '../protocol/index.js';

/** The limits of the groups that a process is in, in every hierarchy that is mounted here. @throws NotFound when one is gone */
export async function limitsOf(
  machine: Machine,
  { linux }: ProcessInspection,
): Promise<Record<string, InspectedLimit>> {
  const mounts = cgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const folders = mounts.flatMap(({ version, controllers, mountPoint }) => {
    const own = Object.entries(linux.cgroups).find(([names]) =>
      version === 2 ? names === '' : controllers.some((name) => names.split(',').includes(name)),
    );
    // The root of a hierarchy limits nothing.
    return own === undefined || own[1] === '/' ? [] : [path.join(mountPoint, own[1])];
  });
  return limitValues(
    machine,
    [...new Set(folders)].map((cgroup) => ({ cgroup })),
  );
}

/** Those of some targets, by name. @throws NotFound */
export async function limitValues(
  machine: Machine,
  targets: readonly LimitTarget[],
): Promise<Record<string, InspectedLimit>> {
  const reports = await Promise.all(targets.map((target) => readTarget(machine, target)));
  const limits = reports.flatMap(({ readings }) =>
    readings.flatMap(({ name, value, usage, peak, effective }): [string, InspectedLimit][] =>
      // Those of processes are in `kernel.process.rlimits`.
      value === undefined || isRlimit(name)
        ? []
        : [
            [
              name,
              {
                value,
                ...(usage === undefined ? {} : { usage }),
                ...(peak === undefined ? {} : { peak }),
                ...(effective === undefined ? {} : { effective }),
              },
            ],
          ],
    ),
  );
  return Object.fromEntries(limits);
}
