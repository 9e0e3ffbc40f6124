import type {
  CgroupNode,
  CgroupProcess,
  DetailedStats,
  LimitReading,
  LimitsReport,
} from '../../helper/protocol/index.js';
import {
  chooseLimits,
  presentEvents,
  presentLimit,
  presentMoreLimits,
  presentNotice,
} from '../containers/limitText.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import {
  presentGroup,
  presentHierarchy,
  presentMember,
  presentMembers,
  presentPressure,
  useOfDetails,
} from './cgroupText.js';

/** A group in the tree. The object stays the same over updates, so that the editor keeps expansion and selection. */
export interface GroupNode {
  kind: 'cgroup';
  /** Absolute folder; what the form of limits is opened with. */
  cgroup: string;
  /** It is the root group of a hierarchy. */
  top: boolean;
  node: CgroupNode;
}

interface Below {
  cgroup: string;
}

export type CgroupLeaf =
  | (Below & { kind: 'cgroupLimit'; limit: string; reading: LimitReading; live: boolean })
  | (Below & { kind: 'moreLimits'; presentation: Presentation })
  | (Below & { kind: 'pressure' })
  | (Below & { kind: 'members'; node: CgroupNode })
  | (Below & { kind: 'member'; process: CgroupProcess })
  | (Below & { kind: 'note'; key: string; presentation: Presentation })
  | (Below & { kind: 'failure'; message: string });

export type CgroupTreeNode = GroupNode | CgroupLeaf;

/** Unique over the whole tree: no name of a group has a slash. */
export function nodeId(node: CgroupTreeNode): string {
  switch (node.kind) {
    case 'cgroup':
      return node.cgroup;
    case 'cgroupLimit':
      return `${node.cgroup}//limit/${node.limit}`;
    case 'member':
      return `${node.cgroup}//member/${node.process.pid}@${node.process.startTime}`;
    case 'note':
      return `${node.cgroup}//note/${node.key}`;
    default:
      return `${node.cgroup}//${node.kind}`;
  }
}

/** How a node looks, given the latest detailed sample of its group. */
export function presentNode(node: CgroupTreeNode, details: DetailedStats | undefined): Presentation {
  switch (node.kind) {
    case 'cgroup':
      return node.top ? presentHierarchy(node.node) : presentGroup(node.node);
    case 'cgroupLimit':
      return presentLimit(node.reading, node.live, useOfDetails(details));
    case 'pressure':
      return presentPressure(details) ?? presentFailure('No pressure is told here');
    case 'members':
      return presentMembers(node.node);
    case 'member':
      return presentMember(node.process);
    case 'moreLimits':
    case 'note':
      return node.presentation;
    case 'failure':
      return presentFailure(node.message);
  }
}

/** What stands below a group before the groups in it: its limits, what they did, its processes. */
export function leavesOf(group: GroupNode, report: LimitsReport): CgroupLeaf[] {
  const { cgroup } = group;
  const { shown, more } = chooseLimits(report);
  // A root group has no limits, and no controller of this hierarchy may have any.
  const there = shown.filter(({ value }) => value !== undefined);
  const events = presentEvents(report.events);
  return [
    ...(report.notice && there.length > 0
      ? [{ kind: 'note' as const, cgroup, key: 'notice', presentation: presentNotice(report.notice) }]
      : []),
    ...there.map((reading) => ({
      kind: 'cgroupLimit' as const,
      cgroup,
      limit: reading.name,
      reading,
      live: report.live,
    })),
    ...(events ? [{ kind: 'note' as const, cgroup, key: 'events', presentation: events }] : []),
    ...(there.length > 0 ? [{ kind: 'moreLimits' as const, cgroup, presentation: presentMoreLimits(more) }] : []),
  ];
}

/**
 * The groups of which events and samples are wanted: those that are open, with all above them open too, since what is
 * below a closed one is not seen.
 */
export function openGroups(expanded: ReadonlySet<string>, tops: readonly string[]): string[] {
  // One hierarchy may be mounted below another: the longest mount point is the one a group is in.
  const longestFirst = [...tops].sort((a, b) => b.length - a.length);
  return [...expanded].filter((path) => {
    const top = longestFirst.find((one) => path === one || path.startsWith(`${one}/`));
    if (top === undefined) return false;
    for (let above = path; above !== top; above = above.slice(0, above.lastIndexOf('/'))) {
      if (!expanded.has(above)) return false;
    }
    return expanded.has(top);
  });
}
