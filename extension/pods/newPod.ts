import { isDeepStrictEqual } from 'node:util';
import { l10n } from 'vscode';
import { CreatePod, ListNetworks, type PodSummary } from '../../helper/protocol/index.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import { ownNetworkChoices } from '../flows/creationChoices.js';
import { manyStep, mapResult, runSteps, textStep } from '../flows/multiStep.js';
import { networkStep } from '../networks/networkCommands.js';
import { parsePortMappings } from '../networks/portText.js';
import { groupNameProblem, hostnameProblem } from '../text/names.js';
import { canPublish, type PodAnswers, podOf, shareChoices } from './podChoices.js';

/** Its name, and four questions that Enter answers. Of what is not shared nothing is asked. Undefined when it is given up. */
export async function newPod({ helper }: CommandContext): Promise<PodSummary | undefined> {
  const title = l10n.t('New Pod');
  const defaults: PodAnswers = {
    name: '',
    shares: ['network', 'ipc', 'uts'],
    network: { kind: 'none' },
    ports: '',
    hostname: '',
  };
  const answers = await runSteps(defaults, [
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Its name, and that of the group for its limits'), {
          value: current.name,
          placeholder: l10n.t('for instance: web'),
          problem: groupNameProblem,
        }),
        (name) => ({ ...current, name }),
      ),
    async (current, step, totalSteps) =>
      mapResult(
        await manyStep({ title, step, totalSteps }, l10n.t('What do its containers share?'), shareChoices(), (type) =>
          current.shares.includes(type),
        ),
        (shares) => ({ ...current, shares }),
      ),
    async (current, step, totalSteps) =>
      !current.shares.includes('network')
        ? 'skip'
        : mapResult(
            await networkStep(
              helper,
              { title, step, totalSteps },
              ownNetworkChoices(await helper.request(ListNetworks)),
              (network) => isDeepStrictEqual(network, current.network),
            ),
            (network) => ({ ...current, network }),
          ),
    async (current, step, totalSteps) =>
      !canPublish(current)
        ? 'skip'
        : mapResult(
            await textStep(
              { title, step, totalSteps },
              l10n.t(
                'Ports of this machine that lead to ports of the pod, with /udp for that protocol. Others reach them only with an address before it, as 0.0.0.0:8080:80. Empty: none.',
              ),
              { value: current.ports, placeholder: l10n.t('for instance: 8080:80 5353:53/udp'), problem: portsProblem },
            ),
            (ports) => ({ ...current, ports }),
          ),
    async (current, step, totalSteps) =>
      !current.shares.includes('uts')
        ? 'skip'
        : mapResult(
            await textStep(
              { title, step, totalSteps },
              l10n.t('The host name of its containers. Empty: its own name.'),
              {
                value: current.hostname,
                placeholder: l10n.t('for instance: web'),
                problem: (text) => (text.trim() === '' ? undefined : hostnameProblem(text.trim())),
              },
            ),
            (hostname) => ({ ...current, hostname }),
          ),
  ]);
  return answers && inView(() => helper.request(CreatePod, podOf(answers)));
}

const portsProblem = (text: string): string | undefined =>
  parsePortMappings(text)
    ? undefined
    : l10n.t('HOST-PORT:CONTAINER-PORT, with /udp after it where that is meant, and spaces between several.');
