import type { CgroupAccess } from '../cgroup/access.js';
import { type CgroupNotice, delegateCommand } from '../cgroup/remedy.js';
import { type Finding, works } from './finding.js';

type Usable = Exclude<CgroupAccess, { mode: 'none' }>;

/** What became of one write in a scratch group. */
export interface GroupTrial {
  controller: string;
  /** Undefined when there was no file to write. */
  file?: string;
  errno?: string;
  /** What was read back, when it is not what was written. */
  readBack?: string;
}

/** What a notice says to do, with its command apart. Pure. */
export function adviceOf({ remedy, command }: CgroupNotice): Pick<Finding, 'fix' | 'command'> {
  if (command === undefined) return { fix: remedy };
  // The command stands below by itself: in the sentence it would be read twice.
  return { fix: remedy.replace(command, () => 'the command below').replace(/([^.])$/, '$1.'), command };
}

/** The line on groups as such. Pure. @param refused where a scratch group could not be made after all. */
export function cgroupLine(access: CgroupAccess, refused?: { parent: string; errno: string }): Finding {
  if (access.mode === 'none') return { verdict: 'missing', tried: access.reason, ...adviceOf(access) };
  if (refused !== undefined) {
    return {
      verdict: 'missing',
      tried: `Tried to make a group below ${refused.parent}: ${refused.errno}.`,
      errno: refused.errno,
      fix:
        refused.errno === 'EAGAIN'
          ? 'So many groups are there as may be (cgroup.max.descendants, cgroup.max.depth): remove some, or raise it.'
          : refused.errno === 'EROFS'
            ? 'The cgroup file system is mounted read-only, as in most containers: start that one with writable groups.'
            : 'Have the group delegated to you, with its folder and cgroup.procs.',
      command: `ls -ld '${refused.parent}' && cat '${refused.parent}/cgroup.max.descendants'`,
    };
  }
  const place =
    access.mode === 'v2'
      ? `cgroup v2 below ${access.parent}`
      : `cgroup v1 below ${[...new Set(Object.values(access.parents))].join(', ')}`;
  const { notice } = access;
  return {
    verdict: notice === undefined ? 'works' : 'partial',
    tried: `Made and removed groups of ${place}.${notice === undefined ? '' : ` ${notice.reason}`}`,
    ...(notice === undefined ? {} : adviceOf(notice)),
  };
}

/** systemd.resource-control(5) knows these; others it hands to nobody. */
const ofSystemd: ReadonlySet<string> = new Set(['cpu', 'cpuset', 'io', 'memory', 'pids']);

/** The line on one controller. Pure. @param known the controllers that the kernel has, whoever may use them */
export function controllerFinding(trial: GroupTrial, access: Usable, known: ReadonlySet<string>): Finding {
  const { controller, file, errno, readBack } = trial;
  if (readBack !== undefined) {
    return {
      verdict: 'partial',
      tried: `Wrote ${file} in a scratch group and read back ${JSON.stringify(readBack)}.`,
      fix: 'A group above allows no more: see which in the form of limits.',
    };
  }
  if (errno === undefined) return works(`Wrote ${file} in a scratch group and read it back.`);
  const tried =
    file === undefined
      ? `A scratch group has no file of ${controller} to write (${errno}).`
      : `Tried to write ${file} in a scratch group: ${errno}.`;
  return { verdict: 'missing', tried, errno, ...controllerAdvice(controller, errno, access, known) };
}

function controllerAdvice(
  controller: string,
  errno: string,
  access: Usable,
  known: ReadonlySet<string>,
): Pick<Finding, 'fix' | 'command'> {
  if (!known.has(controller)) {
    return {
      fix: `The kernel has no controller ${controller}: boot one that has it, and without cgroup_disable=${controller}.`,
      command: 'cat /proc/cgroups /proc/cmdline',
    };
  }
  if (errno === 'EROFS') {
    return {
      fix: 'The cgroup file system is mounted read-only: have it mounted writable.',
      command: 'findmnt -t cgroup2',
    };
  }
  const told = access.absent?.[controller];
  if (told !== undefined) return adviceOf(told);
  if (access.mode === 'v1') return { fix: 'Have a group of it made for you by root, as for the other controllers.' };
  if (!ofSystemd.has(controller)) {
    return {
      fix: `systemd delegates no ${controller}; root can enable it in cgroup.subtree_control down to your group.`,
    };
  }
  return { fix: 'Have the controller delegated to you, then log in again.', command: delegateCommand };
}
