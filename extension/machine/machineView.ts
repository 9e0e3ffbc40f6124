import {
  type CancellationToken,
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
  type TreeView,
  window,
} from 'vscode';
import { type DoctorLine, type DoctorReport, RunDoctor } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { presentFailure } from '../views/failure.js';
import type { Presentation } from '../views/presentation.js';
import { treeItem } from '../views/treeItem.js';
import {
  type DoctorSection,
  doctorDetails,
  doctorSummary,
  presentDoctorLine,
  presentSection,
  sectionsOf,
} from './doctorText.js';

export interface SectionNode {
  kind: 'section';
  section: DoctorSection;
}
export interface DoctorNode {
  kind: 'line';
  line: DoctorLine;
  parent: SectionNode;
}
export type MachineTreeNode =
  | SectionNode
  | DoctorNode
  | { kind: 'failure'; message: string }
  | { kind: 'detail'; line: DoctorLine; index: number; presentation: Presentation; parent: DoctorNode };

/** What this machine can do for containers. The doctor runs when the view is first seen, and when asked to. */
export class MachineView implements TreeDataProvider<MachineTreeNode>, Disposable {
  readonly view: TreeView<MachineTreeNode>;
  private latest: DoctorReport | undefined;
  private running: Promise<DoctorReport> | undefined;
  private readonly changed = new EventEmitter<MachineTreeNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.view = window.createTreeView('terrarium.machine', { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions = [
      this.view,
      helper.onDidChangeState((state) => {
        if (state.kind === 'ready' || state.kind === 'failed') {
          this.latest = undefined;
          this.changed.fire(undefined);
        }
      }),
    ];
  }

  /** What the doctor last said, as it is shown; undefined until it has been asked. */
  get report(): DoctorReport | undefined {
    return this.latest;
  }

  /** Tries everything anew and shows the result. Rejects as the request does; what was shown then stays. */
  async run(token?: CancellationToken): Promise<DoctorReport> {
    const report = await this.examine(token);
    this.changed.fire(undefined);
    return report;
  }

  /** Selects a line and opens it, wherever it is. False when the report has no such line. */
  async show(id: string): Promise<boolean> {
    const report = this.latest ?? (await this.run());
    const section = sectionsOf(report).find(({ lines }) => lines.some((line) => line.id === id));
    const line = section?.lines.find((candidate) => candidate.id === id);
    if (!section || !line) {
      return false;
    }
    const node: DoctorNode = { kind: 'line', line, parent: { kind: 'section', section } };
    await this.view.reveal(node, { select: true, focus: true, expand: true });
    return true;
  }

  getTreeItem(node: MachineTreeNode): TreeItem {
    const { None, Collapsed, Expanded } = TreeItemCollapsibleState;
    switch (node.kind) {
      case 'failure':
        return treeItem('failure', presentFailure(node.message), None);
      case 'section': {
        const { group, lines } = node.section;
        const open = lines.some(({ verdict }) => verdict === 'missing');
        return treeItem(`group/${group}`, presentSection(node.section), open ? Expanded : Collapsed);
      }
      case 'line': {
        // What stands in the way of every container is opened, since what to do about it stands below.
        const { line } = node;
        const open = line.verdict === 'missing' && line.essential;
        return treeItem(line.id, presentDoctorLine(line), open ? Expanded : Collapsed);
      }
      case 'detail':
        return treeItem(`${node.line.id}/${node.index}`, node.presentation, None);
    }
  }

  getParent(node: MachineTreeNode): MachineTreeNode | undefined {
    return node.kind === 'line' || node.kind === 'detail' ? node.parent : undefined;
  }

  async getChildren(node?: MachineTreeNode): Promise<MachineTreeNode[]> {
    if (node?.kind === 'section') {
      return node.section.lines.map((line) => ({ kind: 'line', line, parent: node }));
    }
    if (node?.kind === 'line') {
      return doctorDetails(node.line).map((presentation, index) => ({
        kind: 'detail',
        line: node.line,
        index,
        presentation,
        parent: node,
      }));
    }
    if (node) {
      return [];
    }
    try {
      const report = this.latest ?? (await this.examine());
      return sectionsOf(report).map((section) => ({ kind: 'section', section }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(`The doctor could not be asked: ${message}`);
      return this.helper.state.kind === 'ready' ? [{ kind: 'failure', message }] : [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }

  /** Whoever asks while it runs waits with the others; who asked first may cancel it for all. */
  private async examine(token?: CancellationToken): Promise<DoctorReport> {
    this.running ??= this.helper.request(RunDoctor, token).finally(() => {
      this.running = undefined;
    });
    this.latest = await this.running;
    this.view.description = doctorSummary(this.latest);
    return this.latest;
  }
}
