import { l10n, Uri, window, workspace } from 'vscode';
import { AddMount, type ContainerSummary, ListVolumes } from '../../helper/protocol/index.js';
import { inView } from '../commands/progress.js';
import { manyStep, pickStep, runSteps, type StepPosition, type StepResult, textStep } from '../flows/multiStep.js';
import type { HelperClient } from '../helperClient.js';
import { realPlaces, resolveLinks } from '../specification/launchSpecification.js';
import { groupNameProblem } from '../text/names.js';
import { messageText, plainText } from '../text/untrusted.js';
import {
  destinationProblem,
  type MountChoice,
  type MountSource,
  misgivings,
  mountOf,
  sizeProblem,
  sourceText,
  usualDestination,
} from './mountText.js';

interface Answers {
  source: MountSource;
  destination: string;
  choices: readonly MountChoice[];
}

/**
 * Asks what to mount in a running container, unless that is known, then where and how, and mounts it. False when the
 * person left. Rejects as the request does.
 */
export async function mountIn(helper: HelperClient, summary: ContainerSummary, known?: MountSource): Promise<boolean> {
  const answers = await askMount(helper, summary, known);
  if (!answers) return false;
  const { source, destination, choices } = answers;
  if (!(await isAgreed(source, summary, !choices.includes('ro')))) return false;
  await inView(() =>
    helper.request(AddMount, {
      container: summary.id,
      mount: mountOf(source, destination, choices),
      keep: choices.includes('keep'),
    }),
  );
  return true;
}

async function askMount(
  helper: HelperClient,
  summary: ContainerSummary,
  known: MountSource | undefined,
): Promise<Answers | undefined> {
  const name = plainText(summary.name, 64);
  const title = known
    ? l10n.t('Mount {0} in {1}', plainText(sourceText(known), 64), name)
    : l10n.t('Mount in {0}', name);
  const nothing: Answers = { source: known ?? { kind: 'tmpfs', size: '' }, destination: '', choices: [] };
  const where = async (answers: Answers, step: number, totalSteps: number): Promise<StepResult<Answers>> => {
    const result = await textStep({ title, step, totalSteps }, l10n.t('Where it appears in the container'), {
      value: usualDestination(answers.source),
      problem: destinationProblem,
    });
    return result.kind === 'answer' ? { kind: 'answer', value: { ...answers, destination: result.value } } : result;
  };
  const how = async (answers: Answers, step: number, totalSteps: number): Promise<StepResult<Answers>> => {
    const result = await manyStep<MountChoice>(
      { title, step, totalSteps },
      l10n.t('How, and for how long'),
      [
        { choice: 'ro', label: l10n.t('Read-only'), description: 'ro' },
        { choice: 'noexec', label: l10n.t('No programs'), description: 'noexec' },
        { choice: 'keep', label: l10n.t('For later starts too'), description: l10n.t('else until it ends') },
      ],
      (choice) => choice === 'ro' && answers.source.kind === 'host',
    );
    return result.kind === 'answer' ? { kind: 'answer', value: { ...answers, choices: result.value } } : result;
  };
  if (known) return runSteps<Answers>(nothing, [where, how]);
  return runSteps<Answers>(nothing, [
    (answers, step, totalSteps) => askSource(helper, answers, { title, step, totalSteps }),
    where,
    how,
  ]);
}

type SourceKind = 'folder' | 'file' | 'volume' | 'tmpfs';

async function askSource(helper: HelperClient, answers: Answers, position: StepPosition): Promise<StepResult<Answers>> {
  const kind = await pickStep<SourceKind>(position, l10n.t('What to mount'), [
    { choice: 'folder', label: l10n.t('$(folder) Folder of This Machine…') },
    { choice: 'file', label: l10n.t('$(file) File of This Machine…') },
    { choice: 'volume', label: l10n.t('$(database) Volume…'), description: l10n.t('a folder kept by name') },
    { choice: 'tmpfs', label: l10n.t('$(zap) Memory'), description: l10n.t('a tmpfs: empty, gone with it') },
  ]);
  if (kind.kind !== 'answer') return kind;
  const answered = (source: MountSource): StepResult<Answers> => ({ kind: 'answer', value: { ...answers, source } });
  switch (kind.value) {
    case 'folder':
    case 'file': {
      const isFolder = kind.value === 'folder';
      const folder = workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
      const [chosen] =
        (await window.showOpenDialog({
          title: position.title,
          openLabel: l10n.t('Mount'),
          canSelectFolders: isFolder,
          canSelectFiles: !isFolder,
          defaultUri: folder?.uri ?? Uri.file('/'),
        })) ?? [];
      return chosen ? answered({ kind: 'host', path: await realSource(chosen) }) : { kind: 'cancelled' };
    }
    case 'volume': {
      const known = (await helper.request(ListVolumes)).map(({ name }) => name);
      const result = await textStep(position, l10n.t('Name of the volume; a new one is made'), {
        ...(known[0] === undefined ? {} : { value: known[0] }),
        placeholder: 'data',
        problem: (text) => groupNameProblem(text),
      });
      return result.kind === 'answer' ? answered({ kind: 'volume', name: result.value }) : result;
    }
    case 'tmpfs': {
      const result = await textStep(position, l10n.t('How large it may become; empty: half of the memory'), {
        value: '64m',
        problem: sizeProblem,
      });
      return result.kind === 'answer' ? answered({ kind: 'tmpfs', size: result.value }) : result;
    }
  }
}

/** By its real path: what was judged is what is mounted. */
export async function realSource(uri: Uri): Promise<string> {
  return (await resolveLinks(uri.fsPath)) ?? uri.fsPath;
}

/** Asks when a container is to get what it had better not. */
async function isAgreed(source: MountSource, summary: ContainerSummary, writable: boolean): Promise<boolean> {
  if (source.kind !== 'host') return true;
  const reasons = await readMisgivings(source.path, writable);
  if (reasons.length === 0) return true;
  const mount = { title: l10n.t('Mount') };
  const answer = await window.showWarningMessage(
    l10n.t('Mount {0} in {1}?', messageText(source.path), messageText(summary.name)),
    { modal: true, detail: reasons.map((reason) => `• ${plainText(reason, 400)}`).join('\n') },
    mount,
  );
  return answer === mount;
}

/** What speaks against it, with the folders of this workspace. */
async function readMisgivings(place: string, writable: boolean): Promise<string[]> {
  const open = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const folders = await Promise.all(open.map(({ uri }) => realSource(uri)));
  return misgivings(place, { folders, kept: await realPlaces(), writable });
}
