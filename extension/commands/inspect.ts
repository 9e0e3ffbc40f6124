import { env, l10n, window } from 'vscode';
import type { TextDocuments } from '../documents/textDocuments.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import type { Handler } from './register.js';
import { isLive, target } from './targets.js';

/** Commands that show what there is, and copy it. */
export function inspectCommands(
  context: CommandContext,
  inspections: TextDocuments,
  logs: TextDocuments,
): Record<string, { doing: string; run: Handler }> {
  const { store } = context;
  return {
    'terrarium.inspect': {
      doing: l10n.t('Inspect'),
      run: async (first) => {
        const summary = await target(store, { first, selection: undefined }, l10n.t('Inspect'));
        if (summary) {
          await inspections.show(summary.id, `${fileName(summary.name)}.json`);
        }
      },
    },
    'terrarium.showLogs': {
      doing: l10n.t('Show the log'),
      run: async (first) => {
        const summary = await target(store, { first, selection: undefined }, l10n.t('Show the log of'));
        if (summary && isLive(summary)) {
          await context.attacher.followLog(summary);
        } else if (summary) {
          // Nothing is left to follow: what was printed is a document, to search and copy from.
          await logs.show(summary.id, `${fileName(summary.name)}.log`);
        }
      },
    },
    'terrarium.copyId': {
      doing: l10n.t('Copy id'),
      run: async (first) => {
        const summary = await target(store, { first, selection: undefined }, l10n.t('Copy the id of'));
        await copy(summary?.id);
      },
    },
    'terrarium.copyPid': {
      doing: l10n.t('Copy pid'),
      run: async (first) => {
        const process = nodeOf('process', first)?.process;
        if (process) {
          await copy(String(process.identity.pid));
          return;
        }
        const summary = await target(store, { first, selection: undefined }, l10n.t('Copy the pid of'), isLive);
        await copy(summary?.init === undefined ? undefined : String(summary.init.pid));
      },
    },
    'terrarium.copyValue': {
      doing: l10n.t('Copy'),
      run: async (first) => {
        await copy(
          nodeOf('mount', first)?.mount.destination ??
            nodeOf('volumeFact', first)?.fact.copy ??
            nodeOf('fact', first)?.copy,
        );
      },
    },
  };
}

async function copy(text: string | undefined): Promise<void> {
  if (text !== undefined) {
    await env.clipboard.writeText(text);
    window.setStatusBarMessage(l10n.t('Copied {0}', text), 3000);
  }
}

/** Without what separates folders. Names are checked by the helper, but files on disk can be anything. */
function fileName(name: string): string {
  return name.replace(/[^\w.-]+/g, '_');
}
