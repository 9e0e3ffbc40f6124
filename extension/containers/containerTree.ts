import {
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
} from 'vscode';
import {
  CallsDenied,
  type ContainerSummary,
  LimitsChanged,
  type LimitTarget,
  MountsChanged,
  type PodSummary,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { MountEvents } from '../mounts/mountEvents.js';
import type { PodStore } from '../pods/podStore.js';
import { treeItem } from '../views/treeItem.js';
import type { ContainerStore } from './containerStore.js';
import { DrawnSamples } from './drawnSamples.js';
import { LiveProcesses } from './liveProcesses.js';
import {
  type ConfinementNode,
  type ContainerNode,
  type ContainerTreeNode,
  type LeafNode,
  mountLeaves,
  nodeId,
  type PodNode,
  type ProcessNode,
  presentNode,
  type SectionNode,
} from './nodes.js';
import { readConfinement, readPrivileges, readSection } from './sectionReader.js';
import { sectionsOf } from './sectionText.js';
import { SeenSection } from './seenSection.js';

function hasChildren(node: ContainerTreeNode): boolean {
  switch (node.kind) {
    case 'pod':
      return node.pod.containers.length > 0;
    case 'container':
      return sectionsOf(node.summary).length > 0;
    case 'section':
    case 'process':
    case 'mount':
    case 'confinement':
      return true;
    case 'fact':
      return node.below !== undefined;
    case 'interface':
      return true;
    default:
      return false;
  }
}

function writeNote(section: SectionNode, note: string | undefined): void {
  if (note === undefined) delete section.note;
  else section.note = note;
}

function collapsibleState(node: ContainerTreeNode): TreeItemCollapsibleState {
  if (!hasChildren(node)) return TreeItemCollapsibleState.None;
  return node.kind === 'pod' ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed;
}

/** The tree of containers. Sections are read when they are opened, and again when an event says they may differ. */
export class ContainerTree implements TreeDataProvider<ContainerTreeNode>, Disposable {
  private readonly containers = new Map<string, ContainerNode>();
  private readonly pods = new Map<string, PodNode>();
  private readonly sections = new Map<string, SectionNode>();
  private readonly leaves = new Map<string, LeafNode[]>();
  private readonly drawn = new DrawnSamples();
  private readonly networkNotes = new Map<string, string>();
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
        known: (container) => this.leaves.get(`${container}/processes`),
        changed: (nodes) => {
          for (const node of nodes) this.changed.fire(node);
        },
      },
      this.seenProcesses,
    );
    this.mountEvents = new MountEvents(helper, log, this.seenMounts);
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
    this.leaves.clear();
    this.changed.fire(undefined);
  }

  /** Reads the mounts of a container anew: it may have others now. Its list of operations may be longer, too. */
  refreshMounts(container: string): void {
    const operations = this.sections.get(`${container}/operations`);
    if (this.leaves.delete(`${container}/operations`) && operations) this.changed.fire(operations);
    const section = this.sections.get(`${container}/mounts`);
    const key = `${container}/mounts`;
    if (!section || !this.leaves.has(key)) return;
    readSection(this.helper, container, 'mounts').then(
      (read) => {
        const before = this.leaves.get(key);
        // A menu that is open on a line that is drawn anew may lead nowhere: only what differs is.
        if (!before || JSON.stringify(read) === JSON.stringify(before)) return;
        this.leaves.set(key, read);
        this.changed.fire(section);
      },
      () => {
        // Drawing it says why.
        if (this.leaves.delete(key)) this.changed.fire(section);
      },
    );
  }

  /** Reads the network of a container anew. */
  readNetwork(container: string): void {
    this.leaves.delete(`${container}/network`);
    const section = this.sections.get(`${container}/network`);
    if (section) this.changed.fire(section);
  }

  /** The same, and writes what stands beside the section. */
  noteNetwork(container: string, note: string | undefined): void {
    if (note === undefined) this.networkNotes.delete(container);
    else this.networkNotes.set(container, note);
    const section = this.sections.get(`${container}/network`);
    if (section) writeNote(section, note);
    this.readNetwork(container);
  }

  /** Reads the section of capabilities anew: calls were refused, or are allowed at the next start. */
  private refreshPrivileges(container: string): void {
    const section = this.sections.get(`${container}/capabilities`);
    if (this.leaves.delete(`${container}/capabilities`) && section) this.changed.fire(section);
  }

  /** The node of a container by id, for `reveal`. */
  async node(id: string): Promise<ContainerNode | undefined> {
    await this.getChildren();
    return this.containers.get(id);
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
    switch (node.kind) {
      case 'pod':
        return undefined;
      case 'container':
        return node.summary.pod === undefined ? undefined : this.pods.get(node.summary.pod);
      case 'section':
        return this.containers.get(node.container);
      case 'denied':
        return node.above;
      case 'fact':
        return node.above ?? this.sections.get(`${node.container}/${node.section}`);
      default:
        return this.sections.get(`${node.container}/${node.section}`);
    }
  }

  async getChildren(node?: ContainerTreeNode): Promise<ContainerTreeNode[]> {
    if (!node) {
      return this.roots();
    }
    switch (node.kind) {
      case 'pod':
        return this.containersOf(await this.store.list(), node.pod.name);
      case 'container':
        return sectionsOf(node.summary).map((section) => this.sectionNode(node, section));
      case 'section':
        return this.leavesOf(node);
      case 'process':
        return this.read(node, () => readPrivileges(this.helper, node));
      case 'confinement':
        return this.read(node, () => readConfinement(this.helper, node));
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
      const nodes = pods.map((pod) => this.podNode(pod));
      // Of a pod that is damaged, or gone in this moment, the containers are shown by themselves.
      const alone = summaries.filter(({ pod }) => pods.every(({ name }) => name !== pod));
      // Made for all: they are found by id, also below a pod that nobody has opened.
      for (const { name } of pods) this.containersOf(summaries, name);
      return [...nodes, ...alone.map((summary) => this.containerNode(summary))];
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

  private containersOf(summaries: readonly ContainerSummary[], pod: string): ContainerNode[] {
    return summaries.filter((summary) => summary.pod === pod).map((summary) => this.containerNode(summary));
  }

  private containerNode(summary: ContainerSummary): ContainerNode {
    const node = this.containers.get(summary.id) ?? { kind: 'container', container: summary.id, summary };
    node.summary = summary;
    this.containers.set(summary.id, node);
    return node;
  }

  private podNode(pod: PodSummary): PodNode {
    const node = this.pods.get(pod.name) ?? { kind: 'pod', container: '', pod };
    node.pod = pod;
    this.pods.set(pod.name, node);
    return node;
  }

  private sectionNode(parent: ContainerNode, section: SectionNode['section']): SectionNode {
    const key = `${parent.container}/${section}`;
    const node = this.sections.get(key) ?? {
      kind: 'section',
      container: parent.container,
      name: parent.summary.name,
      section,
    };
    node.name = parent.summary.name;
    if (section === 'network') writeNote(node, this.networkNotes.get(parent.container));
    this.sections.set(key, node);
    return node;
  }

  private async leavesOf(node: SectionNode): Promise<LeafNode[]> {
    const key = nodeId(node);
    const known = this.leaves.get(key);
    if (known) {
      return known;
    }
    try {
      const read = await readSection(this.helper, node.container, node.section);
      this.leaves.set(key, read);
      // After a reload of the window nothing tells that it is open, but that it is asked for.
      if (node.section === 'processes') this.processes.shown(node.container, read);
      if (node.section === 'mounts') this.watchMounts(node.container);
      return read;
    } catch (error) {
      // Not kept: the next refresh tries again.
      return [this.failure(node, 'failure', error)];
    }
  }

  private watchMounts(container: string): void {
    this.seenMounts.shown(container);
    this.mountEvents.update();
  }

  /** Read each time: a process may give privileges up at any moment. */
  private async read(node: ProcessNode | ConfinementNode, work: () => Promise<LeafNode[]>): Promise<LeafNode[]> {
    try {
      return await work();
    } catch (error) {
      return [this.failure(node, `${node.key}/failure`, error)];
    }
  }

  private failure(
    { container, section }: SectionNode | ProcessNode | ConfinementNode,
    key: string,
    error: unknown,
  ): LeafNode {
    const message = error instanceof Error ? error.message : String(error);
    this.log.warn(`${section} of ${container}: ${message}`);
    return { kind: 'failure', container, section, key, message };
  }

  private listChanged(): void {
    const summaries = this.store.known;
    const ids = summaries.map(({ id }) => id);
    const changed = summaries.filter((summary) => {
      const node = this.containers.get(summary.id);
      return node !== undefined && JSON.stringify(node.summary) !== JSON.stringify(summary);
    });
    for (const summary of changed) {
      this.forget(summary.id);
    }
    for (const id of [...this.containers.keys()].filter((id) => !ids.includes(id))) {
      this.forget(id);
      this.containers.delete(id);
      this.drawn.forget(id);
      this.networkNotes.delete(id);
    }
    if (ids.join() !== this.shown.join()) {
      this.changed.fire(undefined);
      return;
    }
    for (const summary of changed) {
      const node = this.containers.get(summary.id);
      if (node) {
        node.summary = summary;
        this.changed.fire(node);
      }
    }
  }

  /** Limits of a group or of the machine are in force for the containers below, too. */
  private limitsChanged(target: LimitTarget): void {
    for (const [id, node] of this.containers) {
      if ('container' in target && target.container !== id && target.container !== node.summary.name) {
        continue;
      }
      if (this.leaves.delete(`${id}/limits`)) {
        this.changed.fire(node);
      }
    }
  }

  private sampled(ids: readonly string[]): void {
    for (const id of ids) {
      const node = this.containers.get(id);
      if (!node) {
        continue;
      }
      const stats = this.store.stats(id);
      this.processes.sampled(id);
      const differs = this.drawn.note(id, presentNode(node, stats), stats);
      const forgotten = [
        differs.processes && this.forgetSection(id, 'processes'),
        differs.kills && this.forgetSection(id, 'limits'),
      ].some(Boolean);
      const limits = this.leaves.has(`${id}/limits`) ? this.sections.get(`${id}/limits`) : undefined;
      if (differs.line || forgotten) {
        this.changed.fire(node);
      } else if (limits && differs.use) {
        this.changed.fire(limits);
      }
    }
  }

  private forgetSection(id: string, section: SectionNode['section']): boolean {
    return this.leaves.delete(`${id}/${section}`);
  }

  /** Drops what was read below a container: its processes and all that hangs on them may be others now. */
  private forget(id: string): void {
    this.processes.forget(id);
    for (const key of [...this.leaves.keys()].filter((key) => key.startsWith(`${id}/`))) {
      this.leaves.delete(key);
    }
    for (const key of [...this.sections.keys()].filter((key) => key.startsWith(`${id}/`))) {
      // Section nodes go only with their container: the editor knows them by identity.
      if (!this.store.find(id)) {
        this.sections.delete(key);
      }
    }
  }
}
