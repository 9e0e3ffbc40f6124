import type { NamespaceEntry, NamespaceProcess, NamespaceReport, oci } from '../../helper/protocol/index.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import {
  presentHolder,
  presentNamespaceEntry,
  presentNamespaceProcess,
  presentProcesses,
  presentRefused,
  presentType,
} from './namespaceText.js';

/** How namespaces are arranged: by type, or each below the user namespace that owns it. */
export type Arrangement = 'type' | 'owner';

/** Every node has an id that is unique in the tree and the same for the same thing over refreshes. */
export type NamespaceNode =
  | { kind: 'type'; id: string; type: oci.NamespaceType; namespaces: NamespaceEntry[] }
  | { kind: 'namespace'; id: string; namespace: NamespaceEntry }
  | { kind: 'processes'; id: string; namespace: NamespaceEntry }
  /** With `container`, the id, where it is in one of ours: commands on containers and their processes go by it. */
  | { kind: 'process'; id: string; container?: string; process: NamespaceProcess }
  | { kind: 'note'; id: string; presentation: Presentation }
  | { kind: 'failure'; id: string; message: string };

export const namespaceTypes: readonly oci.NamespaceType[] = [
  'mount',
  'uts',
  'ipc',
  'network',
  'pid',
  'user',
  'cgroup',
  'time',
];

/** What is below a node; without one, the top. Pure. */
export function childrenOf(report: NamespaceReport, arrangement: Arrangement, node?: NamespaceNode): NamespaceNode[] {
  switch (node?.kind) {
    case undefined:
      return [...(arrangement === 'type' ? types(report) : outermost(report)), ...refused(report)];
    case 'type':
      return node.namespaces.map((namespace) => namespaceNode(node.id, namespace));
    case 'namespace':
      return arrangement === 'owner' && node.namespace.type === 'user'
        ? ownedBy(report, node.id, node.namespace)
        : membersOf(report, node.id, node.namespace);
    case 'processes':
      return membersOf(report, node.id, node.namespace);
    default:
      return [];
  }
}

/** Whether something is below it. */
export function isLeaf(node: NamespaceNode): boolean {
  return node.kind === 'process' || node.kind === 'note' || node.kind === 'failure';
}

export function presentNode(
  node: NamespaceNode,
  report: NamespaceReport | undefined,
  arrangement: Arrangement,
): Presentation {
  switch (node.kind) {
    case 'type':
      return presentType(node.type, node.namespaces.length);
    case 'namespace':
      return presentNamespaceEntry(
        node.namespace,
        report?.processes.find(({ identity }) => identity.pid === node.namespace.firstPid),
        arrangement === 'owner',
      );
    case 'processes':
      return presentProcesses(node.namespace);
    case 'process':
      return presentNamespaceProcess(node.process);
    case 'note':
      return node.presentation;
    case 'failure':
      return presentFailure(node.message);
  }
}

function namespaceNode(parent: string, namespace: NamespaceEntry): NamespaceNode {
  return { kind: 'namespace', id: `${parent}/${namespace.type}:${namespace.inode}`, namespace };
}

function types({ namespaces }: NamespaceReport): NamespaceNode[] {
  return namespaceTypes.flatMap((type): NamespaceNode[] => {
    const own = namespaces.filter((namespace) => namespace.type === type);
    // Containers first: they are what people look for; the host's, with most processes, is last.
    const rank = ({ host, containers }: NamespaceEntry) => (host ? 2 : containers.length > 0 ? 0 : 1);
    const sorted = own.toSorted((one, other) => rank(one) - rank(other) || one.inode - other.inode);
    return own.length === 0 ? [] : [{ kind: 'type', id: `type/${type}`, type, namespaces: sorted }];
  });
}

/** User namespaces whose parent may not be seen, and what is owned by such. */
function outermost({ namespaces }: NamespaceReport): NamespaceNode[] {
  const users = new Set(namespaces.filter(({ type }) => type === 'user').map(({ inode }) => inode));
  const isBelow = (inode: number | undefined) => inode !== undefined && users.has(inode);
  return namespaces
    .filter(({ type, owner, parent }) => !isBelow(type === 'user' ? parent : owner))
    .map((namespace) => namespaceNode('owner', namespace));
}

function ownedBy(report: NamespaceReport, id: string, user: NamespaceEntry): NamespaceNode[] {
  const owned = report.namespaces.filter(({ type, owner }) => type !== 'user' && owner === user.inode);
  const below = report.namespaces.filter(({ type, parent }) => type === 'user' && parent === user.inode);
  return [
    ...(user.processes + user.holders.length > 0
      ? [{ kind: 'processes' as const, id: `${id}/processes`, namespace: user }]
      : []),
    ...[...owned, ...below].map((namespace) => namespaceNode(id, namespace)),
  ];
}

function membersOf(
  { processes }: NamespaceReport,
  id: string,
  { type, inode, holders }: NamespaceEntry,
): NamespaceNode[] {
  const members = processes.filter(({ namespaces }) => namespaces[type] === inode);
  // What hangs on it says something only where no process does.
  const told = holders.filter(({ kind }) => kind !== 'descendant' || members.length === 0);
  return [
    ...told.map((holder, index): NamespaceNode => {
      return { kind: 'note', id: `${id}/holder${index}`, presentation: presentHolder(holder) };
    }),
    ...members.map((process): NamespaceNode => {
      const { pid, startTime } = process.identity;
      const container = process.container?.id;
      return {
        kind: 'process',
        id: `${id}/${pid}@${startTime}`,
        process,
        ...(container === undefined ? {} : { container }),
      };
    }),
  ];
}

function refused(report: NamespaceReport): NamespaceNode[] {
  return presentRefused(report).map((presentation, index) => ({ kind: 'note', id: `refused/${index}`, presentation }));
}
