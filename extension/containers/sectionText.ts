import { capabilities } from '../../helper/protocol/capabilities.js';
import type {
  CapabilityReport,
  ContainerSummary,
  LedgerSummary,
  MountInfo,
  NamespaceInfo,
  ProcessInfo,
} from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { mountSource } from '../mounts/mountFacts.js';
import { namespaceLooks } from '../namespaces/namespaceText.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What can be looked at below a container, in the order of the tree. */
export const sections = [
  'processes',
  'namespaces',
  'mounts',
  'network',
  'limits',
  'capabilities',
  'operations',
] as const;
export type Section = (typeof sections)[number];

const looks: Readonly<Record<Section, { label: string; icon: string; tooltip: string }>> = {
  processes: {
    label: 'Processes',
    icon: 'server-process',
    tooltip: 'Both pids: inside the container and on this machine',
  },
  namespaces: { label: 'Namespaces', icon: 'layers', tooltip: 'What it sees of its own, and what it shares' },
  mounts: { label: 'Mounts', icon: 'list-tree', tooltip: 'Its mount table, as the kernel has it' },
  network: {
    label: 'Network',
    icon: 'globe',
    tooltip: 'Its ports, interfaces, routes and connections, as the kernel has them',
  },
  limits: { label: 'Limits', icon: 'dashboard', tooltip: 'What its cgroup allows, and what it uses' },
  capabilities: { label: 'Capabilities', icon: 'shield', tooltip: 'What root inside may do' },
  operations: { label: 'Operations', icon: 'history', tooltip: 'What was done to make it: every system call' },
};

/**
 * The sections there are something to see in: without processes there is nothing in the kernel but limits to come, of a
 * container whose record is damaged nothing can be asked.
 */
export function sectionsOf(summary: ContainerSummary): readonly Section[] {
  if (summary.damaged !== undefined) return [];
  return summary.state === 'running' || summary.state === 'paused' ? sections : ['limits', 'operations'];
}

/** The line of a section, below a container called `name`; `note` stands beside it. */
export function presentSection(section: Section, name: string, note?: string): Presentation {
  const { label, icon, tooltip } = looks[section];
  return {
    label,
    ...(note === undefined ? {} : { description: note }),
    tooltip,
    icon: { id: icon },
    contextValue: `section.${section}`,
    accessibleLabel: [`${label} of container ${plainText(name, 64)}`, ...(note === undefined ? [] : [note])].join(', '),
  };
}

/**
 * A process: its pid inside first, since that is the number a terminal in the container shows.
 *
 * @param cores in use of the CPU at the moment, where that is known.
 */
export function presentProcess(process: ProcessInfo, cores?: number): Presentation {
  const command = plainText(process.command, 120);
  const { pid } = process.identity;
  const elsewhere = process.ownNamespaces ?? [];
  return {
    label: `${process.innerPid} ${command}`,
    description: [
      `${pid} on host`,
      formatBytes(process.rssBytes),
      ...(cores === undefined ? [] : [`${Math.round(cores * 100)} % CPU`]),
      ...(elsewhere.length === 0 ? [] : [`own ${elsewhere.join(', ')}`]),
    ].join(' · '),
    tooltip: tooltipText([
      process.command,
      `pid ${process.innerPid} inside, ${pid} on this machine; parent ${process.parentPid}`,
      `uid ${process.uid} inside, ${process.hostUid} on this machine`,
      `State ${process.state}, ${process.threads} thread${process.threads === 1 ? '' : 's'}, ${formatBytes(process.rssBytes)} resident`,
      `CPU time: ${(process.cpuMicroseconds / 1e6).toFixed(2)} s`,
      elsewhere.length === 0
        ? undefined
        : `In other namespaces than the first process of the container: ${elsewhere.join(', ')}`,
    ]),
    icon: { id: process.state.startsWith('Z') ? 'circle-slash' : 'gear' },
    contextValue: 'process',
    accessibleLabel: `Process ${process.innerPid} inside, ${pid} on this machine: ${command}`,
  };
}

export function presentNamespace(namespace: NamespaceInfo): Presentation {
  const shared = namespace.sharedWith.map((name) => plainText(name, 64));
  const relation = relationText(namespace, shared);
  return {
    label: namespace.type,
    description: `${relation} · ${namespace.inode}`,
    tooltip: tooltipText([
      `${namespace.type}:[${namespace.inode}]`,
      `This namespace is ${relation}.`,
      namespaceLooks[namespace.type].tooltip,
      ...(namespace.explanation ?? []),
    ]),
    icon: namespace.relation === 'host' ? { id: 'unlock', color: 'charts.yellow' } : { id: 'lock' },
    contextValue: `namespace.${namespace.relation}`,
    accessibleLabel: `Namespace ${namespace.type}, ${relation}, inode ${namespace.inode}`,
  };
}

function relationText({ relation, joined }: NamespaceInfo, shared: readonly string[]): string {
  const process = joined !== undefined && 'process' in joined ? joined.process : undefined;
  if (relation === 'host') return joined === undefined ? "the host's" : "the host's, joined";
  if (process !== undefined) return `joined, of process ${process}`;
  if (joined !== undefined && shared.length > 0) return `joined, with ${shared.join(', ')}`;
  if (joined !== undefined) return 'joined, of one that has ended';
  return shared.length > 0 ? `shared with ${shared.join(', ')}` : 'its own';
}

