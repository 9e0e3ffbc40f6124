// Delegates cgroup v1 groups to a user as an administrator does it by hand: a group in each hierarchy, owned by the
// user. On a machine with only cgroup v2 there is nothing to do here: systemd delegates, see test/machine.
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';

const wanted = ['memory', 'pids', 'cpu', 'cpuacct', 'freezer', 'cpuset', 'blkio', 'hugetlb', 'misc', 'rdma'];

/** Mount points of the v1 hierarchies with a controller that containers use. */
function hierarchies() {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type, options]) => type === 'cgroup' && wanted.some((name) => options.split(',').includes(name)))
    .map(([, mountPoint]) => mountPoint);
  return [...new Set(mounts)];
}

/**
 * Removes a group and those below it; groups cannot be removed while a dying process is still counted in them, and a
 * process that a test left frozen dies when it is thawed.
 */
export async function removeGroup(group) {
  const freezer = path.join(group, 'freezer.state');
  if (existsSync(freezer)) writeFileSync(freezer, 'THAWED');
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) await removeGroup(path.join(group, entry.name));
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (error.code !== 'EBUSY' || attempt === 50) throw error;
      await setTimeout(100);
    }
  }
}

/**
 * Makes one group of this run in each v1 hierarchy and gives it to the user. Other groups are not touched.
 * @param {{uid: number, gid: number}} user
 */
export async function delegateGroups(user) {
  const groups = [];
  for (const mountPoint of hierarchies()) {
    const group = path.join(mountPoint, `terrarium-test-${process.pid}-${user.uid}`);
    await mkdir(group);
    groups.push(group);
    for (const file of ['', 'cgroup.procs', 'tasks']) await chown(path.join(group, file), user.uid, user.gid);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      // Nothing can join a group of cpuset without CPUs and memory nodes.
      const given = path.join(mountPoint, file);
      if (existsSync(given)) writeFileSync(path.join(group, file), readFileSync(given));
    }
  }
  return {
    groups,
    remove: async () => {
      for (const group of groups) if (existsSync(group)) await removeGroup(group);
    },
  };
}
