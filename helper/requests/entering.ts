import type { Machine } from '../container/machine.js';
import { listContainers } from '../container/watcher.js';
import { containerEntered, enterProcess } from '../entering/enter.js';
import { readNamespaces } from '../inspect/namespaces.js';
import { parseSignal, signalProcess } from '../inspect/signal.js';
import { containerOf, findTarget } from '../namespaces/look.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests that start something in, or tell something to, any process. */
export function routeEntering(router: Router, machine: Machine): void {
  router.on(protocol.EnterProcess, async ({ process, ...asked }) => {
    const identity = await findTarget(machine, process);
    const running = (await listContainers(machine)).flatMap(({ id, name, init }) =>
      init === undefined ? [] : [{ id, name, initPid: init.pid }],
    );
    const container = containerOf(identity.pid, running, readNamespaces('self') ?? {});
    return enterProcess(machine, identity, asked, container && (await containerEntered(machine, container.id)));
  });
  router.on(protocol.SignalProcess, async ({ process, signal = 'SIGTERM' }) => {
    signalProcess(process, parseSignal(signal));
    return null;
  });
}
