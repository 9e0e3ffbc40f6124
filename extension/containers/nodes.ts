import type {
  ContainerStats,
  ContainerSummary,
  LimitReading,
  LimitsReport,
  MountInfo,
  ProcessInfo,
} from '../../helper/protocol/index.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import { presentContainer } from './containerText.js';
import { chooseLimits, presentEvents, presentLimit, presentMoreLimits, presentNotice, useOf } from './limitText.js';
import { presentMount, presentProcess, presentSection, type Section } from './sectionText.js';

/** A container in the tree. The object stays the same over updates, so that the editor keeps expansion and selection. */
export interface ContainerNode {
  kind: 'container';
  /** Id of the container; every node has it, since commands go by it. */
  container: string;
  summary: ContainerSummary;
}

export interface SectionNode {
  kind: 'section';
  container: string;
  name: string;
  section: Section;
}

interface LeafBase {
  container: string;
  section: Section;
  /** Unique in its section, and the same for the same thing over refreshes. */
  key: string;
}

/** What is listed in a section. */
export type LeafNode =
  | (LeafBase & { kind: 'process'; process: ProcessInfo })
  | (LeafBase & { kind: 'limit'; limit: string; reading: LimitReading; live: boolean })
  | (LeafBase & { kind: 'moreLimits'; presentation: Presentation })
  | (LeafBase & { kind: 'operation'; operation: string; presentation: Presentation })
  | (LeafBase & { kind: 'mount'; mount: MountInfo })
  | (LeafBase & { kind: 'fact'; presentation: Presentation; copy?: string })
  | (LeafBase & { kind: 'failure'; message: string });

export type ContainerTreeNode = ContainerNode | SectionNode | LeafNode;

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

/** Unique over the whole tree. */
export function nodeId(node: ContainerTreeNode): string {
  switch (node.kind) {
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
    case 'container':
      return presentContainer(node.summary, stats);
    case 'section':
      return presentSection(node.section, node.name);
    case 'process':
      return presentProcess(node.process);
    case 'mount':
      return presentMount(node.mount);
    case 'limit':
      return presentLimit(node.reading, node.live, useOf(stats));
    case 'moreLimits':
    case 'operation':
    case 'fact':
      return node.presentation;
    case 'failure':
      return presentFailure(node.message);
  }
}
