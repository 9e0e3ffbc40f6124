import * as os from 'node:os';
import { l10n, Position, Uri, WorkspaceEdit, window, workspace } from 'vscode';
import { ReadDefaultProfile } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { exampleSpecification } from './example.js';

/** The names that a container may have; the helper's grammar says the same. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;

/**
 * Opens a new, unsaved specification with every field in it. It already has its path, so that the schema applies and
 * saving needs no dialog.
 */
export async function newSpecification(): Promise<void> {
  await newFile(
    {
      title: l10n.t('New specification'),
      prompt: l10n.t('Name of the container, and of the file'),
      named: 'container',
    },
    '.terrarium.json',
    async (name) => exampleSpecification(name),
  );
}

/** The same for a seccomp profile, which begins as the one that containers have by default. */
export async function newSeccompProfile(helper: Pick<HelperClient, 'request'>): Promise<void> {
  await newFile(
    { title: l10n.t('New seccomp profile'), prompt: l10n.t('Name of the file'), named: 'profile' },
    '.seccomp.json',
    async () => {
      const profile = await helper.request(ReadDefaultProfile);
      return `// ${l10n.t('What containers have by default. The first rule that holds decides.')}\n${JSON.stringify(profile, undefined, 2)}\n`;
    },
  );
}

async function newFile(
  { title, prompt, named }: { title: string; prompt: string; named: string },
  ending: string,
  content: (name: string) => Promise<string>,
): Promise<void> {
  const fileOf = (base: Uri, file: string): Uri => Uri.joinPath(base, `${file}${ending}`);
  const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(os.homedir());
  const name = await window.showInputBox({
    title,
    prompt,
    value: await freeName((name) => fileOf(folder, name), named),
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
  edit.insert(uri, new Position(0, 0), await content(name));
  await workspace.applyEdit(edit);
  await window.showTextDocument(document);
}

async function freeName(fileOf: (name: string) => Uri, named: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? named : `${named}-${number}`;
    if (!(await exists(fileOf(name)))) return name;
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
