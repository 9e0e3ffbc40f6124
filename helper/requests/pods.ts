import type { Machine } from '../container/machine.js';
import { announceChange } from '../container/watcher.js';
import { createPod, inspectPod, listPods, removePod } from '../pods/pods.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about pods; a container joins its own when it starts. */
export function routePods(router: Router, machine: Machine): void {
  router.on0(protocol.ListPods, () => listPods(machine));
  router.on(protocol.CreatePod, async (params) => {
    const pod = await createPod(machine, params);
    announceChange(machine);
    return pod;
  });
  router.on(protocol.InspectPod, ({ pod }) => inspectPod(machine, pod));
  router.on(protocol.RemovePod, async ({ pod, force = false }) => {
    try {
      await removePod(machine, pod, force);
    } finally {
      announceChange(machine);
    }
    return null;
  });
}
