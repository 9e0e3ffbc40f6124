import * as path from 'node:path/posix';
import {
  type CancellationToken,
  CancellationTokenSource,
  commands,
  l10n,
  type QuickPick,
  type QuickPickItem,
  Range,
  ThemeIcon,
  window,
} from 'vscode';
import { type FileReference, ListFiles, ReadFile } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { iconSafeText, messageText, plainText } from '../text/untrusted.js';
import { contentOf } from './addresses.js';
import type { Roots } from './roots.js';
import { type Found, searchFiles } from './searchFiles.js';
import { type Hit, searchPattern } from './searchText.js';

const mostHits = 1000;

interface Pick extends QuickPickItem {
  found: Found;
}

/**
 * Searches names and text below a folder: the editor's own search knows only files on disk. What was found is listed
 * while the search goes on; accepting it opens it.
 */
export async function search(helper: HelperClient, roots: Roots, folder: FileReference): Promise<void> {
  const title = l10n.t('Search in {0}', `${roots.title(folder.root)}:${folder.path}`);
  const query = await window.showInputBox({
    title: messageText(title),
    prompt: l10n.t('Text, or /a regular expression/. Without capital letters, case does not count.'),
    validateInput: problemOf,
  });
  if (query === undefined) {
    return;
  }
  const input = window.createQuickPick<Pick>();
  const source = new CancellationTokenSource();
  input.title = messageText(l10n.t('{0}: {1}', title, query));
  input.matchOnDescription = true;
  const chosen = new Promise<Found | undefined>((resolve) => {
    input.onDidAccept(() => {
      const [pick] = input.activeItems;
      if (pick) {
        resolve(pick.found);
        input.hide();
      }
    });
    input.onDidHide(() => {
      resolve(undefined);
      source.cancel();
      source.dispose();
      input.dispose();
    });
  });
  input.show();
  try {
    const searching = fill(input, helper, folder, searchPattern(query), source.token);
    // Whoever finds what they look for does not wait for the rest.
    const found = await Promise.race([chosen, searching.then(() => chosen)]);
    if (found) {
      await show(roots, { root: folder.root, path: found.path }, found.hit);
    }
  } catch (error) {
    input.hide();
    throw error;
  }
}

/** Lists what is found as it comes, until all was searched, there is too much, or the person left. */
async function fill(
  input: QuickPick<Pick>,
  helper: HelperClient,
  { root, path: start }: FileReference,
  pattern: RegExp,
  token: CancellationToken,
): Promise<void> {
  const picks: Pick[] = [];
  let drawn = 0;
  const draw = (text: string): void => {
    drawn = Date.now();
    const { activeItems } = input;
    input.items = picks.slice();
    if (activeItems.length > 0) {
      input.activeItems = activeItems;
    }
    input.placeholder = text;
  };
  input.busy = true;
  await searchFiles(
    {
      list: async (path) => (await helper.request(ListFiles, contentOf({ root, path }), token)).entries,
      read: async (path) => Buffer.from((await helper.request(ReadFile, { root, path }, token)).data, 'base64'),
    },
    start,
    pattern,
    (found) => {
      // What cannot be read, such as a folder that was deleted meanwhile, holds nothing to find.
      picks.push(...found.filter(({ problem }) => problem === undefined).map(pickOf));
      // Every redraw of a long list costs: a few times a second is often enough.
      if (!token.isCancellationRequested && Date.now() - drawn > 300) {
        draw(l10n.t('{0} found, searching…', picks.length));
      }
      return !token.isCancellationRequested && picks.length < mostHits;
    },
  );
  if (!token.isCancellationRequested) {
    draw(
      picks.length < mostHits
        ? l10n.t('{0} found.', picks.length)
        : l10n.t('Only the first {0}: search in a smaller folder.', picks.length),
    );
    input.busy = false;
  }
}

function pickOf(found: Found): Pick {
  const { path: file, hit } = found;
  return {
    label: iconSafeText(hit ? hit.text : path.basename(file), 160),
    description: iconSafeText(hit ? `${file}:${hit.line + 1}` : file, 200),
    iconPath: new ThemeIcon(hit ? 'symbol-string' : found.folder ? 'folder' : 'file'),
    found,
  };
}

function problemOf(query: string): string | undefined {
  if (query.length < 2) {
    return l10n.t('Type at least two characters.');
  }
  try {
    searchPattern(query);
    return undefined;
  } catch (error) {
    return error instanceof Error ? plainText(error.message) : String(error);
  }
}

async function show(roots: Roots, file: FileReference, hit: Hit | undefined): Promise<void> {
  const uri = roots.uri(file);
  if (hit) {
    const selection = new Range(hit.line, hit.column, hit.line, hit.column + hit.length);
    await window.showTextDocument(uri, { selection, preview: true });
  } else {
    await commands.executeCommand('terrarium.revealFile', uri);
  }
}
