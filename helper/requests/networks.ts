import type { Machine } from '../container/machine.js';
import { createNetwork, inspectNetwork, listNetworks, removeNetwork } from '../network/networks.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about named networks; a container is connected to its own when it starts. */
export function routeNetworks(router: Router, machine: Machine): void {
  router.on0(protocol.ListNetworks, () => listNetworks(machine));
  router.on(protocol.CreateNetwork, (params) => createNetwork(machine, params));
  router.on(protocol.InspectNetwork, ({ network }) => inspectNetwork(machine, network));
  router.on(protocol.RemoveNetwork, async ({ network }) => {
    await removeNetwork(machine, network);
    return null;
  });
}