export function presentMount(mount: MountInfo): Presentation {
  const destination = plainText(mount.destination, 160);
  const readonly = mount.options.includes('ro');
  const asked = mount.origin === undefined ? undefined : askedText(mount);
  return {
    label: destination,
    description: plainText(
      [
        mount.type,
        ...(readonly ? ['read-only'] : []),
        mountSource(mount),
        ...(asked === undefined ? [] : [asked]),
      ].join(' · '),
      120,
    ),
    tooltip: tooltipText([
      `${mount.destination} (mount ${mount.id}, below ${mount.parent})`,
      `${mount.type} from ${mount.source}${mount.root === '/' ? '' : `, folder ${mount.root}`}, device ${mount.device}`,
      `Options: ${mount.options.join(', ')}`,
      mount.superOptions.length > 0 ? `File system: ${mount.superOptions.join(', ')}` : undefined,
      mount.propagation === '' ? undefined : `Propagation: ${mount.propagation}`,
    ]),
    icon: { id: readonly ? 'lock-small' : 'folder' },
    contextValue: mount.origin === undefined ? 'mount' : 'mount.removable',
    accessibleLabel: [
      `Mount ${destination}`,
      plainText(mount.type, 40),
      readonly ? 'read-only' : 'writable',
      ...(asked === undefined ? [] : [asked]),
    ].join(', '),
  };
}

/** For what can be removed: since when it is there, and for how long. */
function askedText({ origin, kept }: MountInfo): string {
  if (origin === 'specification') return kept === true ? 'asked for' : 'until it ends';
  return kept === true ? 'added, kept' : 'added until it ends';
}

/** capabilities(7): what being in each of the sets means. */
const setMeanings = {
  effective: 'What it may do now',
  permitted: 'What it may make effective',
  bounding: 'What no program that it executes can go beyond',
  inheritable: 'What a program that it executes inherits, where that program’s file allows it',
  ambient: 'What a program that it executes keeps without capabilities of its file',
} as const;

const allowed = new Map<string, string>(capabilities.map(({ name, allows }) => [name, allows]));

/** A line with lines below it, that are seen when it is opened. */
export interface PresentedGroup {
  presentation: Presentation;
  below: Presentation[];
}

/** Capability sets with what each capability allows below them, then the privileges around them, one line each. */
export function presentCapabilities(report: CapabilityReport): PresentedGroup[] {
  const sets = (['effective', 'permitted', 'bounding', 'inheritable', 'ambient'] as const).map((set) => {
    const names = report.sets[set].map((name) => plainText(name, 40));
    const short = names.map((name) => name.replace(/^CAP_/, '').toLowerCase());
    const presentation: Presentation = {
      label: set,
      description: names.length === 0 ? 'none' : `${names.length} · ${short.join(', ')}`,
      tooltip: tooltipText([`${set}: ${setMeanings[set]}`, ...names.map(capabilityLine)]),
      icon: { id: names.length === 0 ? 'shield' : 'key' },
      contextValue: 'capability',
      accessibleLabel: `Capabilities ${set}: ${names.length === 0 ? 'none' : short.join(', ')}`,
    };
    return { presentation, below: names.map(presentCapability) };
  });
  const line = (label: string, description: string, good: boolean): Presentation => ({
    label,
    description,
    tooltip: `${label}: ${description}`,
    icon: good ? { id: 'check' } : { id: 'warning', color: 'problemsWarningIcon.foreground' },
    contextValue: 'privilege',
    accessibleLabel: `${label}: ${description}`,
  });
  const seccomp = report.seccomp === 2 ? 'filter' : report.seccomp === 1 ? 'strict' : 'off';
  const lines = [
    line('no_new_privs', report.noNewPrivileges ? 'on' : 'off', report.noNewPrivileges),
    line('seccomp', seccomp, report.seccomp > 0),
    ...(report.securityLabel === undefined ? [] : [line('security label', plainText(report.securityLabel), true)]),
  ];
  return [...sets, ...lines.map((presentation) => ({ presentation, below: [] }))];
}

/** The line above what else holds a container. */
export const presentConfinementLine: Presentation = {
  label: 'Confinement',
  description: 'paths, limits and settings',
  tooltip: 'Masked and read-only paths, resource limits, oom_score_adj, settings of its own namespaces',
  icon: { id: 'lock' },
  contextValue: 'privilege',
  accessibleLabel: 'Confinement: paths, limits and settings',
};

const capabilityLine = (name: string): string => `${name}: ${allowed.get(name) ?? 'not known to this version'}`;

function presentCapability(name: string): Presentation {
  return {
    label: name,
    description: allowed.get(name) ?? 'not known to this version',
    tooltip: capabilityLine(name),
    icon: { id: 'key' },
    contextValue: 'capability',
    accessibleLabel: capabilityLine(name),
  };
}

/** One operation on a container, with its ledger behind it. */
export function presentOperation(operation: LedgerSummary): Presentation {
  const name = plainText(operation.operation, 64);
  const time = new Date(operation.at);
  const at = Number.isNaN(time.getTime()) ? plainText(operation.at, 40) : time.toLocaleString();
  const took = `${(operation.durationNanoseconds / 1e6).toFixed(1)} ms`;
  const outcome = operation.succeeded ? took : `failed after ${took}`;
  return {
    label: name,
    description: `${outcome} · ${at}`,
    tooltip: tooltipText([name, outcome, at, 'Open it to see every step and system call']),
    icon: operation.succeeded ? { id: 'pass' } : { id: 'error', color: 'testing.iconFailed' },
    contextValue: operation.succeeded ? 'operation' : 'operation.failed',
    accessibleLabel: `Operation ${name}, ${outcome}, ${at}`,
  };
}
