import type {
  ContainerStats,
  ContainerSummary,
  LimitReading,
  LimitsReport,
  ProcessInfo,
} from '../../helper/protocol/index.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import { presentContainer } from './containerText.js';
import { presentLimit, presentProcess, presentSection, type Section } from './sectionText.js';

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
  | (LeafBase & { kind: 'limit'; reading: LimitReading; live: boolean })
  | (LeafBase & { kind: 'operation'; operation: string; presentation: Presentation })
  | (LeafBase & { kind: 'fact'; presentation: Presentation; copy?: string })
  | (LeafBase & { kind: 'failure'; message: string });

export type ContainerTreeNode = ContainerNode | SectionNode | LeafNode;

/** The order in which limits are listed is the report's; its notice, if any, stands above them. */
export function limitLeaves(container: string, report: LimitsReport, notice: Presentation | undefined): LeafNode[] {
  const base = { container, section: 'limits' as const };
  return [
    ...(notice ? [{ ...base, kind: 'fact' as const, key: 'notice', presentation: notice }] : []),
    ...report.readings.map((reading) => ({
      ...base,
      kind: 'limit' as const,
      key: reading.name,
      reading,
      live: report.live,
    })),
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
    case 'limit':
      return presentLimit(node.reading, node.live, stats);
    case 'operation':
    case 'fact':
      return node.presentation;
    case 'failure':
      return presentFailure(node.message);
  }
}
