import { type Disposable, l10n, StatusBarAlignment, type StatusBarItem, window } from 'vscode';
import type { ContainerStore } from './containerStore.js';

/** The one status bar item: how many containers run. Hidden while none does. */
export class RunningCount implements Disposable {
  private readonly item: StatusBarItem;
  private readonly subscription: Disposable;

  constructor(private readonly store: ContainerStore) {
    this.item = window.createStatusBarItem('terrarium.running', StatusBarAlignment.Left, 0);
    this.item.name = 'Terrarium';
    this.item.command = 'terrarium.containers.focus';
    this.subscription = store.onDidChange(() => this.update());
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private update(): void {
    const running = this.store.known.filter(({ state }) => state === 'running' || state === 'paused').length;
    if (running === 0) {
      this.item.hide();
      return;
    }
    const words = running === 1 ? l10n.t('1 container is running') : l10n.t('{0} containers are running', running);
    this.item.text = `$(vm-running) ${running}`;
    this.item.tooltip = `Terrarium: ${words}`;
    this.item.accessibilityInformation = { label: `Terrarium: ${words}`, role: 'button' };
    this.item.show();
  }
}
