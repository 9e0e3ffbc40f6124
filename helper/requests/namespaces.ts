import type { Machine } from '../container/machine.js';
import { listContainers } from '../container/watcher.js';
import { listNamespaces } from '../namespaces/list.js';
import type { KnownContainer } from '../namespaces/membership.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about the namespaces of the machine, and about any process in them. Nothing here polls. */
export function routeNamespaces(router: Router, machine: Machine): void {
  router.on0(protocol.ListMachineNamespaces, async () => listNamespaces(await running(machine)));
}

async function running(machine: Machine): Promise<KnownContainer[]> {
  return (await listContainers(machine)).flatMap(({ id, name, init }) =>
    init === undefined ? [] : [{ id, name, initPid: init.pid }],
  );
}
