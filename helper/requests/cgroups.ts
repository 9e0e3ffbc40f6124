import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type CgroupOwners, listGroupProcesses, listGroups, listHierarchies } from '../cgroup/browse.js';
import { CgroupFolderWatches } from '../cgroup/folderWatches.js';
import { groupsAbove, ownerOf } from '../cgroup/layout.js';
import { cgroupMounts, findCgroup } from '../cgroup/mounts.js';
import type { Machine } from '../container/machine.js';
import { readLatestRun } from '../container/runs.js';
import { usersOf } from '../inspect/user.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about the control groups of the machine. Answers what is to be disposed of with the connection. */
export function routeCgroups(
  router: Router,
  machine: Machine,
  onChanged: (paths: string[]) => void,
): { dispose(): void } {
  // What is mounted may change while the helper runs.
  const mounts = async () => cgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));

  router.on(protocol.ListCgroups, async ({ path }) => {
    const [found, owners] = await Promise.all([mounts(), ownersOf(machine)]);
    if (path === undefined) return listHierarchies(found, owners);
    const mount = await findCgroup(path, found);
    return mount === undefined ? [] : listGroups(mount, path, owners);
  });
  router.on(protocol.ListCgroupProcesses, async ({ path }) => {
    const mount = await findCgroup(path, await mounts());
    return mount === undefined ? [] : listGroupProcesses(path, userNames());
  });

  const watches = new CgroupFolderWatches(onChanged, (error) => machine.log(`control groups: ${String(error)}`));
  let asked = 0;
  router.on(protocol.WatchCgroups, async ({ paths }) => {
    const request = ++asked;
    const found = await mounts();
    const there = await Promise.all(paths.map(async (path) => ((await findCgroup(path, found)) ? path : undefined)));
    // A later request has its own answer by now.
    if (request === asked) watches.replace(there.filter((path) => path !== undefined));
    return null;
  });
  return watches;
}

/** The folders of running containers and of the groups they are in, in every hierarchy. */
async function ownersOf(machine: Machine): Promise<CgroupOwners> {
  const { store } = machine;
  const containers = new Map<string, { id: string; name: string }>();
  const groups = new Map<string, string>();
  for (const { id, name } of await store.list()) {
    const run = readLatestRun(store, id);
    if (run?.exit !== undefined) continue;
    for (const folder of Object.values(run?.runtime?.cgroup?.paths ?? {})) {
      containers.set(folder, { id, name });
      for (const above of groupsAbove(folder)) groups.set(above, ownerOf(above)?.group ?? protocol.allContainers);
    }
  }
  return { containers, groups };
}

/** This machine's users by id; the first of several names for one id counts, as for getpwuid(3). */
function userNames(): ReadonlyMap<number, string> {
  // Where accounts come from elsewhere alone there is no such file: then ids stand for themselves.
  const passwd = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  return new Map(
    usersOf({ passwd, group: '' })
      .reverse()
      .map(({ uid, name }) => [uid, name]),
  );
}
