import type { ContainerStats, ContainerSummary, LimitNumber, RootSource } from '../../helper/protocol/index.js';
import { exactBytes, formatBytes } from '../../helper/protocol/notation.js';
import { shownCommand } from '../text/commandLine.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What a container was made from, in a word or two. */
export function rootText(root: RootSource): string {
  switch (root.kind) {
    case 'host':
      return 'host /';
    case 'image':
      return plainText(root.name, 64);
    case 'directory':
      return plainText(root.path, 64);
  }
}

/** `12.1 MB of 100 MB`: usage in the same family of units as the limit, decimal or binary. */
export function usageAgainst(bytes: number, max: LimitNumber | undefined): string {
  if (max === undefined || max === 'max') {
    return formatBytes(bytes);
  }
  const limit = exactBytes(max);
  return `${/ [kMGT]B$/.test(limit) ? decimalBytes(bytes) : formatBytes(bytes)} of ${limit}`;
}

function decimalBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** The state in words, with how a stopped container ended. */
export function stateText(summary: ContainerSummary): string {
  if (summary.monitorLost === true) {
    return 'stopped (exit status unknown)';
  }
  if (summary.state !== 'stopped' || summary.exit === undefined) {
    return summary.state;
  }
  const { exitCode, signal, oomKilled } = summary.exit;
  if (oomKilled) {
    return 'stopped (out of memory)';
  }
  return signal === 0 ? `stopped (exit ${exitCode})` : `stopped (signal ${signal})`;
}

/** Whether it ended in a way that nobody asked for. SIGTERM and SIGKILL are how stop and kill end one. */
function endedBadly(summary: ContainerSummary): boolean {
  const exit = summary.exit;
  return exit !== undefined && (exit.oomKilled || (exit.exitCode !== 0 && ![9, 15].includes(exit.signal)));
}

/** Icon by state: the shapes differ, not only the colours. */
function stateIcon(summary: ContainerSummary): { id: string; color?: string } {
  switch (summary.state) {
    case 'creating':
      return { id: 'loading~spin' };
    case 'created':
      return { id: 'circle-large-outline' };
    case 'running':
      return { id: 'play-circle', color: 'testing.iconPassed' };
    case 'paused':
      return { id: 'debug-pause', color: 'charts.yellow' };
    case 'stopped':
      if (summary.monitorLost === true) {
        return { id: 'question', color: 'problemsWarningIcon.foreground' };
      }
      return endedBadly(summary) ? { id: 'error', color: 'testing.iconFailed' } : { id: 'stop-circle' };
  }
}

/** The line of a container whose record cannot be read: what can be done about it is to remove it. */
function presentDamaged(summary: ContainerSummary, damage: string): Presentation {
  const name = plainText(summary.name, 64);
  const state = isUp(summary) ? `damaged, ${summary.state}` : 'damaged';
  return {
    label: name,
    description: state,
    tooltip: tooltipText([
      `${name} (${summary.id.slice(0, 12)})`,
      'Its record cannot be read, so it cannot be started or changed. It can be removed.',
      damage,
    ]),
    icon: { id: 'warning', color: 'problemsWarningIcon.foreground' },
    contextValue: 'damaged',
    accessibleLabel: `Container ${name}, ${state}`,
  };
}

const isUp = ({ state }: ContainerSummary): boolean => state === 'running' || state === 'paused';

/** A container's line in the tree. What matters most comes first: the end is what a narrow side bar cuts. */
export function presentContainer(summary: ContainerSummary, stats?: ContainerStats): Presentation {
  if (summary.damaged !== undefined) return presentDamaged(summary, summary.damaged);
  const live = isUp(summary);
  const memory =
    live && stats?.memoryBytes !== undefined ? usageAgainst(stats.memoryBytes, stats.memoryMax) : undefined;
  const pid = live && summary.init ? `pid ${summary.init.pid}` : undefined;
  const state = stateText(summary);
  const root = rootText(summary.root);
  // Of a pod, which it is shown below, the group has the same name.
  const group =
    summary.group === undefined || summary.group === summary.pod ? undefined : `group ${plainText(summary.group, 64)}`;
  const name = plainText(summary.name, 64);
  const command = summary.args.length > 0 ? shownCommand(summary.args) : undefined;
  const ports = (summary.ports ?? []).map(({ hostPort, containerPort }) => `${hostPort}→${containerPort}`).join(', ');
  const published = ports === '' ? undefined : ports;
  const weak = summary.chroot === true ? 'chroot alone' : undefined;
  return {
    label: name,
    description: [state, weak, memory, published, pid, group, root].filter((part) => part !== undefined).join(' · '),
    tooltip: tooltipText([
      `${name} (${summary.id.slice(0, 12)})`,
      `${state} · root: ${root}`,
      weak && 'chroot alone, weak on purpose: what was not chosen otherwise are this machine’s namespaces',
      command === undefined ? 'Stays up with an init as PID 1' : `Command: ${command}`,
      summary.hostname === undefined ? undefined : `Hostname: ${summary.hostname}`,
      summary.pod === undefined ? undefined : `In the pod ${summary.pod}, whose namespaces and limits it shares`,
      group === undefined ? undefined : `In the group ${summary.group}, whose limits hold for all in it together`,
      pid === undefined ? undefined : `${pid} on this machine`,
      memory === undefined ? undefined : `Memory: ${memory}`,
      stats?.cpu === undefined || !live ? undefined : `CPU: ${(stats.cpu * 100).toFixed(1)} % of a core`,
      stats?.pids === undefined || !live ? undefined : `Processes: ${processCount(stats)}`,
      published === undefined ? undefined : `Ports of this machine that lead to it: ${published}`,
      summary.remove ? 'Removed when it ends' : undefined,
    ]),
    icon: stateIcon(summary),
    contextValue: `container.${summary.state}${summary.terminal ? '.terminal' : ''}`,
    accessibleLabel: [
      `Container ${name}`,
      state,
      weak,
      `root ${root}`,
      memory && `memory ${memory}`,
      published && `ports ${published}`,
      pid,
      group,
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  };
}

function processCount(stats: ContainerStats): string {
  return stats.pidsMax === undefined || stats.pidsMax === 'max' ? `${stats.pids}` : `${stats.pids} of ${stats.pidsMax}`;
}

/** Running first, then by name: the order does not change while one looks at it, except by an own action. */
export function orderContainers(containers: readonly ContainerSummary[]): ContainerSummary[] {
  const rank = (summary: ContainerSummary): number =>
    summary.state === 'running' || summary.state === 'paused' || summary.state === 'creating' ? 0 : 1;
  return [...containers].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}
