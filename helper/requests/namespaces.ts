import type { Machine } from '../container/machine.js';
import { listContainers } from '../container/watcher.js';
import { type Compared, comparedProcess, compareInspections } from '../namespaces/comparison.js';
import { inspect, reasonOf } from '../namespaces/document.js';
import { limitsOf } from '../namespaces/limits.js';
import { listNamespaces } from '../namespaces/list.js';
import { findTarget, lookAt } from '../namespaces/look.js';
import type { KnownContainer } from '../namespaces/membership.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about the namespaces of the machine, and about any process in them. Nothing here polls. */
export function routeNamespaces(router: Router, machine: Machine): void {
  router.on0(protocol.ListMachineNamespaces, async () => listNamespaces(await running(machine)));

  router.on(protocol.Inspect, async (params) => inspect(machine, await running(machine), params));

  router.on(protocol.InspectProcess, async ({ target, ...wanted }) =>
    lookAt(machine, await running(machine), await findTarget(machine, target), wanted),
  );

  router.on(protocol.CompareProcesses, async (targets) => {
    const containers = await running(machine);
    const look = async (target: protocol.ProcessTarget): Promise<Compared> =>
      withLimits(machine, await lookAt(machine, containers, await findTarget(machine, target), {}));
    const [a, b] = await Promise.all([look(targets.a), look(targets.b)]);
    return {
      a: comparedProcess(a, 'host' in targets.a),
      b: comparedProcess(b, 'host' in targets.b),
      sections: compareInspections(a, b),
    };
  });
}

async function withLimits(machine: Machine, process: protocol.ProcessInspection): Promise<Compared> {
  try {
    return { ...process, limits: await limitsOf(machine, process) };
  } catch (error) {
    return { ...process, unreadable: { ...process.unreadable, limits: reasonOf(error) } };
  }
}

async function running(machine: Machine): Promise<KnownContainer[]> {
  return (await listContainers(machine)).flatMap(({ id, name, init }) =>
    init === undefined ? [] : [{ id, name, initPid: init.pid }],
  );
}
