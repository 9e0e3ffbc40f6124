import type {
  CapabilityReport,
  ContainerStats,
  ContainerSummary,
  DeniedCall,
  DeniedReport,
  LimitReading,
  LimitsReport,
  MountInfo,
  NetworkInterface,
  PodSummary,
  ProcessInfo,
  PublishedPort,
} from '../../helper/protocol/index.js';
import { mountFacts } from '../mounts/mountFacts.js';
import type { Listener } from '../networks/portText.js';
import { presentPod } from '../pods/podText.js';
import { presentDenied, presentDeniedGroup, presentOthers } from '../security/deniedText.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import { presentContainer } from './containerText.js';
import { chooseLimits, presentEvents, presentLimit, presentMoreLimits, presentNotice, useOf } from './limitText.js';
import {
  type PresentedGroup,
  presentCapabilities,
  presentMount,
  presentProcess,
  presentSection,
  type Section,
  sectionsOf,
} from './sectionText.js';

/** A container in the tree. The object stays the same over updates, so that the editor keeps expansion and selection. */
export interface ContainerNode {
  kind: 'container';
  /** Id of the container; every node has it, since commands go by it. */
  container: string;
  summary: ContainerSummary;
}

/** A pod, with its containers below it. */
export interface PodNode {
  kind: 'pod';
  /** It is no container: commands for these find none here. */
  container: '';
  pod: PodSummary;
}

export interface SectionNode {
  kind: 'section';
  container: string;
  name: string;
  section: Section;
  /** Beside its name: what is in it that somebody should see before it is opened. */
  note?: string;
}

interface LeafBase {
  container: string;
  section: Section;
  /** Unique in its section, and the same for the same thing over refreshes. */
  key: string;
}

export interface ProcessNode extends LeafBase {
  kind: 'process';
  process: ProcessInfo;
  /** In use at the moment, where it was read twice while somebody looked. */
  cores?: number;
}

export interface MountNode extends LeafBase {
  kind: 'mount';
  mount: MountInfo;
}

/** A line about what is. */
export interface FactNode extends LeafBase {
  kind: 'fact';
  presentation: Presentation;
  copy?: string;
  /** What it is made of, shown when it is opened. */
  below?: (FactNode | DeniedNode)[];
  /** What it is shown below, when that is not the section. */
  above?: ProcessNode | MountNode | FactNode | InterfaceNode | ConfinementNode;
}

/** A network interface, with what it is made of below it. */
export interface InterfaceNode extends LeafBase {
  kind: 'interface';
  link: NetworkInterface;
  presentation: Presentation;
  below: FactNode[];
}

/** A call that a program was refused. */
export interface DeniedNode extends LeafBase {
  kind: 'denied';
  denied: DeniedCall;
  above: FactNode;
}

/** What else holds a container, read when it is opened. */
export interface ConfinementNode extends LeafBase {
  kind: 'confinement';
  presentation: Presentation;
}

/** What is listed in a section. */
export type LeafNode =
  | ProcessNode
  | (LeafBase & { kind: 'limit'; limit: string; reading: LimitReading; live: boolean })
  | (LeafBase & { kind: 'moreLimits'; presentation: Presentation })
  | (LeafBase & { kind: 'operation'; operation: string; presentation: Presentation })
  | FactNode
  | DeniedNode
  | ConfinementNode
  | MountNode
  | InterfaceNode
  | (LeafBase & { kind: 'port'; port: PublishedPort; presentation: Presentation })
  | (LeafBase & { kind: 'listener'; listener: Listener; presentation: Presentation })
  | (LeafBase & { kind: 'failure'; message: string });

export type ContainerTreeNode = PodNode | ContainerNode | SectionNode | LeafNode;

/** The limits worth a line, in the order of the report; its notice, if any, stands above them. */
export function limitLeaves(container: string, report: LimitsReport): LeafNode[] {
  const base = { container, section: 'limits' as const };
  const { shown, more } = chooseLimits(report);
  const notice = report.notice && presentNotice(report.notice);
  const events = presentEvents(report.events);
  return [
    ...(notice ? [{ ...base, kind: 'fact' as const, key: 'notice', presentation: notice }] : []),
    ...shown.map((reading) => ({
      ...base,
      kind: 'limit' as const,
      key: reading.name,
      limit: reading.name,
      reading,
      live: report.live,
    })),
    ...(events ? [{ ...base, kind: 'fact' as const, key: 'events', presentation: events }] : []),
    { ...base, kind: 'moreLimits' as const, key: 'all', presentation: presentMoreLimits(more) },
  ];
}

