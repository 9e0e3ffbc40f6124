import type { Machine } from '../container/machine.js';
import { listPorts, publishPort, withdrawPort } from '../network/ports.js';
import * as protocol from '../protocol/index.js';
import { parseSpecification } from '../specification/schema.js';
import type { Router } from './router.js';

/** Requests about published ports of running containers. */
export function routePorts(router: Router, machine: Machine): void {
  const { store } = machine;
  router.on(protocol.ListPorts, async ({ container }) => listPorts(machine, await store.find(container)));
  router.on(protocol.PublishPort, async ({ container, port }) => {
    // The grammar of ports is the specification's.
    parseSpecification({ ports: [port] });
    const { id } = await store.find(container);
    return store.locked(id, (record) => publishPort(machine, record, port));
  });
  router.on(protocol.WithdrawPort, async ({ container, ...port }) => {
    const { id } = await store.find(container);
    await store.locked(id, (record) => withdrawPort(machine, record, port));
    return null;
  });
}
