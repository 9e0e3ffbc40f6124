/** Puts together what was read about namespaces. Pure. */
import { namespaceTypes } from '../inspect/namespaces.js';
import type {
  NamespaceEntry,
  NamespaceHolder,
  NamespaceInodes,
  NamespaceProcess,
  NamespaceReport,
  oci,
} from '../protocol/index.js';
import { containersByPid, type KnownContainer, runtimesByPid } from './membership.js';
import type { RelatedNamespace } from './relations.js';
import type { Scan, ScannedProcess } from './scan.js';

/** A namespace that something holds: found in a mount table, among descriptors, or for children to come. */
export interface HeldNamespace {
  type: oci.NamespaceType;
  inode: number;
  holder: NamespaceHolder;
}

export interface NamespaceFacts {
  scan: Scan;
  /** The helper's own. */
  host: NamespaceInodes;
  held: readonly HeldNamespace[];
  related: readonly RelatedNamespace[];
  containers: readonly KnownContainer[];
  /** The name of a user id, or the id. */
  userName: (uid: number) => string;
  /** Of nsfs, `MAJOR:MINOR`. */
  device: string;
  hidepid: string | undefined;
}

/** More than this of one kind say nothing new. */
const mostHolders = 4;

export function makeReport(facts: NamespaceFacts): NamespaceReport {
  const { scan, host, userName, hidepid } = facts;
  const containers = containersByPid(scan.processes, facts.containers, host);
  const runtimes = runtimesByPid(scan.processes, host);
  const processes = scan.processes
    .map((process): NamespaceProcess => {
      const { identity, parentPid, innerPid, uid, command, namespaces, forChildren } = process;
      const container = containers.get(identity.pid);
      const runtime = runtimes.get(identity.pid);
      return {
        ...{ identity, parentPid, innerPid, uid, user: userName(uid), command, namespaces, forChildren },
        ...(container === undefined ? {} : { container }),
        // What our containers hold is told by their names.
        ...(runtime === undefined || container !== undefined ? {} : { runtime }),
      };
    })
    .sort((one, other) => one.identity.pid - other.identity.pid);
  const entries = new Entries(host);
  for (const process of processes) entries.addProcess(process);
  for (const held of facts.held) entries.addHolder(held, held.holder);
  for (const related of facts.related) entries.addRelations(related, userName);
  return {
    device: facts.device,
    namespaces: entries.list(),
    processes,
    refused: {
      processes: countByUser(scan.refused, userName),
      descriptors: scan.processes.filter(({ descriptors }) => descriptors === undefined).length,
      ...(hidepid === undefined ? {} : { hidepid }),
    },
  };
}

/** The entries, each made when something first speaks of it. */
class Entries {
  private readonly entries = new Map<string, NamespaceEntry>();

  constructor(private readonly host: NamespaceInodes) {}

  addProcess({ identity, namespaces, container, runtime }: NamespaceProcess): void {
    for (const type of namespaceTypes) {
      const inode = namespaces[type];
      if (inode === undefined) continue;
      const entry = this.entry(type, inode);
      entry.processes++;
      entry.firstPid ??= identity.pid;
      if (container !== undefined && !entry.containers.some(({ id }) => id === container.id)) {
        entry.containers.push(container);
      }
      if (runtime !== undefined && !entry.runtimes.includes(runtime)) entry.runtimes.push(runtime);
    }
  }

  addHolder({ type, inode }: { type: oci.NamespaceType; inode: number }, holder: NamespaceHolder): void {
    const { holders } = this.entry(type, inode);
    if (holders.filter(({ kind }) => kind === holder.kind).length < mostHolders) holders.push(holder);
  }

  addRelations(related: RelatedNamespace, userName: (uid: number) => string): void {
    const { type, inode, owner, parent, ownerUid: uid } = related;
    const entry = this.entry(type, inode);
    // The same one is met on the way up from each that is below it.
    if (entry.owner !== undefined || entry.parent !== undefined || entry.creator !== undefined) return;
    if (owner !== undefined) entry.owner = owner;
    if (parent !== undefined) entry.parent = parent;
    if (uid !== undefined) entry.creator = { uid, user: userName(uid) };
    if (owner !== undefined) this.addHolder({ type: 'user', inode: owner }, { kind: 'descendant', type, inode });
    if (parent !== undefined && type === 'pid')
      this.addHolder({ type, inode: parent }, { kind: 'descendant', type, inode });
  }

  list(): NamespaceEntry[] {
    return [...this.entries.values()].sort(
      (one, other) => namespaceTypes.indexOf(one.type) - namespaceTypes.indexOf(other.type) || one.inode - other.inode,
    );
  }

  private entry(type: oci.NamespaceType, inode: number): NamespaceEntry {
    const key = `${type} ${inode}`;
    let entry = this.entries.get(key);
    if (entry === undefined) {
      const host = this.host[type] === inode;
      entry = { type, inode, host, processes: 0, holders: [], containers: [], runtimes: [] };
      this.entries.set(key, entry);
    }
    return entry;
  }
}

function countByUser(uids: readonly number[], userName: (uid: number) => string): { user: string; count: number }[] {
  const counts = new Map<number, number>();
  for (const uid of uids) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  return [...counts]
    .map(([uid, count]) => ({ user: userName(uid), count }))
    .sort((one, other) => other.count - one.count || one.user.localeCompare(other.user));
}

/** What processes hold beside the namespaces that they are in. */
export function heldByProcesses(processes: readonly ScannedProcess[]): HeldNamespace[] {
  return processes.flatMap(({ identity: { pid }, forChildren, descriptors }) => [
    ...(['pid', 'time'] as const).flatMap((type) => {
      const inode = forChildren[type];
      return inode === undefined ? [] : [{ type, inode, holder: { kind: 'children' as const, pid } }];
    }),
    ...(descriptors ?? []).map(({ fd, type, inode }) => ({
      type,
      inode,
      holder: { kind: 'descriptor' as const, pid, fd },
    })),
  ]);
}
