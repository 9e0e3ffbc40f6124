import { type Tab, TabInputText, type Uri, window } from 'vscode';

/** After a file or folder was renamed: editors on it, or below it, show it at its new place. Unsaved ones stay. */
export async function followRename(from: Uri, to: Uri): Promise<void> {
  for (const { tab, uri } of savedEditors(from)) {
    const moved = to.with({ path: to.path + uri.path.slice(from.path.length) });
    const { viewColumn } = tab.group;
    await window.tabGroups.close(tab, true);
    await window.showTextDocument(moved, { viewColumn, preview: false, preserveFocus: true });
  }
}

/** After a file or folder was deleted on purpose: editors on it, or below it, go. Unsaved ones stay. */
export async function closeDeleted(file: Uri): Promise<void> {
  await window.tabGroups.close(
    savedEditors(file).map(({ tab }) => tab),
    true,
  );
}

/** Editors on a file, or on one below it, with nothing unsaved in them. */
function savedEditors(file: Uri): { tab: Tab; uri: Uri }[] {
  return window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .flatMap((tab) => {
      const uri = tab.input instanceof TabInputText && !tab.isDirty ? tab.input.uri : undefined;
      const same = uri?.scheme === file.scheme && uri.authority === file.authority;
      return uri && same && (uri.path === file.path || uri.path.startsWith(`${file.path}/`)) ? [{ tab, uri }] : [];
    });
}
