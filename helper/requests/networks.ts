import type { Machine } from '../container/machine.js';
import { readLatestRun } from '../container/runs.js';
import { readNamespace } from '../inspect/namespaces.js';
import { unlessDenied } from '../inspect/proc.js';
import { isAlive } from '../inspect/stat.js';
import { findTarget } from '../namespaces/look.js';
import { announceNetworks } from '../network/changes.js';
import { ListenerWatch } from '../network/listeners.js';
import { createNetwork, inspectNetwork, listNetworks, reconnectNetwork, removeNetwork } from '../network/networks.js';
import { shapeLink, shapePodLink } from '../network/shape.js';
import { readListeners } from '../network/socketReader.js';
import { readNetworkState } from '../network/state.js';
import { readPod } from '../pods/store.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/**
 * Requests about named networks, and about what any network namespace holds. Answers the watch of what listens, to be
 * stopped with the connection.
 * @param tell called with the containers in which something else listens.
 */
export function routeNetworks(router: Router, machine: Machine, tell: (containers: string[]) => void): ListenerWatch {
  router.on0(protocol.ListNetworks, () => listNetworks(machine));
  router.on(protocol.CreateNetwork, async (params) => {
    const network = await createNetwork(machine, params);
    announceNetworks(machine.locations);
    return network;
  });
  router.on(protocol.InspectNetwork, ({ network }) => inspectNetwork(machine, network));
  router.on(protocol.RemoveNetwork, async ({ network }) => {
    await removeNetwork(machine, network);
    announceNetworks(machine.locations);
    return null;
  });
  router.on(protocol.ReconnectNetwork, ({ network }) => reconnectNetwork(machine, network));
  router.on(protocol.ShapeLink, async (params) => {
    if ('pod' in params) {
      const { pod, ...shape } = params;
      return shapePodLink(machine, readPod(machine.locations, pod), shape);
    }
    const { container, ...shape } = params;
    const { id } = await machine.store.find(container);
    return machine.store.locked(id, (record) => shapeLink(machine, record, shape));
  });
  router.on(protocol.ReadNetworkState, async ({ target }) =>
    readNetworkState(machine, await findTarget(machine, target)),
  );

  const listeners = new ListenerWatch({
    find: (id) => ownNetwork(machine, id),
    read: readListeners,
    onChanged: tell,
    onError: (error) => machine.log(`listeners: ${error instanceof Error ? error.message : String(error)}`),
  });
  router.on(protocol.WatchListeners, ({ containers }) => {
    listeners.watch(containers);
    return null;
  });
  return listeners;
}

/** The init of a running container, unless it has this machine's network: what listens there is not the container's. */
function ownNetwork({ store }: Machine, id: string): protocol.ProcessIdentity | undefined {
  const run = readLatestRun(store, id);
  const init = run?.exit === undefined ? run?.runtime?.init : undefined;
  if (init === undefined || !isAlive(init)) return undefined;
  const isOwn = unlessDenied(() => readNamespace(init.pid, 'network')) !== readNamespace('self', 'network');
  return isOwn ? init : undefined;
}
