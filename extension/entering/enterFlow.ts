import { l10n } from 'vscode';
import { type ExecSpecification, ListImages } from '../../helper/protocol/index.js';
import { manyStep, mapResult, pickStep, runSteps, type StepResult, textStep } from '../flows/multiStep.js';
import type { HelperClient } from '../helperClient.js';
import {
  capabilityChoices,
  type EnterAnswers,
  enterDefaults,
  enterSpecification,
  folderProblem,
  namespaceChoices,
  singleCapabilities,
  toolsChoices,
} from './enterChoices.js';

/** Asks how to enter. Each question can be passed by Enter. Undefined when the person left. */
export async function askHowToEnter(helper: HelperClient, name: string): Promise<ExecSpecification | undefined> {
  const images = await helper.request(ListImages);
  const title = l10n.t('Enter {0}', name);
  const answers = await runSteps<EnterAnswers>(enterDefaults, [
    async (a, step, totalSteps) =>
      mapResult(
        await manyStep({ title, step, totalSteps }, l10n.t('Which of its namespaces?'), namespaceChoices(), (type) =>
          a.namespaces.includes(type),
        ),
        (namespaces) => ({ ...a, namespaces }),
      ),
    async (a, step, totalSteps) =>
      mapResult(
        await textStep(
          { title, step, totalSteps },
          l10n.t('User: a name or uid there, with :group if wanted. Empty: the same as its own.'),
          { value: a.user, placeholder: 'root, 1000, www-data:www-data' },
        ),
        (user) => ({ ...a, user }),
      ),
    (a, step, totalSteps) => askCapabilities(a, { title, step, totalSteps }),
    async (a, step, totalSteps) =>
      mapResult(
        await pickStep({ title, step, totalSteps }, l10n.t('With whose programs?'), toolsChoices(images)),
        (choice) => ({ ...a, tools: choice.kind === 'root' ? choice.root : undefined }),
      ),
    async (a, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Folder. Empty: where its processes begin.'), {
          value: a.folder,
          placeholder: '/',
          problem: folderProblem,
        }),
        (folder) => ({ ...a, folder }),
      ),
    async (a, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Command. Empty: the best shell there is.'), {
          value: a.command,
          placeholder: '/bin/bash -l',
        }),
        (command) => ({ ...a, command }),
      ),
  ]);
  return answers && enterSpecification(answers);
}

async function askCapabilities(
  answers: EnterAnswers,
  position: { title: string; step: number; totalSteps: number },
): Promise<StepResult<EnterAnswers>> {
  const choice = await pickStep(position, l10n.t('With which capabilities?'), capabilityChoices());
  if (choice.kind !== 'answer') {
    return choice;
  }
  if (choice.value !== 'choose') {
    const capabilities = { same: undefined, none: [], all: ['ALL'] }[choice.value];
    return { kind: 'answer', value: { ...answers, capabilities } };
  }
  const chosen = await manyStep(position, l10n.t('Capabilities to have'), singleCapabilities(), (name) =>
    (answers.capabilities ?? []).includes(name),
  );
  // Back from the list leads to the question that it belongs to.
  return chosen.kind === 'back'
    ? askCapabilities(answers, position)
    : mapResult(chosen, (capabilities) => ({ ...answers, capabilities }));
}
