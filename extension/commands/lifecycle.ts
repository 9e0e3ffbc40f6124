import { l10n, window, workspace } from 'vscode';
import {
  type ContainerSummary,
  KillContainer,
  PauseContainer,
  RemoveContainer,
  RenameContainer,
  RestartContainer,
  ResumeContainer,
  StartContainer,
  StopContainer,
} from '../../helper/protocol/index.js';
import type { Failure } from '../errors/notifier.js';
import { signalPicks } from '../flows/signalPicks.js';
import { containerNameProblem } from '../text/names.js';
import { messageText } from '../text/untrusted.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import { inView } from './progress.js';
import type { Handler } from './register.js';
import { isLive, isRunning, target, targets } from './targets.js';

interface Action {
  /** For the question which container, and for what failed. */
  doing: string;
  suits: (summary: ContainerSummary) => boolean;
  /** Its processes end with it. */
  ends?: true;
  perform: (summary: ContainerSummary) => Promise<unknown>;
}

/** Commands that change the state of containers; each works on all selected ones that are in a state for it. */
export function lifecycleCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { helper, store } = context;
  const stopParams = (summary: ContainerSummary) => ({ container: summary.id, graceSeconds: graceSeconds() });
  const actions: Record<string, Action> = {
    'terrarium.start': {
      doing: l10n.t('Start'),
      suits: ({ state }) => state === 'created' || state === 'stopped',
      perform: ({ id }) => helper.request(StartContainer, { container: id }),
    },
    'terrarium.stop': {
      doing: l10n.t('Stop'),
      suits: isLive,
      ends: true,
      perform: (summary) => helper.request(StopContainer, stopParams(summary)),
    },
    'terrarium.kill': {
      doing: l10n.t('Kill'),
      suits: isLive,
      ends: true,
      perform: ({ id }) => helper.request(KillContainer, { container: id }),
    },
    'terrarium.pause': {
      doing: l10n.t('Pause'),
      suits: isRunning,
      perform: ({ id }) => helper.request(PauseContainer, { container: id }),
    },
    'terrarium.resume': {
      doing: l10n.t('Resume'),
      suits: ({ state }) => state === 'paused',
      perform: ({ id }) => helper.request(ResumeContainer, { container: id }),
    },
    'terrarium.restart': {
      doing: l10n.t('Restart'),
      suits: isLive,
      ends: true,
      perform: (summary) => helper.request(RestartContainer, stopParams(summary)),
    },
  };
  return {
    ...Object.fromEntries(
      Object.entries(actions).map(([id, action]) => [
        id,
        {
          doing: action.doing,
          run: async (first: unknown, selection: unknown) => {
            const chosen = await targets(store, { first, selection }, action.doing, action.suits);
            await performAll(context, action.doing, chosen, async (summary) => {
              if (action.ends) {
                await context.terminals.closeShells(summary.id);
              }
              await action.perform(summary);
            });
          },
        },
      ]),
    ),
    'terrarium.sendSignal': { doing: l10n.t('Send signal'), run: (first) => sendSignal(context, first) },
    'terrarium.killProcess': { doing: l10n.t('Kill process'), run: (first) => killProcess(context, first) },
    'terrarium.rename': { doing: l10n.t('Rename'), run: (first) => rename(context, first) },
    'terrarium.remove': { doing: l10n.t('Remove'), run: (first, selection) => remove(context, first, selection) },
  };
}

/** Seconds between the signal of a stop and SIGKILL, from the settings. */
function graceSeconds(): number {
  return workspace.getConfiguration('terrarium').get<number>('stopGraceSeconds', 10);
}

/** Does the same to several containers at once; what fails is told in one notification. */
async function performAll(
  context: CommandContext,
  doing: string,
  chosen: readonly ContainerSummary[],
  perform: (summary: ContainerSummary) => Promise<unknown>,
): Promise<void> {
  const failures: Failure[] = [];
  await inView(() =>
    Promise.all(
      chosen.map((summary) =>
        perform(summary).catch((error: unknown) => {
          failures.push({ doing: `${doing} ${summary.name}`, error });
        }),
      ),
    ),
  );
  context.notifier.showAll(failures);
}

async function sendSignal(context: CommandContext, first: unknown): Promise<void> {
  const process = nodeOf('process', first)?.process;
  const summary = await target(context.store, { first, selection: undefined }, l10n.t('Send signal to'), isLive);
  if (!summary) {
    return;
  }
  const picked = await window.showQuickPick(signalPicks, {
    title: process
      ? l10n.t('Signal for process {0} in {1}', process.innerPid, summary.name)
      : l10n.t('Signal for {0}', summary.name),
    matchOnDescription: true,
  });
  if (picked) {
    await context.helper.request(KillContainer, {
      container: summary.id,
      signal: picked.label,
      ...(process ? { pid: process.identity.pid } : {}),
    });
  }
}

async function killProcess(context: CommandContext, first: unknown): Promise<void> {
  const node = nodeOf('process', first);
  if (node?.container !== undefined) {
    await context.helper.request(KillContainer, { container: node.container, pid: node.process.identity.pid });
  }
}

async function rename(context: CommandContext, first: unknown): Promise<void> {
  const summary = await target(context.store, { first, selection: undefined }, l10n.t('Rename'));
  if (!summary) {
    return;
  }
  const taken = context.store.known.filter(({ id }) => id !== summary.id).map(({ name }) => name);
  const name = await window.showInputBox({
    title: l10n.t('Rename {0}', summary.name),
    value: summary.name,
    prompt: l10n.t('New name of the container'),
    validateInput: (text) => containerNameProblem(text.trim(), taken),
  });
  if (name !== undefined && name.trim() !== summary.name) {
    await context.helper.request(RenameContainer, { container: summary.id, name: name.trim() });
  }
}

async function remove(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const chosen = await targets(context.store, { first, selection }, l10n.t('Remove'));
  const [only, ...others] = chosen;
  if (!only) {
    return;
  }
  const running = chosen.filter(isLive);
  const question =
    others.length === 0 ? l10n.t('Remove container {0}?', only.name) : l10n.t('Remove {0} containers?', chosen.length);
  const detail = [
    others.length === 0 ? undefined : chosen.map(({ name }) => name).join(', '),
    running.length === 0
      ? undefined
      : chosen.length === 1
        ? l10n.t('It is running and will be killed.')
        : l10n.t('{0} of them run and will be killed.', running.length),
    chosen.length === 1
      ? l10n.t('Everything written in it is deleted. This cannot be undone.')
      : l10n.t('Everything written in them is deleted. This cannot be undone.'),
  ];
  const button = { title: l10n.t('Remove') };
  const answer = await window.showWarningMessage(
    messageText(question),
    {
      modal: true,
      detail: detail
        .filter((line) => line !== undefined)
        .map((line) => messageText(line))
        .join('\n'),
    },
    button,
  );
  if (answer === button) {
    await performAll(context, l10n.t('Remove'), chosen, async (summary) => {
      await context.terminals.closeShells(summary.id);
      await context.helper.request(RemoveContainer, { container: summary.id, force: isLive(summary) });
    });
  }
}
