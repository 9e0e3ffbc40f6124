import { Disposable, StatusBarAlignment, type StatusBarItem, window } from 'vscode';
import { CallsDenied, type DeniedReport } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import { deniedStatus } from './deniedText.js';

/** Says quietly, in the status bar, that calls of running containers are refused. */
export class DeniedStatus implements Disposable {
  private readonly item: StatusBarItem;
  private readonly reports = new Map<string, DeniedReport>();
  private readonly subscription: Disposable;

  constructor(
    helper: HelperClient,
    private readonly store: ContainerStore,
  ) {
    this.item = window.createStatusBarItem('terrarium.denied', StatusBarAlignment.Left, 0);
    this.item.name = 'Terrarium: Refused System Calls';
    this.item.command = 'terrarium.showDenied';
    this.subscription = Disposable.from(
      helper.onNotification(CallsDenied, ({ container, report }) => {
        this.reports.set(container, report);
        this.update();
      }),
      store.onDidChange(() => this.update()),
    );
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private update(): void {
    const live = this.store.known.filter(({ state }) => state === 'running' || state === 'paused');
    for (const id of this.reports.keys()) if (!live.some((one) => one.id === id)) this.reports.delete(id);
    const status = deniedStatus([...this.reports.values()]);
    if (status === undefined) {
      this.item.hide();
      return;
    }
    this.item.text = status.text;
    this.item.tooltip = `Terrarium: ${status.words}`;
    this.item.accessibilityInformation = { label: `Terrarium: ${status.words}`, role: 'button' };
    this.item.show();
  }
}
