import { l10n, type QuickPickItem, ThemeIcon, window } from 'vscode';
import { type FileEntry, type FileRoot, ListFiles } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { messageText, plainText } from '../text/untrusted.js';
import { contentOf } from './addresses.js';
import { fileError } from './fileErrors.js';
import { type PathChoice, pathChoices, typedPath } from './pathCompletion.js';

/**
 * Asks for a path in a root, completed by listing. Accepting a folder goes into it, accepting it again takes it.
 * Undefined: the person left.
 */
export function askForPath(
  helper: HelperClient,
  root: FileRoot,
  title: string,
  start: string,
): Promise<{ path: string; folder: boolean } | undefined> {
  const input = window.createQuickPick<QuickPickItem & { choice: PathChoice }>();
  input.title = messageText(title);
  input.placeholder = l10n.t('An absolute path');
  const folders = new Map<string, Promise<FileEntry[]>>();
  const list = (folder: string): Promise<FileEntry[]> => {
    const listed =
      folders.get(folder) ??
      helper.request(ListFiles, contentOf({ root, path: folder })).then(({ entries }) => entries);
    folders.set(folder, listed);
    return listed;
  };
  const complete = async (text: string): Promise<void> => {
    input.busy = true;
    try {
      const entries = await list(typedPath(text).folder);
      if (input.value === text) {
        show(pathChoices(text, entries));
      }
    } catch (error) {
      if (input.value === text) {
        show([]);
        input.placeholder = plainText(fileError(error).message);
      }
    } finally {
      input.busy = input.value !== text;
    }
  };
  const show = (choices: readonly PathChoice[]): void => {
    input.items = choices.map((choice) => ({
      label: choice.label,
      ...(choice.description === undefined ? {} : { description: choice.description }),
      iconPath: new ThemeIcon(choice.iconId),
      // The filter of the editor matches labels against the whole path.
      alwaysShow: true,
      choice,
    }));
  };
  return new Promise((resolve, reject) => {
    const go = (text: string): void => {
      input.value = text;
      complete(text).catch(reject);
    };
    input.onDidChangeValue((text) => complete(text).catch(reject));
    input.onDidAccept(() => {
      const choice = input.activeItems[0]?.choice;
      if (!choice) {
        return;
      }
      const entered = typedPath(input.value).prefix === '' && choice.exact;
      if (choice.folder && !entered) {
        go(`${choice.path}/`);
      } else {
        resolve({ path: choice.path, folder: choice.folder });
        input.hide();
      }
    });
    input.onDidHide(() => {
      resolve(undefined);
      input.dispose();
    });
    input.show();
    go(start);
  });
}
