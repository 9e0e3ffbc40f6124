import { commands, type Disposable, type LogOutputChannel, type TreeView, window } from 'vscode';
import { CgroupsChanged, DetailsSampled, LimitsChanged, WatchCgroups } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { CgroupTree } from './cgroupTree.js';
import { groupDecorations } from './decorations.js';
import { type CgroupTreeNode, type GroupNode, openGroups } from './nodes.js';

/** Groups of which samples are taken: more do not fit into a view. */
const mostSampled = 24;

/** The view of the machine's control groups. It hears of changes, and sees use change, only while it can be seen. */
export class CgroupsView implements Disposable {
  readonly tree: CgroupTree;
  readonly view: TreeView<CgroupTreeNode>;
  private readonly expanded = new Set<string>();
  private watched = '[]';
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.tree = new CgroupTree(helper, log);
    this.view = window.createTreeView('terrarium.cgroups', { treeDataProvider: this.tree, showCollapseAll: true });
    this.subscriptions = [
      this.tree,
      this.view,
      window.registerFileDecorationProvider(groupDecorations),
      this.view.onDidExpandElement(({ element }) => this.opened(element, true)),
      this.view.onDidCollapseElement(({ element }) => this.opened(element, false)),
      this.view.onDidChangeVisibility(({ visible }) => {
        this.watch();
        // What happened meanwhile nobody told.
        if (visible) this.tree.refresh();
      }),
      helper.onNotification(CgroupsChanged, ({ paths }) => {
        for (const path of paths) this.tree.refresh(path);
      }),
      helper.onNotification(LimitsChanged, () => {
        if (this.view.visible) this.tree.refresh();
      }),
      helper.onNotification(DetailsSampled, ({ details }) => this.tree.sampled(details)),
      helper.onDidChangeState((state) => {
        // A new helper watches nothing yet.
        this.watched = '[]';
        if (state.kind === 'ready') this.watch();
        if (state.kind === 'ready' || state.kind === 'failed') this.tree.refresh();
      }),
    ];
  }

  /** Opens the view with this group selected. False when there is no such group. */
  async show(path: string): Promise<boolean> {
    await commands.executeCommand('terrarium.cgroups.focus');
    const group = await this.tree.find(path);
    if (group !== undefined) await this.view.reveal(group, { select: true, focus: true, expand: true });
    return group !== undefined;
  }

  /** Opens the processes of a group and puts the selection there. */
  async showProcesses(group: GroupNode): Promise<void> {
    const members = await this.tree.members(group);
    await this.view.reveal(members ?? group, { select: true, focus: true, expand: true });
  }

  dispose(): void {
    this.helper.statistics.set(this, []);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private opened(element: CgroupTreeNode, open: boolean): void {
    if (element.kind !== 'cgroup') return;
    if (open) this.expanded.add(element.cgroup);
    else this.expanded.delete(element.cgroup);
    this.watch();
    // While it is closed nobody tells what happens in it: the editor asks again when it is opened.
    if (!open) this.tree.refresh(element.cgroup);
  }

  private watch(): void {
    const open = this.view.visible ? openGroups(this.expanded, this.tree.hierarchies) : [];
    this.tree.keepDetails(open);
    this.helper.statistics.set(
      this,
      [],
      open.slice(0, mostSampled).map((cgroup) => ({ cgroup })),
    );
    const text = JSON.stringify(open);
    if (text === this.watched || this.helper.state.kind !== 'ready') return;
    this.watched = text;
    this.helper
      .request(WatchCgroups, { paths: open })
      .catch((error: unknown) => this.log.warn(`Watching control groups: ${String(error)}`));
  }
}
