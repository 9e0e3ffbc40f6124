import { isDeepStrictEqual } from 'node:util';
import { commands, l10n } from 'vscode';
import {
  type ContainerSpecification,
  type GroupSummary,
  ListGroups,
  ListImages,
  ListMachineNamespaces,
  ListNetworks,
  type PodSummary,
  RunContainer,
} from '../../helper/protocol/index.js';
import { type CreationAnswers, limitChoices, networkChoices, specificationOf } from '../flows/creationChoices.js';
import { groupChoices } from '../flows/groupPicks.js';
import {
  mapResult,
  pickStep,
  runSteps,
  type StepPosition,
  type StepResult,
  soleStep,
  textStep,
} from '../flows/multiStep.js';
import { namespaceStep } from '../flows/namespaceSteps.js';
import { privilegeStep } from '../flows/privilegeStep.js';
import { rootChoices } from '../flows/rootChoices.js';
import { networkStep } from '../networks/networkCommands.js';
import type { PodStore } from '../pods/podStore.js';
import { placeChoices } from '../pods/podText.js';
import { containerNameProblem, groupNameProblem } from '../text/names.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import { inView } from './progress.js';
import type { Handler } from './register.js';
import { rootOf } from './rootOf.js';

/** Commands that make new containers. */
export function launchCommands(
  context: CommandContext,
  pods: PodStore,
): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.launch': { doing: l10n.t('Launch a container'), run: () => launch(context) },
    'terrarium.create': { doing: l10n.t('Create a container'), run: (first) => create(context, pods, first) },
    'terrarium.launchImage': {
      doing: l10n.t('Launch a container'),
      run: async (node) => {
        const name = nodeOf('image', node)?.image.name;
        if (name === undefined) {
          await launch(context);
        } else {
          await runAndAttach(context, { root: { kind: 'image', name }, args: [] });
        }
      },
    },
  };
}

/** One question, answered by Enter: which root. Then a container runs and a terminal in it is open. */
async function launch(context: CommandContext): Promise<void> {
  const images = await context.helper.request(ListImages);
  const result = await pickStep(
    soleStep(l10n.t('Launch a Container')),
    l10n.t('Which root file system?'),
    rootChoices(images, true),
  );
  if (result.kind !== 'answer') {
    return;
  }
  if (result.value.kind === 'specification') {
    await commands.executeCommand('terrarium.newSpecification');
    return;
  }
  const root = await rootOf(context, result.value);
  if (root) {
    await runAndAttach(context, { root, args: [] });
  }
}

/**
 * Whether it is to be in a pod: asked only when there are some, and the command was not called for one. Undefined when the
 * person left.
 */
async function askPlace(
  pods: readonly PodSummary[],
  called: unknown,
): Promise<Pick<CreationAnswers, 'pod'> | undefined> {
  const named = typeof called === 'object' && called !== null && 'pod' in called ? called.pod : undefined;
  const pod = pods.find(({ name }) => name === named);
  if (pod !== undefined || pods.length === 0) return { pod };
  const title = soleStep(l10n.t('Create a Container'));
  const result = await pickStep(title, l10n.t('By itself, or in a pod?'), placeChoices(pods));
  if (result.kind !== 'answer') return undefined;
  const { value } = result;
  return { pod: value.kind === 'pod' ? pods.find(({ name }) => name === value.pod) : undefined };
}

