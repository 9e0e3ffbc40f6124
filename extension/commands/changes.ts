import * as path from 'node:path/posix';
import { commands, l10n, type TextDocumentShowOptions, type Uri, window } from 'vscode';
import { type Change, type FileReference, ReadFile, RevertChanges, StatFile } from '../../helper/protocol/index.js';
import type { ChangeState } from '../changes/changesControl.js';
import { changeView, revertQuestion } from '../changes/changeText.js';
import { fileScheme } from '../files/addresses.js';
import { looksBinary, sniffedBytes } from '../files/binary.js';
import { largestContent } from '../files/fileSystem.js';
import { messageText, plainText } from '../text/untrusted.js';
import type { CommandContext } from './context.js';
import { files } from './files/targets.js';
import type { Handler } from './register.js';
import { target } from './targets.js';

/** Commands on what a container changed. */
export function changeCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.showChanges': { doing: l10n.t('Show changes'), run: (first) => show(context, first) },
    'terrarium.hideChanges': { doing: l10n.t('Hide changes'), run: () => context.changes.hide() },
    'terrarium.refreshChanges': { doing: l10n.t('Read the changes'), run: () => context.changes.refresh() },
    'terrarium.openChange': {
      doing: l10n.t('Open the change'),
      // Source control says whether the focus is to stay in its list.
      run: async (first, preserveFocus) => {
        for (const [container, change] of await called(context, [first])) {
          await open(context, container, change, { preview: true, preserveFocus: preserveFocus === true });
        }
      },
    },
    'terrarium.openChangedFile': {
      doing: l10n.t('Open'),
      run: async (first) => {
        for (const [container, { kind, path: file }] of await called(context, [first])) {
          const root = { kind: kind === 'deleted' ? ('base' as const) : ('container' as const), container };
          await commands.executeCommand('vscode.open', context.roots.uri({ root, path: file }));
        }
      },
    },
    'terrarium.revertChanges': {
      doing: l10n.t('Revert'),
      // Source control gives the selected lines one by one, a tree its selection second.
      run: async (first, ...others) => {
        await revert(context, await called(context, [first, ...others.flat()], true));
      },
    },
    'terrarium.revertAllChanges': {
      doing: l10n.t('Revert all'),
      run: async () => {
        const { container, list } = context.changes;
        if (container !== undefined) {
          await revert(
            context,
            list.map((change) => [container, change]),
          );
        }
      },
    },
  };
}

async function show(context: CommandContext, first: unknown): Promise<void> {
  const summary = await target(context.store, { first, selection: undefined }, l10n.t('Show the changes of'));
  if (!summary) {
    return;
  }
  await window.withProgress({ location: { viewId: 'terrarium.containers' } }, () => context.changes.show(summary.id));
  await commands.executeCommand('workbench.view.scm');
  if (context.changes.list.length === 0) {
    window.setStatusBarMessage(l10n.t('{0} has changed nothing.', summary.name), 5000);
  }
}

/**
 * The changes that a command was called on: lines of the list, files of the tree, the document in the editor.
 * @param below of a folder that did not change itself, what changed in it
 */
async function called(context: CommandContext, items: readonly unknown[], below = false): Promise<[string, Change][]> {
  const { container } = context.changes;
  const found = new Map<string, [string, Change]>();
  const add = (of: string, change: Change | undefined): void => {
    if (change) {
      found.set(change.path, [of, change]);
    }
  };
  for (const item of items) {
    const state = item as Partial<ChangeState> | undefined;
    if (typeof state === 'object' && state?.change && state.container !== undefined) {
      add(state.container, state.change);
    } else if (container !== undefined) {
      const document = window.activeTextEditor?.document.uri;
      const subject = item ?? (document?.scheme === fileScheme ? document : undefined);
      for (const { root, path: file } of await files(context, subject)) {
        if (root.kind === 'container' && root.container === container) {
          const own = context.changes.find(file);
          const inside = below && own === undefined ? context.changes.list : [];
          for (const change of [own, ...inside.filter(({ path: other }) => other.startsWith(`${file}/`))]) {
            add(container, change);
          }
        }
      }
    }
  }
  if (found.size === 0) {
    throw new Error(l10n.t('It has not changed, or the changes of its container are not shown.'));
  }
  return [...found.values()];
}

async function open(
  context: CommandContext,
  container: string,
  change: Change,
  how: TextDocumentShowOptions,
): Promise<void> {
  const now: FileReference = { root: { kind: 'container', container }, path: change.path };
  const before: FileReference = { root: { kind: 'base', container }, path: change.from ?? change.path };
  const view = changeView(change);
  const parts = [...(view === 'deleted' ? [] : [now]), ...(view === 'added' ? [] : [before])];
  if (view === 'words' || !(await areTexts(context, parts))) {
    await commands.executeCommand('vscode.open', context.changeDocuments.uri(container, change), how);
    return;
  }
  const name = plainText(path.basename(change.path), 80);
  if (view === 'diff') {
    const title = l10n.t('{0} (what {1} changed)', name, context.roots.title(now.root));
    const sides: [Uri, Uri] = [context.roots.uri(before), context.roots.uri(now)];
    await commands.executeCommand('vscode.diff', ...sides, title, how);
  } else {
    await commands.executeCommand('vscode.open', context.roots.uri(view === 'added' ? now : before), how);
  }
}

/** Whether all of them can be shown as text: not too large, and no NUL at the beginning. */
async function areTexts(context: CommandContext, references: readonly FileReference[]): Promise<boolean> {
  for (const reference of references) {
    const { size } = await context.helper.request(StatFile, reference);
    if (size > largestContent) {
      return false;
    }
    const { data } = await context.helper.request(ReadFile, { ...reference, offset: 0, length: sniffedBytes });
    if (looksBinary(Buffer.from(data, 'base64'))) {
      return false;
    }
  }
  return true;
}

async function revert(context: CommandContext, chosen: readonly [string, Change][]): Promise<void> {
  const container = chosen[0]?.[0];
  if (container === undefined) {
    return;
  }
  const changes = chosen.map(([, change]) => change);
  const name = context.roots.title({ kind: 'container', container });
  const { question, detail } = revertQuestion(changes, name);
  const button = { title: l10n.t('Revert') };
  const lines = detail.split('\n').map((line) => messageText(line));
  const answer = await window.showWarningMessage(
    messageText(question),
    { modal: true, detail: lines.join('\n') },
    button,
  );
  if (answer !== button) {
    return;
  }
  await window.withProgress({ location: { viewId: 'workbench.scm' } }, async () => {
    await context.helper.request(RevertChanges, { container, paths: changes.map((change) => change.path) });
    await context.changes.refresh();
  });
  context.fileActions.tell(
    changes.map((change) => ({
      root: { kind: 'container', container },
      path: change.path,
      type: change.kind === 'added' ? 'deleted' : 'changed',
    })),
  );
}
