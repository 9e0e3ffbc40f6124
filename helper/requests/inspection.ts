import { failedLedgers } from '../container/failures.js';
import { explainIds, inspectContainer } from '../container/inspect.js';
import { readLedger, readOperation, summarizeLedgers } from '../container/ledgers.js';
import type { Machine } from '../container/machine.js';
import { mountsOf } from '../container/mounts.js';
import { foreignLedgers } from '../container/sessions.js';
import { processesOf, processOf, runningRun } from '../container/stop.js';
import { listContainers } from '../container/watcher.js';
import { readCapabilities } from '../inspect/capabilities.js';
import { compareNamespaces, readNamespaces } from '../inspect/namespaces.js';
import { processIdentity } from '../inspect/stat.js';
import { renderEntry } from '../ledger/entry.js';
import { composeLedger } from '../ledger/ledger.js';
import { renderMarkdown } from '../ledger/markdown.js';
import { renderScript } from '../ledger/script.js';
import { entryOf } from '../ledger/scriptEnter.js';
import * as protocol from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import type { Router } from './router.js';

/** Requests that look: at the kernel for what runs, at the disk for what was done. */
export function routeInspection(router: Router, machine: Machine): void {
  const { store } = machine;
  const runtimeOf = async ({ container }: protocol.ContainerReference) => {
    const record = await store.find(container);
    return { record, ...runningRun(machine, record) };
  };
  const gone = (name: string) => protocol.terrariumError(protocol.ErrorCode.WrongState, `${name} has just ended`);

  router.on(protocol.InspectContainer, async ({ container }) => inspectContainer(machine, await store.find(container)));
  router.on(protocol.ListProcesses, async (params) => processesOf(await runtimeOf(params)));
  router.on(protocol.ListNamespaces, async (params) => {
    const { record, runtime } = await runtimeOf(params);
    const own = readNamespaces(runtime.init.pid);
    const host = readNamespaces('self');
    if (own === undefined || host === undefined) throw gone(record.name);
    const others = (await listContainers(machine)).flatMap((other) => {
      const inodes = other.id === record.id || other.init === undefined ? undefined : readNamespaces(other.init.pid);
      return inodes === undefined ? [] : [{ name: other.name, inodes }];
    });
    const choices = namespaceChoices(record.specification);
    return compareNamespaces(own, host, others).map((namespace) => {
      const choice = choices[namespace.type];
      return {
        ...namespace,
        ...(isJoined(choice) ? { joined: choice } : {}),
        ...(namespace.type === 'user' ? { explanation: explainIds(runtime.init.pid) } : {}),
      };
    });
  });
  router.on(protocol.ListMounts, async (params) => {
    const record = await store.find(params.container);
    return mountsOf(record, runningRun(machine, record));
  });
  router.on(protocol.ReadCapabilities, async (params) => {
    const { record, ...run } = await runtimeOf(params);
    const { pid } = params.pid === undefined ? run.runtime.init : await processOf(run, record.name, params.pid);
    const report = readCapabilities(pid);
    if (report === undefined) throw gone(record.name);
    return report;
  });

  /** A container's ledgers, also of one whose first start failed; or those of entering what is in none. */
  const ledgersOf = async ({ container }: protocol.ContainerReference) => {
    if (container === protocol.enteredProcesses) return { id: container, folder: foreignLedgers(machine) };
    const failed = await failedLedgers(machine, container);
    if (failed !== undefined) return { id: container, folder: failed };
    const { id } = await store.find(container);
    return { id, folder: store.folder(id, 'ledgers') };
  };
  router.on(protocol.ListLedgers, async (params) => {
    const { id, folder } = await ledgersOf(params);
    return summarizeLedgers(id, folder);
  });
  router.on(protocol.ReadLedger, async (params) => {
    const { id, folder } = await ledgersOf(params);
    return readLedger(id, folder, params.operation);
  });
  router.on(protocol.RenderLedger, async (params) => {
    const { id, folder } = await ledgersOf(params);
    const { plan, operation, at, answer } = await readOperation(folder, params.operation);
    const isEntry = id === protocol.enteredProcesses;
    const name = isEntry ? `process ${entryOf(plan)?.pid}` : `container ${id}`;
    if (params.format === 'markdown') {
      const ledger = composeLedger({ container: isEntry ? name : id, operation, at }, plan, answer);
      return { text: renderMarkdown(ledger, isEntry ? renderEntry(plan) : []) };
    }
    const zygote = plan.some(({ kind }) => kind === 'holdNamespaces' || kind === 'makeVeth')
      ? processIdentity(await machine.zygote.pid())
      : undefined;
    return { text: renderScript(plan, { container: name, operation, identity: machine.identity, zygote }) };
  });
}
