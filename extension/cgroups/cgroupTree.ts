import {
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
} from 'vscode';
import {
  type CgroupNode,
  type DetailedStats,
  ListCgroupProcesses,
  ListCgroups,
  ReadLimits,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { treeItem } from '../views/treeItem.js';
import { presentPressure } from './cgroupText.js';
import { groupUri } from './decorations.js';
import { type CgroupTreeNode, type GroupNode, leavesOf, nodeId, presentNode } from './nodes.js';

/** The tree of the machine's control groups. What is opened is read at that moment, and nothing else. */
export class CgroupTree implements TreeDataProvider<CgroupTreeNode>, Disposable {
  private readonly groups = new Map<string, GroupNode>();
  /** Latest detailed samples of groups that are open, by path. */
  private readonly details = new Map<string, DetailedStats>();
  /** What is on display below groups, to redraw what a sample changes. */
  private readonly shown = new Map<string, CgroupTreeNode[]>();
  private tops: string[] = [];
  private readonly changed = new EventEmitter<CgroupTreeNode | undefined>();

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {}

  /** Mount points of the hierarchies that were last listed. */
  get hierarchies(): readonly string[] {
    return this.tops;
  }

  /** Reads everything anew that is on display, or what is below one group. */
  refresh(path?: string): void {
    const group = path === undefined ? undefined : this.groups.get(path);
    if (path === undefined || group !== undefined) this.changed.fire(group);
  }

  /** Takes samples of groups that are open and redraws what they change. */
  sampled(details: readonly DetailedStats[]): void {
    for (const sample of details) {
      if (!('cgroup' in sample.target)) continue;
      const path = sample.target.cgroup;
      const group = this.groups.get(path);
      if (group === undefined) continue;
      const before = this.details.get(path);
      this.details.set(path, sample);
      if ((presentPressure(before) === undefined) !== (presentPressure(sample) === undefined)) {
        this.changed.fire(group);
        continue;
      }
      for (const node of this.shown.get(path) ?? []) {
        if (node.kind === 'cgroup') continue;
        // The group's own line stays as it was listed: the editor would ask for all that is below it.
        const differs = JSON.stringify(presentNode(node, before)) !== JSON.stringify(presentNode(node, sample));
        const others = node.kind === 'members' && before?.pids?.count !== sample.pids?.count;
        if (differs || others) this.changed.fire(node);
      }
    }
  }

  /** The samples of groups that are not open any more are old. */
  keepDetails(open: readonly string[]): void {
    for (const path of [...this.details.keys()]) if (!open.includes(path)) this.details.delete(path);
  }

  getTreeItem(node: CgroupTreeNode): TreeItem {
    const { Collapsed, None } = TreeItemCollapsibleState;
    const opens = node.kind === 'cgroup' || (node.kind === 'members' && (node.node.processes ?? 0) > 0);
    const item = treeItem(nodeId(node), presentNode(node, this.details.get(node.cgroup)), opens ? Collapsed : None);
    if (node.kind === 'cgroup' && !node.top) item.resourceUri = groupUri(node.node);
    if (node.kind === 'cgroupLimit' || node.kind === 'moreLimits') {
      item.command = { command: 'terrarium.editLimits', title: 'Edit Limits', arguments: [node] };
    }
    return item;
  }

  getParent(node: CgroupTreeNode): CgroupTreeNode | undefined {
    if (node.kind === 'member') return this.shown.get(node.cgroup)?.find(({ kind }) => kind === 'members');
    if (node.kind !== 'cgroup') return this.groups.get(node.cgroup);
    return node.top ? undefined : this.groups.get(node.cgroup.slice(0, node.cgroup.lastIndexOf('/')));
  }

  async getChildren(node?: CgroupTreeNode): Promise<CgroupTreeNode[]> {
    try {
      if (node === undefined) return await this.roots();
      if (node.kind === 'cgroup') return await this.below(node);
      if (node.kind === 'members') {
        const processes = await this.helper.request(ListCgroupProcesses, { path: node.cgroup });
        node.node = { ...node.node, processes: processes.length };
        return processes.map((process) => ({ kind: 'member', cgroup: node.cgroup, process }));
      }
      return [];
    } catch (error) {
      const message = errorText(error);
      this.log.warn(`Control groups: ${message}`);
      // Without a helper the view's message says what is wrong.
      if (this.helper.state.kind !== 'ready') return [];
      return [{ kind: 'failure', cgroup: node?.cgroup ?? '', message }];
    }
  }

  /** The node of a group by its folder, listing every group on the way there; undefined when there is none. */
  async find(path: string): Promise<GroupNode | undefined> {
    await this.roots();
    const top = [...this.tops].sort((a, b) => b.length - a.length).find((one) => path.startsWith(`${one}/`));
    if (top === undefined) return undefined;
    let above = top;
    for (const name of path.slice(top.length + 1).split('/')) {
      for (const node of await this.helper.request(ListCgroups, { path: above })) this.groupNode(node, false);
      above = `${above}/${name}`;
    }
    return this.groups.get(path);
  }

  /** The row of a group's processes, for `reveal`. */
  async members(group: GroupNode): Promise<CgroupTreeNode | undefined> {
    return (await this.below(group)).find(({ kind }) => kind === 'members');
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async roots(): Promise<CgroupTreeNode[]> {
    const nodes = await this.helper.request(ListCgroups, {});
    this.tops = nodes.map(({ path }) => path);
    return nodes.map((node) => this.groupNode(node, true));
  }

  private async below(group: GroupNode): Promise<CgroupTreeNode[]> {
    const path = group.cgroup;
    const [limits, groups] = await Promise.all([this.limits(group), this.helper.request(ListCgroups, { path })]);
    const pressure = presentPressure(this.details.get(path)) !== undefined;
    const nodes: CgroupTreeNode[] = [
      ...limits,
      ...(pressure ? [{ kind: 'pressure' as const, cgroup: path }] : []),
      ...((group.node.processes ?? 0) > 0 ? [{ kind: 'members' as const, cgroup: path, node: group.node }] : []),
      ...groups.map((node) => this.groupNode(node, false)),
    ];
    this.shown.set(path, nodes);
    return nodes;
  }

  /** A group whose limits cannot be read has groups and processes all the same. */
  private async limits(group: GroupNode): Promise<CgroupTreeNode[]> {
    try {
      return leavesOf(group, await this.helper.request(ReadLimits, { cgroup: group.cgroup }));
    } catch (error) {
      this.log.warn(`Limits of ${group.cgroup}: ${errorText(error)}`);
      return [{ kind: 'failure', cgroup: group.cgroup, message: errorText(error) }];
    }
  }

  private groupNode(node: CgroupNode, top: boolean): GroupNode {
    const group = this.groups.get(node.path) ?? { kind: 'cgroup', cgroup: node.path, top, node };
    group.node = node;
    this.groups.set(node.path, group);
    return group;
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
