import { l10n, window } from 'vscode';
import { RemoveMount } from '../../helper/protocol/index.js';
import { calledOn, nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import { messageText } from '../text/untrusted.js';
import { mountIn } from './askMount.js';

/** Commands that mount in running containers, and unmount. */
export function mountCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { helper, store, containers } = context;
  return {
    'terrarium.addMount': {
      doing: l10n.t('Add mount'),
      run: async (first) => {
        const summary = await target(store, { first, selection: undefined }, l10n.t('Mount in'), isLive);
        if (!summary) return;
        if (await mountIn(helper, summary)) containers.tree.refreshMounts(summary.id);
      },
    },
    'terrarium.removeMount': {
      doing: l10n.t('Remove mount'),
      run: async (first, selection) => {
        const nodes = calledOn(first, selection).flatMap((item) => nodeOf('mount', item) ?? []);
        for (const { container, mount } of nodes) {
          const keep =
            mount.origin === 'specification' || mount.kept === true ? await askWhether(mount.destination) : false;
          if (keep === undefined) return;
          await inView(() => helper.request(RemoveMount, { container, destination: mount.destination, keep }));
          containers.tree.refreshMounts(container);
        }
      },
    },
  };
}

/** Whether it goes at later starts too; undefined: it stays. */
async function askWhether(destination: string): Promise<boolean | undefined> {
  const forNow = { title: l10n.t('Until the Next Start') };
  const forGood = { title: l10n.t('For Good') };
  const answer = await window.showWarningMessage(
    l10n.t('Remove the mount on {0}?', messageText(destination)),
    { modal: true, detail: l10n.t('Processes keep what they have open there. No file is removed.') },
    forNow,
    forGood,
  );
  return answer === undefined ? undefined : answer === forGood;
}