/** What a process may do: lines for a section, or below a process. */
export function privilegeFacts(
  { container, section }: Pick<LeafBase, 'container' | 'section'>,
  report: CapabilityReport,
  of?: ProcessNode,
): FactNode[] {
  return groupFacts({ container, section }, presentCapabilities(report), of);
}

/** Lines with lines below them, that are seen when they are opened. */
export function groupFacts(
  { container, section }: Pick<LeafBase, 'container' | 'section'>,
  groups: readonly PresentedGroup[],
  of?: ProcessNode | ConfinementNode,
): FactNode[] {
  const factBelow = (above: FactNode['above'], presentation: Presentation): FactNode => ({
    kind: 'fact',
    container,
    section,
    key: above === undefined ? presentation.label : `${above.key}/${presentation.label}`,
    presentation,
    copy: presentation.label,
    ...(above === undefined ? {} : { above }),
  });
  return groups.map(({ presentation, below }) => {
    const fact = factBelow(of, presentation);
    if (below.length > 0) fact.below = below.map((one) => factBelow(fact, one));
    return fact;
  });
}

/** What the kernel says of a mount, below its line. */
export function mountLeaves(node: MountNode): FactNode[] {
  const { container, section } = node;
  return mountFacts(node.mount).map(({ key, presentation, copy }) => ({
    kind: 'fact',
    container,
    section,
    key: `${node.key}/${key}`,
    presentation,
    copy,
    above: node,
  }));
}

/** What the filter of a container refused, below one line. */
export function deniedFact(
  { container, section }: Pick<LeafBase, 'container' | 'section'>,
  report: DeniedReport,
): FactNode {
  const base = { container, section };
  const fact: FactNode = { ...base, kind: 'fact', key: 'denied', presentation: presentDeniedGroup(report) };
  const calls = report.calls.map(
    (denied): DeniedNode => ({
      ...base,
      kind: 'denied',
      key: `denied/${denied.number}/${denied.program}`,
      denied,
      above: fact,
    }),
  );
  const others = presentOthers(report);
  const below = [
    ...calls,
    ...(others === undefined
      ? []
      : [{ ...base, kind: 'fact' as const, key: 'denied/others', presentation: others, above: fact }]),
  ];
  if (below.length > 0) fact.below = below;
  return fact;
}

/** Whether there is anything to open below a node; what that is, is read when it is opened. */
export function hasChildren(node: ContainerTreeNode): boolean {
  switch (node.kind) {
    case 'pod':
      return node.pod.containers.length > 0;
    case 'container':
      return sectionsOf(node.summary).length > 0;
    case 'section':
    case 'process':
    case 'mount':
    case 'confinement':
    case 'interface':
      return true;
    case 'fact':
      return node.below !== undefined;
    default:
      return false;
  }
}

/** Unique over the whole tree. */
export function nodeId(node: ContainerTreeNode): string {
  switch (node.kind) {
    case 'pod':
      return `pod/${node.pod.name}`;
    case 'container':
      return node.container;
    case 'section':
      return `${node.container}/${node.section}`;
    default:
      return `${node.container}/${node.section}/${node.key}`;
  }
}

/** How a node looks, given the latest statistics of its container. */
export function presentNode(node: ContainerTreeNode, stats: ContainerStats | undefined): Presentation {
  switch (node.kind) {
    case 'pod':
      return presentPod(node.pod);
    case 'container':
      return presentContainer(node.summary, stats);
    case 'section':
      return presentSection(node.section, node.name, node.note);
    case 'process':
      return presentProcess(node.process, node.cores);
    case 'mount':
      return presentMount(node.mount);
    case 'limit':
      return presentLimit(node.reading, node.live, useOf(stats));
    case 'moreLimits':
    case 'operation':
    case 'confinement':
    case 'fact':
    case 'interface':
    case 'port':
    case 'listener':
      return node.presentation;
    case 'denied':
      return presentDenied(node.denied);
    case 'failure':
      return presentFailure(node.message);
  }
}