/** Eight questions with a default each, and a way back. */
async function create(context: CommandContext, pods: PodStore, called: unknown): Promise<void> {
  const place = await askPlace(await pods.list(), called);
  if (!place) return;
  const { pod } = place;
  const images = await context.helper.request(ListImages);
  const containers = await context.store.list();
  const groups = await context.helper.request(ListGroups);
  const title = l10n.t('Create a Container');
  const defaults: CreationAnswers = {
    root: { kind: 'host' },
    command: '',
    network: { kind: 'none' },
    namespaces: {},
    resources: undefined,
    group: undefined,
    privileges: {},
    pod,
    name: '',
  };
  const answers = await runSteps(defaults, [
    async (current, step, totalSteps): Promise<StepResult<CreationAnswers>> => {
      const result = await pickStep(
        { title, step, totalSteps },
        l10n.t('Which root file system?'),
        rootChoices(images, false),
        (choice) => choice.kind === 'root' && isDeepStrictEqual(choice.root, current.root),
      );
      if (result.kind !== 'answer') {
        return result;
      }
      const root = await rootOf(context, result.value);
      return root ? { kind: 'answer', value: { ...current, root } } : { kind: 'cancelled' };
    },
    async (current, step, totalSteps) =>
      mapResult(
        await textStep(
          { title, step, totalSteps },
          l10n.t('What to run in it. Empty: it stays up until it is stopped, for shells to enter.'),
          { value: current.command, placeholder: l10n.t('for instance: python3 -m http.server') },
        ),
        (command) => ({ ...current, command }),
      ),
    async (current, step, totalSteps) =>
      pod?.shares.includes('network')
        ? 'skip'
        : mapResult(
            await networkStep(
              context.helper,
              { title, step, totalSteps },
              networkChoices(containers, await context.helper.request(ListNetworks)),
              (network) => isDeepStrictEqual(network, current.network),
            ),
            (network) => ({ ...current, network }),
          ),
    async (current, step, totalSteps) =>
      // Most of them are the pod's to say, and the helper says so of the others.
      pod !== undefined
        ? 'skip'
        : mapResult(
            await namespaceStep({ title, step, totalSteps }, current.namespaces, {
              containers,
              report: () => context.helper.request(ListMachineNamespaces),
            }),
            (namespaces) => ({ ...current, namespaces }),
          ),
    async (current, step, totalSteps) =>
      mapResult(
        await pickStep(
          { title, step, totalSteps },
          l10n.t('How much may it use? Each limit can be changed while it runs.'),
          limitChoices(),
          (limits) => isDeepStrictEqual(limits, current.resources ?? 'none'),
        ),
        (limits) => ({ ...current, resources: limits === 'none' ? undefined : limits }),
      ),
    async (current, step, totalSteps) =>
      pod !== undefined
        ? 'skip'
        : mapResult(await groupStep({ title, step, totalSteps }, groups, current.group), (group) => ({
            ...current,
            group: group === '' ? undefined : group,
          })),
    async (current, step, totalSteps) =>
      mapResult(await privilegeStep({ title, step, totalSteps }, current.privileges), (privileges) => ({
        ...current,
        privileges,
      })),
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Its name. Empty: one is made up.'), {
          value: current.name,
          placeholder: l10n.t('for instance: web'),
          problem: (text) =>
            text.trim() === ''
              ? undefined
              : containerNameProblem(
                  text.trim(),
                  context.store.known.map(({ name }) => name),
                ),
        }),
        (name) => ({ ...current, name }),
      ),
  ]);
  if (answers) {
    await runAndAttach(context, specificationOf(answers));
  }
}

/** Which group it is in, a new one by name; empty for none. Back from the name of a new one leads to the list. */
async function groupStep(
  position: StepPosition,
  groups: readonly GroupSummary[],
  current: string | undefined,
): Promise<StepResult<string>> {
  for (;;) {
    const result = await pickStep(
      position,
      l10n.t('Does it have limits together with others?'),
      groupChoices(groups),
      (choice) => choice.kind === 'group' && choice.name === current,
    );
    if (result.kind !== 'answer' || result.value.kind !== 'new') {
      return mapResult(result, (choice) => (choice.kind === 'group' ? choice.name : ''));
    }
    const named = await textStep(position, l10n.t('The name of the new group.'), {
      placeholder: l10n.t('for instance: lab'),
      problem: (text) => groupNameProblem(text),
    });
    if (named.kind !== 'back') {
      return named;
    }
  }
}

/** Starts a container and opens a terminal in it. Nothing is left behind when the start fails. */
export async function runAndAttach(context: CommandContext, specification: ContainerSpecification): Promise<void> {
  const started = await inView(() => context.helper.request(RunContainer, { specification }));
  await Promise.all([context.attacher.attachStarted(started), context.containers.reveal(started.summary.id)]);
}
