import * as os from 'node:os';
import { l10n, Position, Uri, WorkspaceEdit, window, workspace } from 'vscode';
import { exampleSpecification } from './example.js';

/** The names that a container may have; the helper's grammar says the same. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;

/**
 * Opens a new, unsaved specification with every field in it. It already has its path, so that the schema applies and
 * saving needs no dialog.
 */
export async function newSpecification(): Promise<void> {
  const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(os.homedir());
  const name = await window.showInputBox({
    title: l10n.t('New specification'),
    prompt: l10n.t('Name of the container, and of the file'),
    value: await freeName(folder),
    validateInput: async (value) => {
      if (!namePattern.test(value))
        return l10n.t('Letters, digits, “.”, “_” and “-”, beginning with a letter or digit.');
      return (await exists(fileOf(folder, value))) ? l10n.t('There is a file of that name already.') : undefined;
    },
  });
  if (name === undefined) return;
  const uri = fileOf(folder, name).with({ scheme: 'untitled' });
  const document = await workspace.openTextDocument(uri);
  const edit = new WorkspaceEdit();
  edit.insert(uri, new Position(0, 0), exampleSpecification(name));
  await workspace.applyEdit(edit);
  await window.showTextDocument(document);
}

const fileOf = (folder: Uri, name: string): Uri => Uri.joinPath(folder, `${name}.terrarium.json`);

async function freeName(folder: Uri): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? 'container' : `container-${number}`;
    if (!(await exists(fileOf(folder, name)))) return name;
  }
}

async function exists(file: Uri): Promise<boolean> {
  try {
    await workspace.fs.stat(file);
    return true;
  } catch {
    // The one use of this is not to write over something: what cannot be looked at cannot be written over unasked.
    return false;
  }
}
