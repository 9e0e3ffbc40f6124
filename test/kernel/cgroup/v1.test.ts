import { detectCgroupAccess } from '../../../helper/cgroup/access.js';
import { v1Controllers } from '../../../helper/cgroup/record.js';
import { startAsChild } from './bed.js';
import { testCgroups } from './behaviour.js';

testCgroups(1, async () => {
  const access = await detectCgroupAccess(process.pid);
  if (access.mode === 'none') return `no cgroup is delegated to this user: ${access.reason}`;
  if (access.mode === 'v2') return 'this machine has its controllers in cgroup v2';
  const missing = v1Controllers.filter((name) => access.parents[name] === undefined);
  if (missing.length > 0) return `these controllers are not delegated to this user: ${missing.join(', ')}`;
  return { access, start: startAsChild };
});
