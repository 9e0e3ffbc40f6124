import {
  type CgroupNode,
  type CgroupProcess,
  type DetailedStats,
  formatBytes,
  type Pressure,
} from '../../helper/protocol/index.js';
import type { UseByKnob } from '../containers/limitText.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What the names of systemd's units say a group is. Source: systemd.unit(5). */
const units: Readonly<Record<string, { icon: string; what: string }>> = {
  slice: { icon: 'layers', what: 'slice' },
  service: { icon: 'server-process', what: 'service' },
  scope: { icon: 'window', what: 'scope' },
};

/** A hierarchy: v1 machines have several, each with controllers of its own. */
export function presentHierarchy(node: CgroupNode): Presentation {
  const controllers = node.controllers.map((name) => plainText(name, 40)).join(', ');
  const label = node.version === 2 ? 'cgroup v2' : controllers;
  const path = plainText(node.path, 120);
  const description = [node.version === 2 ? controllers || 'no controllers' : 'cgroup v1', path].join(' · ');
  return {
    label,
    description,
    tooltip: tooltipText([`Hierarchy of cgroup v${node.version}, mounted at ${node.path}`, ...counted(node)]),
    icon: { id: 'type-hierarchy' },
    contextValue: node.writable ? 'cgroup.root.writable' : 'cgroup.root.readonly',
    accessibleLabel: `Hierarchy ${label}, ${description}`,
  };
}

/** A group, by the container's name where it is one of ours, with its numbers as they were when it was listed. */
export function presentGroup(node: CgroupNode): Presentation {
  const name = plainText(node.name, 120);
  const container = node.container && plainText(node.container.name, 64);
  const group =
    node.group === undefined ? undefined : node.group === '/' ? 'all containers' : plainText(node.group, 64);
  const unit = units[/\.(\w+)$/.exec(node.name)?.[1] ?? ''];
  const ours = container !== undefined ? 'container' : group !== undefined ? 'group of containers' : undefined;
  const what = ours ?? unit?.what;
  const label = container ?? group ?? name;
  const { memoryBytes: memory, pids: tasks } = node;
  const parts = [
    isEmpty(node) ? 'empty' : memory === undefined ? undefined : formatBytes(memory),
    tasks !== undefined && tasks > 0 ? counted1(tasks, 'task') : ownProcesses(node),
    ours,
    ours === undefined ? undefined : name,
  ].filter((part) => part !== undefined);
  return {
    label,
    ...(parts.length > 0 ? { description: parts.join(' · ') } : {}),
    tooltip: tooltipText([
      node.path,
      what === undefined ? undefined : `A ${what}`,
      ...counted(node),
      node.version === 2 ? `Controllers: ${node.controllers.join(', ') || 'none'}` : undefined,
      node.writable ? 'You may edit its limits' : 'Its limits belong to another user',
    ]),
    icon: {
      id: container !== undefined ? 'vm' : group !== undefined ? 'package' : (unit?.icon ?? 'symbol-folder'),
      ...(ours !== undefined ? { color: 'charts.green' } : {}),
    },
    contextValue: node.writable ? 'cgroup.group.writable' : 'cgroup.group.readonly',
    accessibleLabel: [
      `Control group ${label}`,
      ...parts,
      ours === undefined ? what : undefined,
      node.writable ? 'writable' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  };
}

/** Nothing runs in it or below. Where the kernel does not tell (v1 without pids) it counts as not empty. */
export function isEmpty({ populated, pids }: CgroupNode): boolean {
  return populated === undefined ? pids === 0 : !populated;
}

const ownProcesses = ({ processes }: CgroupNode): string | undefined =>
  processes === undefined || processes === 0 ? undefined : `${counted1(processes, 'process')} of its own`;

function counted1(count: number, word: string): string {
  return `${count} ${count === 1 ? word : word.endsWith('s') ? `${word}es` : `${word}s`}`;
}

function counted(node: CgroupNode): string[] {
  return [
    node.memoryBytes === undefined ? '' : `Memory: ${formatBytes(node.memoryBytes)}`,
    node.pids === undefined ? '' : `Tasks (processes and threads), with those below: ${node.pids}`,
    node.processes === undefined ? '' : `Processes of its own: ${node.processes}`,
    node.cpuMicroseconds === undefined ? '' : `CPU time so far: ${cpuTime(node.cpuMicroseconds)}`,
  ];
}

/** `1:02:03` from a minute on, seconds below. */
function cpuTime(microseconds: number): string {
  const seconds = microseconds / 1e6;
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  const two = (number: number): string => String(Math.floor(number) % 60).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(seconds / 60)}:${two(seconds)}`;
}

/** The row that holds the processes of a group. */
export function presentMembers(node: CgroupNode): Presentation {
  const count = node.processes ?? 0;
  return {
    label: 'Processes',
    description: String(count),
    tooltip: 'Those in this group itself; groups below have their own',
    icon: { id: 'server-process' },
    contextValue: 'members',
    accessibleLabel: `${counted1(count, 'process')} of ${plainText(node.name, 120)}`,
  };
}

export function presentMember(process: CgroupProcess): Presentation {
  const command = plainText(process.command, 160);
  const user = plainText(process.user, 64);
  return {
    label: `${process.pid} ${command}`,
    description: user,
    tooltip: tooltipText([process.command, `pid ${process.pid}, user ${process.user}`]),
    icon: { id: 'gear' },
    contextValue: 'member',
    accessibleLabel: `Process ${process.pid} of user ${user}: ${command}`,
  };
}

const resources = ['cpu', 'memory', 'io'] as const;

/** How long processes waited for what they lack; undefined where the kernel does not tell (v1, or PSI switched off). */
export function presentPressure(details: DetailedStats | undefined): Presentation | undefined {
  const known = resources.flatMap((name) => {
    const pressure = details?.pressure?.[name];
    return pressure === undefined ? [] : [{ name, pressure }];
  });
  if (known.length === 0) return undefined;
  const description = known.map(({ name, pressure }) => `${name} ${share(pressure.some.avg10)}`).join(' · ');
  const high = known.some(({ pressure }) => pressure.some.avg10 >= 10);
  return {
    label: 'Pressure',
    description,
    tooltip: tooltipText([
      'Share of the time in which processes waited, over 10, 60 and 300 seconds',
      ...known.flatMap(({ name, pressure }) => pressureLines(name, pressure)),
    ]),
    icon: high ? { id: 'warning', color: 'problemsWarningIcon.foreground' } : { id: 'pulse' },
    contextValue: 'pressure',
    accessibleLabel: `Pressure: ${description}`,
  };
}

function pressureLines(name: string, { some, full }: Pressure): string[] {
  const line = (kind: string, { avg10, avg60, avg300 }: Pressure['some']): string =>
    `${name}, ${kind}: ${share(avg10)}, ${share(avg60)}, ${share(avg300)}`;
  return [line('some waited', some), ...(full === undefined ? [] : [line('all waited', full)])];
}

const share = (percent: number): string => `${Number(percent.toFixed(percent < 10 ? 1 : 0))} %`;

/** What a detailed sample says of the use of limits. */
export function useOfDetails(details: DetailedStats | undefined): UseByKnob {
  return {
    'memory.max': details?.memory?.bytes,
    'memory.swap.max': details?.memory?.swapBytes,
    'cpu.max': details?.cpu?.cores,
    'pids.max': details?.pids?.count,
  };
}
