import type * as protocol from '../helper/protocol/index.js';
import { printable } from './failure.js';
import { table } from './table.js';

type Entry = protocol.NamespaceEntry;

/** A line for each namespace, as lsns(8) has them. */
export function namespaceTable(report: protocol.NamespaceReport, shown: readonly Entry[]): string {
  const rows = shown.map((entry) => {
    const { user, command } = describe(report, entry);
    const pid = entry.firstPid === undefined ? '' : String(entry.firstPid);
    return [String(entry.inode), entry.type, String(entry.processes), pid, user, belonging(entry), command];
  });
  return [table([['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'WHOSE', 'COMMAND'], ...rows]), ...refusals(report)].join(
    '\n',
  );
}

/** User namespaces below their parents, each with what it owns that is among `shown`. */
export function namespaceTree(report: protocol.NamespaceReport, shown: readonly Entry[]): string {
  const users = report.namespaces.filter(({ type }) => type === 'user');
  const known = new Set(users.map(({ inode }) => inode));
  const rows: string[][] = [['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'WHOSE', 'COMMAND']];
  const add = (entry: Entry, depth: number): void => {
    const { user, command } = describe(report, entry);
    const pid = entry.firstPid === undefined ? '' : String(entry.firstPid);
    const name = `${'  '.repeat(depth)}${entry.inode}`;
    rows.push([name, entry.type, String(entry.processes), pid, user, belonging(entry), command]);
    if (entry.type !== 'user') return;
    for (const owned of shown) if (owned.type !== 'user' && owned.owner === entry.inode) add(owned, depth + 1);
    for (const child of users) if (child.parent === entry.inode) add(child, depth + 1);
  };
  for (const user of users) if (user.parent === undefined || !known.has(user.parent)) add(user, 0);
  // Of what is owned by one that may not be seen.
  for (const entry of shown) if (entry.type !== 'user' && entry.owner === undefined) add(entry, 0);
  return [table(rows), ...refusals(report)].join('\n');
}

function describe({ processes }: protocol.NamespaceReport, entry: Entry): { user: string; command: string } {
  const first = processes.find(({ identity }) => identity.pid === entry.firstPid);
  if (first !== undefined) return { user: first.user, command: first.command };
  return { user: entry.creator?.user ?? '', command: entry.holders.map(holderText).join('; ') };
}

function holderText(holder: protocol.NamespaceHolder): string {
  switch (holder.kind) {
    case 'mount':
      return `mounted at ${holder.path}${holder.pid === undefined ? '' : ` of process ${holder.pid}`}`;
    case 'descriptor':
      return `open as ${holder.fd} of process ${holder.pid}`;
    case 'children':
      return `for children of process ${holder.pid}`;
    case 'descendant':
      return `${holder.type} ${holder.inode} below it`;
  }
}

function belonging({ host, containers, runtimes }: Entry): string {
  return [...(host ? ['host'] : []), ...containers.map(({ name }) => name), ...runtimes].join(', ');
}

function refusals({ refused }: protocol.NamespaceReport): string[] {
  const total = refused.processes.reduce((sum, { count }) => sum + count, 0);
  const users = refused.processes.map(({ user, count }) => `${user} ${count}`).join(', ');
  const lines = [
    ...(total === 0 ? [] : [`${total} processes of others may not be looked at (${users}).`]),
    ...(refused.descriptors === 0 ? [] : [`Of ${refused.descriptors} processes the open files may not be seen.`]),
    ...(refused.hidepid === undefined ? [] : [`/proc hides processes of others (${refused.hidepid}).`]),
  ];
  return lines.length === 0 ? [] : ['', ...lines.map(printable)];
}
