import { TabInputText, type Uri, window } from 'vscode';

/** After a file or folder was renamed: editors on it, or below it, show it at its new place. Unsaved ones stay. */
export async function followRename(from: Uri, to: Uri): Promise<void> {
  for (const { tabs, viewColumn } of window.tabGroups.all) {
    for (const tab of tabs) {
      const { input } = tab;
      if (!(input instanceof TabInputText) || tab.isDirty) {
        continue;
      }
      const { uri } = input;
      const below = uri.path.startsWith(`${from.path}/`);
      if (uri.scheme === from.scheme && uri.authority === from.authority && (below || uri.path === from.path)) {
        const moved: Uri = to.with({ path: to.path + uri.path.slice(from.path.length) });
        await window.tabGroups.close(tab, true);
        await window.showTextDocument(moved, { viewColumn, preview: false, preserveFocus: true });
      }
    }
  }
}
