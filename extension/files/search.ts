import {
  type CancellationToken,
  CancellationTokenSource,
  commands,
  l10n,
  type QuickPickItem,
  Range,
  ThemeIcon,
  window,
} from 'vscode';
import { type FileEntry, type FileReference, ListFiles, ReadFile } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { iconSafeText, messageText, plainText } from '../text/untrusted.js';
import { contentOf, inFolder } from './addresses.js';
import { looksBinary, sniffedBytes } from './binary.js';
import { fileError } from './fileErrors.js';
import { isFolder } from './listing.js';
import type { Roots } from './roots.js';
import { type Hit, hitsIn, searchPattern } from './searchText.js';

/** Larger files are seldom text that somebody wrote. In bytes. */
const largestSearched = 1024 ** 2;
const mostHits = 1000;
/** Requests at a time: the helper answers one after another, and is never without work. */
const workers = 8;

interface Found extends QuickPickItem {
  file: FileReference;
  hit?: Hit;
}

/**
 * Searches names and text below a folder, of whatever is mounted there only when it is the folder itself. The editor's
 * own search knows only files on disk. What was found is listed while the search goes on; accepting it opens it.
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
  const input = window.createQuickPick<Found>();
  const source = new CancellationTokenSource();
  input.title = messageText(l10n.t('{0}: {1}', title, query));
  input.matchOnDescription = true;
  input.busy = true;
  const chosen = new Promise<Found | undefined>((resolve) => {
    input.onDidAccept(() => {
      const [found] = input.activeItems;
      if (found) {
        resolve(found);
        input.hide();
      }
    });
    input.onDidHide(() => {
      resolve(undefined);
      source.cancel();
      input.dispose();
    });
  });
  input.show();
  let drawn = 0;
  const items: Found[] = [];
  const draw = (ended: string | undefined): void => {
    // Every redraw of a long list costs: a few times a second is often enough.
    if (!source.token.isCancellationRequested && (ended !== undefined || Date.now() - drawn > 300)) {
      drawn = Date.now();
      const { activeItems } = input;
      input.items = items.slice();
      if (activeItems.length > 0) {
        input.activeItems = activeItems;
      }
      input.placeholder = ended ?? l10n.t('{0} found, searching…', items.length);
      input.busy = ended === undefined;
    }
  };
  const searching = walk(helper, folder, searchPattern(query), source.token, (found) => {
    items.push(...found);
    draw(undefined);
    return items.length < mostHits;
  }).then(() => {
    draw(
      items.length >= mostHits
        ? l10n.t('Only the first {0}: search in a smaller folder.', items.length)
        : l10n.t('{0} found.', items.length),
    );
    return chosen;
  });
  // Whoever finds what they look for does not wait for the rest.
  const found = await Promise.race([chosen, searching]);
  if (found) {
    await show(roots, found);
  }
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

/** Goes through folders and files, several at a time, until nothing is left, `take` has enough or the person left. */
async function walk(
  helper: HelperClient,
  start: FileReference,
  pattern: RegExp,
  token: CancellationToken,
  take: (found: Found[]) => boolean,
): Promise<void> {
  const { root } = start;
  const todo: { path: string; entry?: FileEntry }[] = [{ path: start.path }];
  let enough = false;
  const visit = async ({ path, entry }: { path: string; entry?: FileEntry }): Promise<Found[]> => {
    if (entry) {
      return textHits(helper, { root, path }, pattern, token);
    }
    const { entries } = await helper.request(ListFiles, contentOf({ root, path }), token);
    const found: Found[] = [];
    for (const child of entries) {
      const file = { root, path: inFolder(path, child.name) };
      if (pattern.test(child.name)) {
        found.push(nameFound(file, child));
      }
      if (child.kind === 'directory' && !child.mountPoint) {
        todo.push({ path: file.path });
      } else if (child.kind === 'file' && child.size > 0 && child.size <= largestSearched) {
        todo.push({ path: file.path, entry: child });
      }
    }
    return found;
  };
  while (todo.length > 0 && !enough && !token.isCancellationRequested) {
    const batch = todo.splice(-workers);
    const found = await Promise.all(
      batch.map((item) =>
        visit(item).catch((error: unknown) => {
          // What cannot be read holds nothing to find; the folder that was asked for is another matter.
          if (item.path === start.path) {
            throw error;
          }
          return fileError(error).kind === 'Unavailable' && item.entry === undefined
            ? [unreadable(root, item.path, error)]
            : [];
        }),
      ),
    );
    const flat = found.flat();
    enough = flat.length > 0 && !take(flat);
  }
}

async function textHits(
  helper: HelperClient,
  file: FileReference,
  pattern: RegExp,
  token: CancellationToken,
): Promise<Found[]> {
  const { data } = await helper.request(ReadFile, file, token);
  const content = Buffer.from(data, 'base64');
  return looksBinary(content.subarray(0, sniffedBytes))
    ? []
    : hitsIn(content.toString('utf8'), pattern).map((hit) => ({
        label: iconSafeText(hit.text, 160),
        description: iconSafeText(`${file.path}:${hit.line + 1}`, 200),
        iconPath: new ThemeIcon('symbol-string'),
        file,
        hit,
      }));
}

function nameFound(file: FileReference, entry: FileEntry): Found {
  return {
    label: iconSafeText(entry.name, 160),
    description: iconSafeText(file.path, 200),
    iconPath: new ThemeIcon(isFolder(entry) ? 'folder' : 'file'),
    file,
  };
}

function unreadable(root: FileReference['root'], path: string, error: unknown): Found {
  return {
    label: iconSafeText(fileError(error).message, 160),
    description: iconSafeText(path, 200),
    iconPath: new ThemeIcon('error'),
    file: { root, path },
  };
}

async function show(roots: Roots, { file, hit }: Found): Promise<void> {
  const uri = roots.uri(file);
  if (hit) {
    const selection = new Range(hit.line, hit.column, hit.line, hit.column + hit.length);
    await window.showTextDocument(uri, { selection, preview: true });
  } else {
    await commands.executeCommand('terrarium.revealFile', uri);
  }
}
