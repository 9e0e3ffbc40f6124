import { type ExtensionContext, l10n, window } from 'vscode';
import {
  EnterProcess,
  ExecInContainer,
  type ExecSession,
  type ExecSpecification,
  type ProcessTarget,
} from '../../helper/protocol/index.js';
import { inView } from '../commands/progress.js';
import { type Handler, registerCommands } from '../commands/register.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { type Chosen, chosenBy, pickTarget, typePid } from '../namespaces/commands.js';
import type { Terminals } from '../terminal/terminals.js';
import { messageText } from '../text/untrusted.js';
import { askHowToEnter } from './enterFlow.js';

interface Around {
  helper: HelperClient;
  store: ContainerStore;
  terminals: Terminals;
  notifier: Notifier;
}

/** Registers the ways into any process, of a container or not. */
export function registerEntering(extension: ExtensionContext, around: Around): void {
  extension.subscriptions.push(...registerCommands(around.notifier, enterCommands(around), {}));
}

function enterCommands(around: Around): Record<string, { doing: string; run: Handler }> {
  const enterPlainly = async (chosen: Chosen | undefined) => {
    if (chosen) {
      await enter(around, chosen, { args: [], terminal: true });
    }
  };
  return {
    'terrarium.enter': {
      doing: l10n.t('Enter'),
      run: async (first) => enterPlainly(chosenBy(first) ?? (await pickTarget(around, l10n.t('Enter'), false))),
    },
    'terrarium.enterWithOptions': {
      doing: l10n.t('Enter'),
      run: async (first) => {
        const chosen = chosenBy(first) ?? (await pickTarget(around, l10n.t('Enter'), false));
        const asked = chosen && (await askHowToEnter(around.helper, chosen.name));
        if (chosen && asked) {
          await enter(around, chosen, asked);
        }
      },
    },
    'terrarium.enterByPid': {
      doing: l10n.t('Enter'),
      run: async () => enterPlainly(await typePid(l10n.t('Enter by PID'))),
    },
  };
}

/** Starts it, opens its terminal, and says what it has not in common with those there. */
async function enter({ helper, terminals }: Around, { target, name }: Chosen, asked: ExecSpecification): Promise<void> {
  await inView(async () => {
    const session = await request(helper, target, asked);
    await terminals.open({
      ...(session.container === undefined ? {} : { container: session.container }),
      use: 'entered',
      target: session.attach,
      pid: session.identity.pid,
      startTime: session.identity.startTime,
      title: name,
    });
    if (session.notices !== undefined) {
      // Nobody waits for it to be read.
      void window.showInformationMessage(messageText(session.notices.join(' ')));
    }
  });
}

function request(helper: HelperClient, target: ProcessTarget, asked: ExecSpecification): Promise<ExecSession> {
  if ('container' in target) {
    return helper.request(ExecInContainer, { container: target.container, process: asked });
  }
  if ('host' in target) {
    throw new Error(l10n.t('You are on this machine already.'));
  }
  return helper.request(EnterProcess, { process: target, ...asked });
}
