import type {
  NamespaceEntry,
  NamespaceHolder,
  NamespaceProcess,
  NamespaceReport,
  oci,
} from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What each type isolates, in a line. */
export const namespaceLooks: Readonly<Record<oci.NamespaceType, { label: string; icon: string; tooltip: string }>> = {
  mount: { label: 'Mount', icon: 'list-tree', tooltip: 'Which file systems are mounted where: mount_namespaces(7)' },
  uts: { label: 'UTS', icon: 'tag', tooltip: 'Host name and domain name: uts_namespaces(7)' },
  ipc: { label: 'IPC', icon: 'mail', tooltip: 'System V objects and POSIX message queues: ipc_namespaces(7)' },
  network: { label: 'Network', icon: 'globe', tooltip: 'Interfaces, addresses, routes, ports: network_namespaces(7)' },
  pid: { label: 'PID', icon: 'symbol-number', tooltip: 'Numbers of processes: pid_namespaces(7)' },
  user: { label: 'User', icon: 'account', tooltip: 'Users, groups and capabilities: user_namespaces(7)' },
  cgroup: {
    label: 'Cgroup',
    icon: 'dashboard',
    tooltip: 'What shows as the root of control groups: cgroup_namespaces(7)',
  },
  time: { label: 'Time', icon: 'watch', tooltip: 'Clocks since boot: time_namespaces(7)' },
};

const counted = (count: number, one: string, many: string): string => (count === 1 ? `1 ${one}` : `${count} ${many}`);
const processCount = (count: number): string => counted(count, 'process', 'processes');

export function presentType(type: oci.NamespaceType, count: number): Presentation {
  const { label, icon, tooltip } = namespaceLooks[type];
  const description = counted(count, 'namespace', 'namespaces');
  return {
    label,
    description,
    tooltip,
    icon: { id: icon },
    contextValue: 'type',
    accessibleLabel: `${label}: ${description}`,
  };
}

/**
 * @param first its process with the lowest pid.
 * @param mixed whether it stands among namespaces of other types: then its own is said.
 */
export function presentNamespaceEntry(
  namespace: NamespaceEntry,
  first: NamespaceProcess | undefined,
  mixed: boolean,
): Presentation {
  const { type, inode, host, processes, containers, runtimes, owner, parent, creator } = namespace;
  const { label: kind, icon } = namespaceLooks[type];
  const names = containers.map(({ name }) => plainText(name, 64));
  const whose = host
    ? 'this machine'
    : names.length > 0
      ? names.join(', ')
      : first === undefined
        ? 'no process'
        : plainText(runtimes.length > 0 ? `${runtimes.join(', ')}: ${first.command}` : first.command, 80);
  return {
    label: mixed ? `${kind}: ${whose}` : whose,
    description: `${inode} · ${processCount(processes)}`,
    tooltip: tooltipText([
      `${type}:[${inode}]`,
      host ? 'Terrarium and the editor are in it themselves.' : undefined,
      names.length > 0 ? `Containers: ${names.join(', ')}` : undefined,
      runtimes.length > 0 ? `Made by or below: ${runtimes.join(', ')}` : undefined,
      `${processCount(processes)}${first === undefined ? '' : `; the first: ${first.identity.pid} ${first.command}`}`,
      creator === undefined ? undefined : `Made by ${creator.user} (uid ${creator.uid})`,
      parent === undefined ? undefined : `Parent: ${type}:[${parent}]`,
      owner === undefined || type === 'user' ? undefined : `Owned by user:[${owner}]`,
    ]),
    icon: { id: mixed ? icon : host ? 'device-desktop' : names.length > 0 ? 'vm-running' : icon },
    contextValue: `namespace.${type}`,
    accessibleLabel: `${kind} namespace ${inode} of ${whose}, ${processCount(processes)}`,
  };
}

/** The processes of a user namespace, beside what it owns. */
export function presentProcesses({ processes, inode }: NamespaceEntry): Presentation {
  const description = processCount(processes);
  return {
    label: 'Processes',
    description,
    icon: { id: 'server-process' },
    contextValue: 'processes',
    accessibleLabel: `Processes of user namespace ${inode}: ${description}`,
  };
}

export function presentNamespaceProcess(process: NamespaceProcess): Presentation {
  const { pid } = process.identity;
  const command = plainText(process.command, 120);
  const user = plainText(process.user, 40);
  const inside = process.innerPid === pid ? undefined : `pid ${process.innerPid} inside`;
  const container = process.container && plainText(process.container.name, 64);
  const later = Object.keys(process.forChildren);
  return {
    label: `${pid} ${command}`,
    description: [user, container, inside].filter((part) => part !== undefined).join(' · '),
    tooltip: tooltipText([
      process.command,
      `pid ${pid} on this machine${inside === undefined ? '' : `, ${inside}`}; parent ${process.parentPid}`,
      `User ${user} (uid ${process.uid})`,
      container && `Container ${container}`,
      process.runtime && `At or below ${process.runtime}`,
      later.length > 0 ? `Its children will be in another namespace: ${later.join(', ')}` : undefined,
    ]),
    icon: { id: 'gear' },
    contextValue: process.container === undefined ? 'process.other' : 'process.container',
    accessibleLabel: `Process ${pid} of ${user}${container === undefined ? '' : ` in ${container}`}: ${command}`,
  };
}

/** What keeps a namespace beside the processes that are in it. */
export function presentHolder(holder: NamespaceHolder): Presentation {
  const text = holderText(holder);
  return {
    label: text,
    tooltip: tooltipText([text, 'It keeps the namespace, also without a process in it.']),
    icon: { id: 'pin' },
    contextValue: 'note',
    accessibleLabel: `Kept: ${text}`,
  };
}

function holderText(holder: NamespaceHolder): string {
  switch (holder.kind) {
    case 'mount':
      return `Mounted at ${plainText(holder.path, 160)}${holder.pid === undefined ? '' : `, as process ${holder.pid} sees it`}`;
    case 'descriptor':
      return `Open as descriptor ${holder.fd} of process ${holder.pid}`;
    case 'children':
      return `For children of process ${holder.pid}`;
    case 'descendant':
      return `${namespaceLooks[holder.type].label} namespace ${holder.inode} hangs on it`;
  }
}

/** What the list does not hold, so that nobody takes it for the whole machine. */
export function presentRefused({ refused }: NamespaceReport): Presentation[] {
  const total = refused.processes.reduce((sum, { count }) => sum + count, 0);
  const users = refused.processes.map(({ user, count }) => `${plainText(user, 40)} ${count}`);
  const note = (label: string, lines: string[]): Presentation => ({
    label,
    tooltip: tooltipText([label, ...lines]),
    icon: { id: 'eye-closed' },
    contextValue: 'note',
    accessibleLabel: label,
  });
  return [
    ...(total === 0
      ? []
      : [
          note(`${counted(total, 'process of another user', 'processes of other users')} may not be looked at`, [
            `By user: ${users.join(', ')}`,
            'The kernel shows namespaces only to the own user, and to who has CAP_SYS_PTRACE over the process.',
          ]),
        ]),
    ...(refused.descriptors === 0
      ? []
      : [
          note(`Open files of ${processCount(refused.descriptors)} may not be seen`, [
            'They may keep namespaces without a process that are not listed.',
          ]),
        ]),
    ...(refused.hidepid === undefined
      ? []
      : [note('/proc hides processes of other users', [`It is mounted with ${refused.hidepid}.`])]),
  ];
}
