import {
  InspectProcess,
  ListLedgers,
  ListMounts,
  ListNamespaces,
  ListPorts,
  ListProcesses,
  type MountInfo,
  ReadCapabilities,
  ReadDenied,
  ReadLimits,
  ReadNetworkState,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { networkLeaves } from '../networks/networkLeaves.js';
import { presentConfinement } from '../security/confinementText.js';
import {
  type ConfinementNode,
  deniedFact,
  type FactNode,
  groupFacts,
  type LeafNode,
  limitLeaves,
  type ProcessNode,
  privilegeFacts,
} from './nodes.js';
import { processKey } from './processUse.js';
import { presentConfinementLine, presentNamespace, presentOperation, type Section } from './sectionText.js';

/** Asks the helper for what is in a section of a container. Rejects as the request does. */
export async function readSection(helper: HelperClient, container: string, section: Section): Promise<LeafNode[]> {
  const base = { container, section };
  switch (section) {
    case 'processes':
      return readProcesses(helper, container);
    case 'namespaces':
      return (await helper.request(ListNamespaces, { container })).map((namespace) => ({
        ...base,
        kind: 'fact',
        key: namespace.type,
        presentation: presentNamespace(namespace),
        copy: `${namespace.type}:[${namespace.inode}]`,
      }));
    case 'mounts':
      return askedFirst(await helper.request(ListMounts, { container })).map((mount) => ({
        ...base,
        kind: 'mount',
        key: String(mount.id),
        mount,
      }));
    case 'network':
      return readNetwork(helper, container);
    case 'limits':
      return limitLeaves(container, await helper.request(ReadLimits, { container }));
    case 'capabilities': {
      const [report, denied] = await Promise.all([
        helper.request(ReadCapabilities, { container }),
        helper.request(ReadDenied, { container }),
      ]);
      const isFiltered = report.seccomp === 2;
      return [
        ...privilegeFacts(base, report),
        ...(isFiltered ? [deniedFact(base, denied)] : []),
        { ...base, kind: 'confinement', key: 'confinement', presentation: presentConfinementLine },
      ];
    }
    case 'operations':
      return (await helper.request(ListLedgers, { container })).map((ledger) => ({
        ...base,
        kind: 'operation',
        key: ledger.operation,
        operation: ledger.operation,
        presentation: presentOperation(ledger),
      }));
  }
}

/** Asks the helper what else holds a container. Rejects as the request does. */
export async function readConfinement(helper: HelperClient, node: ConfinementNode): Promise<FactNode[]> {
  const { container } = node;
  return groupFacts(node, presentConfinement(await helper.request(InspectProcess, { target: { container } })), node);
}

/** Asks the helper for the processes of a container. Rejects as the request does. */
export async function readProcesses(helper: HelperClient, container: string): Promise<ProcessNode[]> {
  return (await helper.request(ListProcesses, { container })).map((process) => ({
    kind: 'process',
    container,
    section: 'processes',
    key: processKey(process),
    process,
  }));
}

/** Asks the helper what one process of a container may do. Rejects as the request does. */
export async function readPrivileges(helper: HelperClient, node: ProcessNode): Promise<FactNode[]> {
  const { container, process } = node;
  return privilegeFacts(node, await helper.request(ReadCapabilities, { container, pid: process.identity.pid }), node);
}

async function readNetwork(helper: HelperClient, container: string): Promise<LeafNode[]> {
  const [state, ports] = await Promise.all([
    helper.request(ReadNetworkState, { target: { container } }),
    helper.request(ListPorts, { container }),
  ]);
  // Only of this machine's network it matters whose sockets they are.
  const processes = state.host ? await helper.request(ListProcesses, { container }) : [];
  return networkLeaves(
    container,
    state,
    ports,
    processes.map(({ identity }) => identity.pid),
  );
}

/** What somebody asked for is what they look for; every container has the rest. */
function askedFirst(mounts: readonly MountInfo[]): MountInfo[] {
  const isAsked = ({ origin }: MountInfo) => origin !== undefined;
  return [...mounts.filter(isAsked), ...mounts.filter((mount) => !isAsked(mount))];
}
