import * as path from 'node:path';

/** Why limits are missing, and what to do about it: the text is shown and meant to be copied. */
export interface CgroupNotice {
  reason: string;
  remedy: string;
  /** The part of `remedy` that is for a terminal, if there is one. */
  command?: string;
}

/** A remedy that is one command. @param then what is to be done after it, from the space on */
function running(command: string, then = ''): Pick<CgroupNotice, 'remedy' | 'command'> {
  return { remedy: `Run ${command}${then}`, command };
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
  // Nothing can join a group of cpuset before it has CPUs and memory nodes: cgroup-v1/cpusets.rst.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
  const cpuset = 'for f in cpuset.cpus cpuset.mems; do [ ! -e "$g/$f" ] || sudo tee "$g/$f" < "${g%/*}/$f"; done';
  return `for g in ${groups}; do sudo mkdir -p "$g" && sudo chown ${user} "$g" "$g/cgroup.procs" "$g/tasks"; ${cpuset}; done`;
}

export function noCgroups(): CgroupNotice {
  return {
    reason:
      'No cgroup file system is mounted here that shows where we are, so the kernel cannot be asked to limit anything.',
    remedy: 'Mount one as root (mount -t cgroup2 cgroup2 /sys/fs/cgroup), or do without limits: the rest works.',
  };
}

/** As in most containers of others. */
export function readOnlyCgroups(mountPoints: readonly string[]): CgroupNotice {
  return {
    reason: `The cgroup file system is mounted read-only at ${mountPoints.join(', ')}.`,
    ...running(
      mountPoints.map((at) => `sudo mount -o remount,rw ${at}`).join(' && '),
      ', or start the container that this is with a cgroup of its own to write to.',
    ),
  };
}

/** @param systemd what the user's own systemd is to us; undefined on a machine without systemd */
export function v2NotDelegated(
  folder: string,
  systemd: { userManager: boolean; refusal?: string | undefined; user: string } | undefined,
): CgroupNotice {
  if (systemd === undefined) {
    return {
      reason: `The cgroup ${folder} belongs to someone else, and there is no systemd to ask for one.`,
      remedy: `As root, make a cgroup, chown it with its cgroup.procs and cgroup.subtree_control to your user, and start the editor in it.`,
    };
  }
  if (!systemd.userManager) {
    return {
      reason: `The cgroup ${folder} belongs to someone else, and no systemd of your own runs that could be asked for one.`,
      ...running(
        `sudo loginctl enable-linger ${systemd.user}`,
        ' and log in again, so that XDG_RUNTIME_DIR is set and systemd --user runs.',
      ),
    };
  }
  if (systemd.refusal !== undefined) {
    return {
      reason: `Your systemd was asked for a cgroup and gave none: ${systemd.refusal}`,
      remedy:
        'See what it says with systemctl --user status, mend it or log in again, then end all containers of Terrarium and start the editor anew.',
    };
  }
  return {
    reason: `The cgroup ${folder} belongs to someone else: systemd has not delegated one to you.`,
    ...running(delegateCommand, ' and log in again.'),
  };
}

export function v1NotDelegated(mountPoints: readonly string[], user: string): CgroupNotice {
  return {
    reason: 'This machine uses cgroup v1, and no group of it belongs to you.',
    ...running(v1DelegateCommand(mountPoints, user)),
  };
}

export function v1PartlyDelegated(
  missing: readonly string[],
  mountPoints: readonly string[],
  user: string,
): CgroupNotice {
  return {
    reason: `This machine uses cgroup v1, and no group of yours has ${missing.join(', ')}.`,
    ...running(v1DelegateCommand(mountPoints, user)),
  };
}

/** What systemd hands on when it is told to; others it does not know. Source: systemd.resource-control(5), Delegate=. */
const ofSystemd = ['cpu', 'cpuset', 'io', 'memory', 'pids'];

/**
 * @param missing controllers that the kernel has and `folder` has not
 * @param mountPoint where the hierarchy is mounted
 */
export function v2PartlyDelegated(missing: readonly string[], folder: string, mountPoint: string): CgroupNotice {
  const reason = `The cgroup ${folder} has not been given ${missing.join(', ')}.`;
  if (missing.every((name) => ofSystemd.includes(name))) {
    return { reason, ...running(delegateCommand, ' and log in again.') };
  }
  const command = handDownCommand(missing, folder, mountPoint);
  return { reason, remedy: `Until the next start of the machine: ${command}`, command };
}

/** Writes to cgroup.subtree_control from the top of the hierarchy down, as root; then the next zygote finds them. */
function handDownCommand(controllers: readonly string[], folder: string, mountPoint: string): string {
  const above = path.relative(mountPoint, folder).split('/').filter(Boolean);
  const folders = above.map((_, depth) => path.join(mountPoint, ...above.slice(0, depth)));
  const text = controllers.map((name) => `+${name}`).join(' ');
  return `for d in ${folders.join(' ')}; do echo '${text}' | sudo tee "$d/cgroup.subtree_control"; done`;
}

/** Asked for, and nowhere on this machine. */
export function unknownController(controllers: readonly string[]): CgroupNotice {
  return {
    reason: `The kernel of this machine has no controller ${controllers.join(', ')}, or uses it in another hierarchy.`,
    remedy: 'Leave the limit out, or boot a kernel that has it.',
  };
}

/** The "no internal processes" rule: a cgroup either holds processes or hands controllers to its children. */
export function v2Occupied(folder: string): CgroupNotice {
  const command =
    `mkdir -p ${folder}/others && ` +
    `while read -r pid; do echo "$pid" > ${folder}/others/cgroup.procs; done < ${folder}/cgroup.procs`;
  return {
    reason: `Other processes are in the cgroup ${folder}, so its children cannot have controllers.`,
    remedy: `Move them into a group of their own: ${command}`,
    command,
  };
}

/** Controllers without which most limits are missing: that is told unasked. Others are told of when they are wanted. */
export const neededControllers = ['memory', 'pids', 'cpu'] as const;

/** All that the form has knobs for. */
export const v2Controllers = [...ofSystemd, 'hugetlb', 'misc', 'rdma'] as const;

/** The needed ones of v1, where pausing has a controller of its own. */
export const neededV1Controllers = ['memory', 'pids', 'cpu', 'cpuacct', 'freezer'] as const;
