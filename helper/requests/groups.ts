import { listGroups } from '../container/groups.js';
import type { Machine } from '../container/machine.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about groups of containers; their limits are read and set as those of any other target. */
export function routeGroups(router: Router, machine: Machine): void {
  router.on0(protocol.ListGroups, () => listGroups(machine));
}
