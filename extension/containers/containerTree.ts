import {
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
} from 'vscode';
import { CallsDenied, LimitsChanged, type LimitTarget, MountsChanged } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { MountEvents } from '../mounts/mountEvents.js';
import type { PodStore } from '../pods/podStore.js';
import { treeItem } from '../views/treeItem.js';
import type { ContainerStore } from './containerStore.js';
import { DrawnSamples } from './drawnSamples.js';
import { LiveProcesses } from './liveProcesses.js';
import { type ContainerNode, type ContainerTreeNode, hasChildren, mountLeaves, nodeId, presentNode } from './nodes.js';
import { SectionLeaves } from './sectionLeaves.js';
import { readConfinement, readPrivileges } from './sectionReader.js';
import { type Section, sectionsOf } from './sectionText.js';
import { SeenSection } from './seenSection.js';
import { TreeNodes } from './treeNodes.js';

function collapsibleState(node: ContainerTreeNode): TreeItemCollapsibleState {
  if (!hasChildren(node)) return TreeItemCollapsibleState.None;
  return node.kind === 'pod' ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed;
}

/** The tree of containers. Sections are read when they are opened, and again when an event says they may differ. */
export class ContainerTree implements TreeDataProvider<ContainerTreeNode>, Disposable {
  private readonly nodes = new TreeNodes();
  private readonly leaves: SectionLeaves;
  private readonly drawn = new DrawnSamples();
  private readonly processes: LiveProcesses;
  private readonly seenProcesses = new SeenSection();
  private readonly seenMounts = new SeenSection();
  private readonly mountEvents: MountEvents;
  private shown: readonly string[] = [];
  private readonly changed = new EventEmitter<ContainerTreeNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly store: ContainerStore,
    private readonly podStore: PodStore,
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.processes = new LiveProcesses(
      helper,
      log,
      {
        known: (container) => this.leaves.known(container, 'processes'),
        changed: (nodes) => {
          for (const node of nodes) this.changed.fire(node);
        },
      },
      this.seenProcesses,
    );
    this.mountEvents = new MountEvents(helper, log, this.seenMounts);
    this.leaves = new SectionLeaves(helper, log, ({ container, section }, read) => {
      // After a reload of the window nothing tells that it is open, but that it is asked for.
      if (section === 'processes') this.processes.shown(container, read);
      if (section === 'mounts') {
        this.seenMounts.shown(container);
        this.mountEvents.update();
      }
    });
    this.subscriptions = [
      store.onDidChange(() => this.listChanged()),
      podStore.onDidChange(() => this.changed.fire(undefined)),
      store.onDidSample((ids) => this.sampled(ids)),
      helper.onNotification(LimitsChanged, ({ target }) => this.limitsChanged(target)),
      helper.onNotification(CallsDenied, ({ container }) => this.refreshPrivileges(container)),
      helper.onNotification(MountsChanged, ({ container }) => this.refreshMounts(container)),
      helper.onDidChangeState((state) => {
        if (state.kind !== 'starting') {
          this.refresh();
        }
        if (state.kind === 'ready') this.mountEvents.begin();
      }),
    ];
  }

  /** What is shown below a node, or is not any more. */
  opened(node: ContainerTreeNode, isOpen: boolean): void {
    for (const [section, seen] of [
      ['processes', this.seenProcesses],
      ['mounts', this.seenMounts],
    ] as const) {
      if (node.kind === 'container') seen.containerOpened(node.container, isOpen);
      if (node.kind === 'section' && node.section === section) seen.sectionOpened(node.container, isOpen);
    }
    this.mountEvents.update();
  }

  /** The view can be seen, or not any more. */
  setVisible(isVisible: boolean): void {
    this.mountEvents.setVisible(isVisible);
  }

  /** Reads everything anew that is on display. */
  refresh(): void {
    this.leaves.forgetAll();
    this.changed.fire(undefined);
  }

  /** Reads the mounts of a container anew: it may have others now. Its list of operations may be longer, too. */
  refreshMounts(container: string): void {
    const operations = this.nodes.findSection(container, 'operations');
    if (this.leaves.forget(container, 'operations') && operations) this.changed.fire(operations);
    if (this.leaves.known(container, 'mounts')) this.renew(container, 'mounts');
  }

  /** Reads the network of a container anew. */
  readNetwork(container: string): void {
    this.renew(container, 'network');
  }

  /** The same, and writes what stands beside the section. */
  noteNetwork(container: string, note: string | undefined): void {
    this.nodes.noteNetwork(container, note);
    this.renew(container, 'network', true);
  }

  /** Reads the section of capabilities anew: calls were refused, or are allowed at the next start. */
  private refreshPrivileges(container: string): void {
    if (this.leaves.known(container, 'capabilities')) this.renew(container, 'capabilities');
  }

  /** The node of a container by id, for `reveal`. */
  async node(id: string): Promise<ContainerNode | undefined> {
    await this.getChildren();
    return this.nodes.find(id);
  }

  getTreeItem(node: ContainerTreeNode): TreeItem {
    const presentation = presentNode(node, this.store.stats(node.container));
    const item = treeItem(nodeId(node), presentation, collapsibleState(node));
    // Made when it is asked for: `resolveTreeItem`.
    if (node.kind === 'container') delete item.tooltip;
    if (node.kind === 'operation') {
      item.command = { command: 'terrarium.showLedger', title: 'Show How It Was Made', arguments: [node] };
    }
    if (node.kind === 'limit' || node.kind === 'moreLimits') {
      item.command = { command: 'terrarium.editLimits', title: 'Edit Limits', arguments: [node] };
    }
    return item;
  }

  resolveTreeItem(item: TreeItem, node: ContainerTreeNode): TreeItem {
    const { tooltip } = presentNode(node, this.store.stats(node.container));
    if (tooltip !== undefined) item.tooltip = tooltip;
    return item;
  }

  getParent(node: ContainerTreeNode): ContainerTreeNode | undefined {
    return this.nodes.parentOf(node);
  }

  async getChildren(node?: ContainerTreeNode): Promise<ContainerTreeNode[]> {
    if (!node) {
      return this.roots();
    }
    switch (node.kind) {
      case 'pod':
        return this.nodes.inPod(await this.store.list(), node.pod.name);
      case 'container':
        return sectionsOf(node.summary).map((section) => this.nodes.section(node, section));
      case 'section':
        return this.leaves.of(node);
      case 'process':
        return this.leaves.below(node, `${node.key}/failure`, () => readPrivileges(this.helper, node));
      case 'confinement':
        return this.leaves.below(node, `${node.key}/failure`, () => readConfinement(this.helper, node));
      case 'mount':
        return mountLeaves(node);
      case 'fact':
        return node.below ?? [];
      case 'interface':
        return node.below;
      default:
        return [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }

  private async roots(): Promise<ContainerTreeNode[]> {
    try {
      const [summaries, pods] = await Promise.all([this.store.list(), this.podStore.list()]);
      this.shown = summaries.map(({ id }) => id);
      return this.nodes.roots(summaries, pods);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(`Containers could not be listed: ${message}`);
      this.shown = [];
      // Without a helper the view's message and welcome content say what is wrong and offer a restart.
      return this.helper.state.kind === 'ready'
        ? [{ kind: 'failure', container: '', section: 'processes', key: 'list', message }]
        : [];
    }
  }

  /**
   * Reads a section anew and draws it, if it is there and differs: a menu that is open on a line that is drawn anew may lead
   * nowhere. `noted`: what stands beside it differs in any case.
   */
  private renew(container: string, section: Section, noted = false): void {
    const node = this.nodes.findSection(container, section);
    if (!node) return;
    this.leaves
      .renew(node)
      .then((differs) => {
        if ((differs || noted) && this.nodes.findSection(container, section) === node) this.changed.fire(node);
      })
      .catch((error: unknown) => this.log.error(`${section} of ${container}: ${String(error)}`));
  }

  private listChanged(): void {
    const summaries = this.store.known;
    const ids = summaries.map(({ id }) => id);
    const changed = summaries.filter((summary) => {
      const node = this.nodes.find(summary.id);
      return node !== undefined && JSON.stringify(node.summary) !== JSON.stringify(summary);
    });
    for (const summary of changed) {
      this.forget(summary.id);
    }
    for (const { container } of this.nodes.known().filter((node) => !ids.includes(node.container))) {
      this.forget(container);
      this.nodes.forget(container);
      this.drawn.forget(container);
    }
    if (ids.join() !== this.shown.join()) {
      this.changed.fire(undefined);
      return;
    }
    for (const summary of changed) {
      const node = this.nodes.find(summary.id);
      if (node) {
        node.summary = summary;
        this.changed.fire(node);
      }
    }
  }

  /** Limits of a group or of the machine are in force for the containers below, too. */
  private limitsChanged(target: LimitTarget): void {
    for (const node of this.nodes.known()) {
      const { container: id, summary } = node;
      if ('container' in target && target.container !== id && target.container !== summary.name) {
        continue;
      }
      if (this.leaves.forget(id, 'limits')) {
        this.changed.fire(node);
      }
    }
  }

  private sampled(ids: readonly string[]): void {
    for (const id of ids) {
      const node = this.nodes.find(id);
      if (!node) {
        continue;
      }
      const stats = this.store.stats(id);
      this.processes.sampled(id);
      const differs = this.drawn.note(id, presentNode(node, stats), stats);
      const forgotten = [
        differs.processes && this.leaves.forget(id, 'processes'),
        differs.kills && this.leaves.forget(id, 'limits'),
      ].some(Boolean);
      const limits = this.leaves.known(id, 'limits') ? this.nodes.findSection(id, 'limits') : undefined;
      if (differs.line || forgotten) {
        this.changed.fire(node);
      } else if (limits && differs.use) {
        this.changed.fire(limits);
      }
    }
  }

  /** Drops what was read below a container: its processes and all that hangs on them may be others now. */
  private forget(id: string): void {
    this.processes.forget(id);
    this.leaves.forgetAll(id);
  }
}
