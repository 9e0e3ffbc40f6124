import { commands, type ExtensionContext, window } from 'vscode';
import { OverviewPanel, type OverviewParts, viewType } from './overviewPanel.js';

/** Registers `terrarium.showOverview`, and the panel itself so that it is there again after a reload of the window. */
export function registerOverview(context: ExtensionContext, parts: Omit<OverviewParts, 'extensionUri'>): void {
  const all = { ...parts, extensionUri: context.extensionUri };
  let shown: OverviewPanel | undefined;
  const keep = (panel: OverviewPanel): void => {
    shown = panel;
    panel.onDidClose(() => {
      if (shown === panel) shown = undefined;
    });
  };
  context.subscriptions.push(
    commands.registerCommand('terrarium.showOverview', () => {
      if (shown === undefined) keep(OverviewPanel.open(all));
      else shown.reveal();
    }),
    window.registerWebviewPanelSerializer(viewType, {
      deserializeWebviewPanel: async (panel) => keep(OverviewPanel.revive(panel, all)),
    }),
  );
}
