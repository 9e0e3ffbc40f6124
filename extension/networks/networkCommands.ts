import { l10n, window } from 'vscode';
import {
  CreateNetwork,
  type CreateNetworkParams,
  ListNetworks,
  type NetworkChoice,
  type NetworkSummary,
  type OutboundChoice,
  ReconnectNetwork,
  RemoveNetwork,
} from '../../helper/protocol/index.js';
import { nodeOf } from '../commands/arguments.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { mapResult, pickStep, runSteps, type StepPosition, type StepResult, textStep } from '../flows/multiStep.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import type { HelperClient } from '../helperClient.js';
import { groupNameProblem } from '../text/names.js';
import { iconSafeText, messageText } from '../text/untrusted.js';
import type { NetworksView } from './networksView.js';

/** Commands about named networks. */
export function networkCommands(
  view: NetworksView,
  helper: HelperClient,
): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.refreshNetworks': { doing: l10n.t('Refresh'), run: () => view.refresh() },
    'terrarium.createNetwork': {
      doing: l10n.t('Create network'),
      run: async () => {
        const title = l10n.t('New Network');
        const answers = await runSteps<CreateNetworkParams>({ name: '', outbound: 'none' }, [
          async (params, step, totalSteps) =>
            mapResult(await askName(helper, { title, step, totalSteps }, params.name), (name) => ({ ...params, name })),
          async (params, step, totalSteps) =>
            mapResult(
              await pickStep<OutboundChoice>(
                { title, step, totalSteps },
                l10n.t('What do its containers reach?'),
                outboundChoices(),
                (outbound) => outbound === params.outbound,
              ),
              (outbound) => ({ ...params, outbound }),
            ),
        ]);
        if (!answers) return;
        const { subnet } = await inView(() => helper.request(CreateNetwork, answers), 'terrarium.networks');
        window.setStatusBarMessage(l10n.t('The network {0} is {1}', answers.name, subnet), 5000);
      },
    },
    'terrarium.reconnectNetwork': {
      doing: l10n.t('Reconnect network'),
      run: async (first) => {
        const title = l10n.t('Reconnect Network');
        const hasWayOut = ({ outbound, live }: NetworkSummary) => live && outbound !== 'none';
        const network = nodeOf('network', first)?.network ?? (await pickNetwork(helper, title, hasWayOut));
        if (!network) return;
        const { program } = await inView(
          () => helper.request(ReconnectNetwork, { network: network.name }),
          'terrarium.networks',
        );
        window.setStatusBarMessage(l10n.t('The network {0} leads out by {1}', network.name, program), 5000);
      },
    },
    'terrarium.removeNetwork': {
      doing: l10n.t('Remove network'),
      run: async (first) => {
        const network = nodeOf('network', first)?.network ?? (await pickNetwork(helper, l10n.t('Remove Network')));
        if (network && (await isAgreed(network))) {
          await inView(() => helper.request(RemoveNetwork, { network: network.name }), 'terrarium.networks');
        }
      },
    },
  };
}

async function pickNetwork(
  helper: HelperClient,
  title: string,
  suits: (network: NetworkSummary) => boolean = () => true,
): Promise<NetworkSummary | undefined> {
  const networks = (await helper.request(ListNetworks)).filter(suits);
  if (networks.length === 0) throw new Error(l10n.t('There is no network for this.'));
  const picks = networks.map((network) => ({
    label: iconSafeText(network.name, 64),
    description: network.subnet,
    network,
  }));
  return (await window.showQuickPick(picks, { title }))?.network;
}

/** One that nothing was made to be in can be made again as it was; containers that were cannot start without it. */
async function isAgreed({ name, containers }: NetworkSummary): Promise<boolean> {
  if (containers.length === 0) return true;
  const remove = { title: l10n.t('Remove') };
  const answer = await window.showWarningMessage(
    l10n.t('Remove the network {0}?', messageText(name)),
    {
      modal: true,
      detail:
        containers.length === 1
          ? l10n.t('One container was made to be in it, and will not start without it.')
          : l10n.t('{0} containers were made to be in it, and will not start without it.', containers.length),
    },
    remove,
  );
  return answer === remove;
}

function outboundChoices(): ChoiceItem<OutboundChoice>[] {
  return [
    {
      choice: 'none',
      label: l10n.t('$(lock) Each Other'),
      description: l10n.t('by name; nothing else, and nothing reaches them'),
    },
    {
      choice: 'auto',
      label: l10n.t('$(cloud) Each Other, and What This Machine Reaches'),
      description: l10n.t('by pasta, else slirp4netns'),
    },
  ];
}

async function askName(helper: HelperClient, position: StepPosition, value = ''): Promise<StepResult<string>> {
  const taken = (await helper.request(ListNetworks)).map(({ name }) => name);
  return textStep(position, l10n.t('The name of the new network. It gets a subnet that nothing here uses.'), {
    value,
    placeholder: l10n.t('for instance: lab'),
    problem: (text) =>
      groupNameProblem(text) ?? (taken.includes(text) ? l10n.t('There already is a network of this name.') : undefined),
  });
}

type NewNetwork = { kind: 'new' };
type NamedNetwork = Extract<NetworkChoice, { kind: 'bridge' }>;

/** Which network a new container or pod sees; a new one is made at once. Back from its name leads to the list. */
export async function networkStep<T extends NetworkChoice>(
  helper: HelperClient,
  position: StepPosition,
  choices: readonly ChoiceItem<T | NewNetwork>[],
  active: (choice: T | NewNetwork) => boolean,
): Promise<StepResult<T | NamedNetwork>> {
  for (;;) {
    const result = await pickStep(position, l10n.t('Which network does it see?'), choices, active);
    if (result.kind !== 'answer') return result;
    const { value } = result;
    if (value.kind !== 'new') return { kind: 'answer', value };
    const named = await askName(helper, position);
    if (named.kind === 'back') continue;
    if (named.kind === 'answer') await helper.request(CreateNetwork, { name: named.value });
    return mapResult(named, (network) => ({ kind: 'bridge', network }));
  }
}
