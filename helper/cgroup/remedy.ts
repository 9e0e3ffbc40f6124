import { v1Controllers } from './record.js';

/** Why limits are missing, and what to do about it: the text is shown and meant to be copied. */
export interface CgroupNotice {
  reason: string;
  remedy: string;
}

/** For systemd: the drop-in that gives every user's manager its controllers. Source: systemd.resource-control(5). */
export const delegateCommand = [
  'sudo mkdir -p /etc/systemd/system/user@.service.d',
  "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf",
  'sudo systemctl daemon-reload',
].join(' && ');

/** For v1: what an administrator does once per boot, a group of the user's own below each of these folders. */
export function v1DelegateCommand(folders: readonly string[], user: string): string {
  const groups = folders.map((folder) => `${folder}/terrarium-${user}`).join(' ');
  return `for g in ${groups}; do sudo mkdir -p "$g" && sudo chown ${user} "$g" "$g/cgroup.procs" "$g/tasks"; done`;
}

export function noCgroups(): CgroupNotice {
  return {
    reason: 'No cgroup file system is mounted here, so the kernel cannot be asked to limit anything.',
    remedy: 'Mount one as root (mount -t cgroup2 cgroup2 /sys/fs/cgroup), or do without limits: the rest works.',
  };
}

export function v2NotDelegated(folder: string, systemd: boolean): CgroupNotice {
  return systemd
    ? {
        reason: `The cgroup ${folder} belongs to someone else: systemd has not delegated one to you.`,
        remedy: `Run ${delegateCommand} and log in again.`,
      }
    : {
        reason: `The cgroup ${folder} belongs to someone else, and there is no systemd of yours to ask for one.`,
        remedy: `As root, make a cgroup, chown it with its cgroup.procs and cgroup.subtree_control to your user, and start the editor in it.`,
      };
}

export function v1NotDelegated(mountPoints: readonly string[], user: string): CgroupNotice {
  return {
    reason: 'This machine uses cgroup v1, and no group of it belongs to you.',
    remedy: `Run ${v1DelegateCommand(mountPoints, user)}`,
  };
}

export function v1PartlyDelegated(
  missing: readonly string[],
  mountPoints: readonly string[],
  user: string,
): CgroupNotice {
  return {
    reason: `This machine uses cgroup v1, and no group of yours has ${missing.join(', ')}.`,
    remedy: `Run ${v1DelegateCommand(mountPoints, user)}`,
  };
}

export function v2PartlyDelegated(missing: readonly string[]): CgroupNotice {
  return {
    reason: `systemd has not delegated ${missing.join(', ')} to you.`,
    remedy: `Run ${delegateCommand} and log in again.`,
  };
}

/** The "no internal processes" rule: a cgroup either holds processes or hands controllers to its children. */
export function v2Occupied(folder: string): CgroupNotice {
  return {
    reason: `Other processes are in the cgroup ${folder}, so its children cannot have controllers.`,
    remedy:
      `Move them into a group of their own: mkdir -p ${folder}/others && ` +
      `while read -r pid; do echo "$pid" > ${folder}/others/cgroup.procs; done < ${folder}/cgroup.procs`,
  };
}

/** Controllers the form's limits need. */
export const wantedControllers = ['memory', 'pids', 'cpu'] as const;

/** Controllers of v1 without which a limit, a pause or a statistic is missing. */
export const wantedV1Controllers: readonly string[] = v1Controllers;
