import { l10n, window } from 'vscode';
import {
  type BootstrapTool,
  type BuildExtra,
  BuildImage,
  type BuildResult,
  FindBootstrapTools,
  ListImages,
  ListPrograms,
} from '../../../helper/protocol/index.js';
import { runBootstrap } from '../../building/bootstrapTask.js';
import { extraChoices, programChoices, suiteChoices } from '../../building/choices.js';
import { manyStep, mapResult, runSteps, type StepResult, textStep } from '../../flows/multiStep.js';
import { withImageProgress } from '../../images/imageProgress.js';
import { freeName, imageNameProblem, proposedImageName } from '../../text/names.js';
import { iconSafeText } from '../../text/untrusted.js';
import type { CommandContext } from '../context.js';

interface BuildAnswers {
  programs: string[];
  extras: BuildExtra[];
  name: string;
}

/** Asks for programs, extras and a name, and makes an image of them. Undefined when the person left. */
export async function buildImage(context: CommandContext): Promise<BuildResult | undefined> {
  const [programs, images] = await Promise.all([
    context.helper.request(ListPrograms),
    context.helper.request(ListImages),
  ]);
  const taken = images.map(({ name }) => name);
  const title = l10n.t('Build an Image from This Machine’s Programs');
  const defaults: BuildAnswers = { programs: [], extras: ['accounts', 'terminfo'], name: '' };
  const choices = programChoices(programs);
  const answers = await runSteps(defaults, [
    async (current, step, totalSteps): Promise<StepResult<BuildAnswers>> => {
      const ticked = new Set(current.programs);
      const result = await manyStep(
        { title, step, totalSteps },
        l10n.t('Which programs? Each brings its loader, libraries and interpreter.'),
        choices,
        (path) => ticked.has(path),
      );
      return result.kind === 'answer' && result.value.length === 0
        ? { kind: 'cancelled' }
        : mapResult(result, (chosen) => ({ ...current, programs: chosen }));
    },
    async (current, step, totalSteps) =>
      mapResult(
        await manyStep({ title, step, totalSteps }, l10n.t('What else do they need?'), extraChoices, (extra) =>
          current.extras.includes(extra),
        ),
        (extras) => ({ ...current, extras }),
      ),
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Name of the image'), {
          value: current.name || freeName(proposedImageName(current.programs[0] ?? ''), taken),
          problem: (text) => imageNameProblem(text.trim(), taken),
        }),
        (name) => ({ ...current, name: name.trim() }),
      ),
  ]);
  return (
    answers &&
    withImageProgress(context.helper, l10n.t('Building {0}', answers.name), (progress, cancellation) =>
      context.helper.request(BuildImage, { ...answers, progress }, cancellation),
    )
  );
}

interface BootstrapAnswers {
  suite: string;
  packages: string;
  mirror: string;
  name: string;
}

/**
 * Asks for a distribution and installs it into a new image, in a terminal that shows what the tool does.
 * @returns the image's name, or undefined when the person left or the tool failed, which the terminal shows.
 */
export async function bootstrapImage(context: CommandContext): Promise<string | undefined> {
  const tools = await context.helper.request(FindBootstrapTools);
  if (!tools.some(({ path }) => path !== undefined)) {
    await offerInstallation(tools);
    return undefined;
  }
  const taken = (await context.helper.request(ListImages)).map(({ name }) => name);
  const title = l10n.t('Bootstrap a Distribution');
  const defaults: BootstrapAnswers = { suite: 'bookworm', packages: '', mirror: '', name: '' };
  const answers = await runSteps(defaults, [
    async (current, step, totalSteps) =>
      mapResult(
        await textStep(
          { title, step, totalSteps },
          l10n.t(
            'Which suite? {0}',
            suiteChoices.map(({ label, description }) => `${label} (${description ?? ''})`).join(', '),
          ),
          { value: current.suite, problem: suiteProblem },
        ),
        (suite) => ({ ...current, suite: suite.trim() }),
      ),
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Packages beside the minimal ones, separated by spaces'), {
          value: current.packages,
          placeholder: l10n.t('for instance: python3 curl'),
          problem: packagesProblem,
        }),
        (packages) => ({ ...current, packages }),
      ),
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Mirror. Empty: the tool’s own choice.'), {
          value: current.mirror,
          placeholder: 'https://deb.example/debian',
          problem: (text) =>
            text.trim() === '' || /^(https?|file):\/\/\S+$/.test(text.trim())
              ? undefined
              : l10n.t('A URL that begins with https://, http:// or file://'),
        }),
        (mirror) => ({ ...current, mirror: mirror.trim() }),
      ),
    async (current, step, totalSteps) =>
      mapResult(
        await textStep({ title, step, totalSteps }, l10n.t('Name of the image'), {
          value: current.name || freeName(proposedImageName(current.suite), taken),
          problem: (text) => imageNameProblem(text.trim(), taken),
        }),
        (name) => ({ ...current, name: name.trim() }),
      ),
  ]);
  if (!answers) {
    return undefined;
  }
  const code = await runBootstrap(context.extension, {
    ...answers,
    packages: answers.packages.split(/[\s,]+/).filter((name) => name !== ''),
  });
  return code === 0 ? answers.name : undefined;
}

/** debootstrap takes the suite for the name of a script: no slash, no leading dash. */
function suiteProblem(text: string): string | undefined {
  return /^[a-z0-9][a-z0-9.-]*$/.test(text.trim())
    ? undefined
    : l10n.t('The name of a suite: small letters, digits, "." and "-".');
}

function packagesProblem(text: string): string | undefined {
  const wrong = text.split(/[\s,]+/).find((name) => name !== '' && !/^[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?$/.test(name));
  return wrong === undefined ? undefined : l10n.t('{0} is no name of a package.', wrong);
}

async function offerInstallation(tools: readonly BootstrapTool[]): Promise<void> {
  const command = tools.find((tool) => tool.command !== undefined)?.command;
  const open = { title: l10n.t('Type It in a Terminal') };
  const answer = await window.showInformationMessage(
    command === undefined
      ? l10n.t('Neither mmdebstrap nor debootstrap is installed.')
      : l10n.t('Neither mmdebstrap nor debootstrap is installed. To install one: {0}', command),
    ...(command === undefined ? [] : [open]),
  );
  if (answer === open && command !== undefined) {
    const terminal = window.createTerminal({ name: iconSafeText(l10n.t('Install'), 40) });
    terminal.show();
    // Typed, not run: it needs the administrator's password, and the person decides.
    terminal.sendText(command, false);
  }
}
