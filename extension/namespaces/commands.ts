import { env, l10n, window } from 'vscode';
import { ListMachineNamespaces, type ProcessIdentity, type ProcessTarget } from '../../helper/protocol/index.js';
import { nodeOf } from '../commands/arguments.js';
import type { Handler } from '../commands/register.js';
import { containerArgument } from '../containers/chooseContainer.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import type { NamespacesView } from './namespacesView.js';
import type { ProcessDocuments } from './processDocuments.js';
import { pidProblem, processPicks } from './processPicks.js';

/** A process or container that something is done to, with its name for titles. */
export interface Chosen {
  target: ProcessTarget;
  name: string;
}

/** Commands that look at namespaces and at any process. */
export function namespaceCommands(
  view: NamespacesView,
  documents: ProcessDocuments,
  around: { helper: HelperClient; store: ContainerStore },
): Record<string, { doing: string; run: Handler }> {
  /** On the process that it is called on, else on one that the person picks. */
  const onProcess =
    (question: string, show: (target: ProcessTarget, name: string) => Promise<void>): Handler =>
    async (first) => {
      const chosen = processOf(first) ?? (await pickTarget(around, question, false));
      if (chosen) {
        await show(chosen.target, chosen.name);
      }
    };
  return {
    'terrarium.refreshNamespaces': { doing: l10n.t('Refresh'), run: () => view.refresh() },
    'terrarium.namespacesByOwner': { doing: l10n.t('Arrange by owner'), run: () => view.arrange('owner') },
    'terrarium.namespacesByType': { doing: l10n.t('Arrange by type'), run: () => view.arrange('type') },
    'terrarium.copyInode': {
      doing: l10n.t('Copy inode'),
      run: async (first) => {
        const inode = nodeOf('namespace', first)?.namespace.inode;
        if (inode !== undefined) {
          await env.clipboard.writeText(String(inode));
          window.setStatusBarMessage(l10n.t('Copied {0}', inode), 3000);
        }
      },
    },
    'terrarium.inspectProcess': {
      doing: l10n.t('Inspect process'),
      run: onProcess(l10n.t('Inspect process'), (target, name) => documents.showInspection(target, name)),
    },
    'terrarium.showEnvironment': {
      doing: l10n.t('Show environment'),
      run: onProcess(l10n.t('Show the environment of'), (target, name) => documents.showEnvironment(target, name)),
    },
    'terrarium.showOpenFiles': {
      doing: l10n.t('Show open files'),
      run: onProcess(l10n.t('Show the open files of'), (target, name) => documents.showOpenFiles(target, name)),
    },
    'terrarium.compareWith': {
      doing: l10n.t('Compare'),
      run: async (first) => {
        const a = chosenBy(first) ?? (await pickTarget(around, l10n.t('Compare'), true));
        const b = a && (await pickTarget(around, l10n.t('Compare {0} with', a.name), true));
        if (b) {
          await documents.showComparison(a.target, b.target, `${a.name}-${b.name}`);
        }
      },
    },
  };
}

/** The process or container of a tree item. */
export function chosenBy(first: unknown): Chosen | undefined {
  return processOf(first) ?? containerOf(first);
}

/** The process of a tree item, by pid and start time. */
function processOf(first: unknown): Chosen | undefined {
  const identity = nodeOf('process', first)?.process.identity;
  return identity && { target: targetOf(identity), name: `process-${identity.pid}` };
}

function targetOf({ pid, startTime }: ProcessIdentity): ProcessTarget {
  return { pid, startTime };
}

function containerOf(first: unknown): Chosen | undefined {
  const container = containerArgument(first);
  const name = nodeOf('container', first)?.summary.name;
  return container === undefined ? undefined : { target: { container }, name: name ?? container };
}

/** One that the person picks, or names by its pid. */
export async function pickTarget(
  { helper, store }: { helper: HelperClient; store: ContainerStore },
  title: string,
  withHost: boolean,
): Promise<Chosen | undefined> {
  const items = Promise.all([store.list(), helper.request(ListMachineNamespaces)]).then(([containers, { processes }]) =>
    processPicks(containers, processes, withHost),
  );
  const picked = await window.showQuickPick(items, { title, matchOnDescription: true });
  if (picked?.target !== undefined) return { target: picked.target, name: picked.name };
  return picked && typePid(title);
}

export async function typePid(title: string): Promise<Chosen | undefined> {
  const text = await window.showInputBox({ title, prompt: l10n.t('Pid of the process'), validateInput: pidProblem });
  return text === undefined ? undefined : { target: { pid: Number(text) }, name: `process-${Number(text)}` };
}
