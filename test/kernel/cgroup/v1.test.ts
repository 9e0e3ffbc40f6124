import { detectCgroupAccess } from '../../../helper/cgroup/access.js';
import { startAsChild } from './bed.js';
import { testCgroups } from './behaviour.js';

/** What an administrator delegates; of huge pages and rarer things machines like this one have no hierarchy. */
const needed = ['memory', 'pids', 'cpu', 'cpuacct', 'cpuset', 'blkio', 'freezer'] as const;

testCgroups(1, async () => {
  const access = await detectCgroupAccess(process.pid);
  if (access.mode === 'none') return `no cgroup is delegated to this user: ${access.reason}`;
  if (access.mode === 'v2') return 'this machine has its controllers in cgroup v2';
  const missing = needed.filter((name) => access.parents[name] === undefined);
  if (missing.length > 0) return `these controllers are not delegated to this user: ${missing.join(', ')}`;
  return { access, start: startAsChild };
});
