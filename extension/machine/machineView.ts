import {
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
import { doctorDetails, doctorSummary, presentDoctorLine } from './doctorText.js';

export interface DoctorNode {
  kind: 'line';
  line: DoctorLine;
}
export type MachineTreeNode =
  | DoctorNode
  | { kind: 'failure'; message: string }
  | { kind: 'detail'; line: DoctorLine; index: number; presentation: Presentation };

/** What this machine can do for containers. The doctor runs when the view is first seen, and when asked to. */
export class MachineView implements TreeDataProvider<MachineTreeNode>, Disposable {
  readonly view: TreeView<MachineTreeNode>;
  private report: DoctorReport | undefined;
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
          this.report = undefined;
          this.changed.fire(undefined);
        }
      }),
    ];
  }

  /** Tries everything anew and shows the result. Rejects as the request does. */
  async run(): Promise<DoctorReport> {
    this.report = undefined;
    const report = await this.examine();
    this.changed.fire(undefined);
    return report;
  }

  getTreeItem(node: MachineTreeNode): TreeItem {
    const { None, Collapsed, Expanded } = TreeItemCollapsibleState;
    if (node.kind === 'failure') {
      return treeItem('failure', presentFailure(node.message), None);
    }
    if (node.kind === 'detail') {
      return treeItem(`${node.line.id}/${node.index}`, node.presentation, None);
    }
    // What does not work is opened, since what to do about it stands below.
    return treeItem(node.line.id, presentDoctorLine(node.line), node.line.verdict === 'missing' ? Expanded : Collapsed);
  }

  async getChildren(node?: MachineTreeNode): Promise<MachineTreeNode[]> {
    if (node?.kind === 'line') {
      return doctorDetails(node.line).map((presentation, index) => ({
        kind: 'detail',
        line: node.line,
        index,
        presentation,
      }));
    }
    if (node) {
      return [];
    }
    try {
      const report = this.report ?? (await this.examine());
      return report.lines.map((line) => ({ kind: 'line', line }));
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

  private async examine(): Promise<DoctorReport> {
    this.running ??= this.helper.request(RunDoctor).finally(() => {
      this.running = undefined;
    });
    this.report = await this.running;
    this.view.description = doctorSummary(this.report);
    return this.report;
  }
}
