import { l10n, Uri, window, workspace } from 'vscode';
import {
  CreateVolume,
  ListVolumes,
  MeasureVolume,
  PruneVolumes,
  RemoveVolume,
  type VolumeSummary,
} from '../../helper/protocol/index.js';
import { calledOn, nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import type { Failure } from '../errors/notifier.js';
import { mountIn } from '../mounts/askMount.js';
import { volumeNameProblem } from '../text/names.js';
import { messageText, plainText } from '../text/untrusted.js';
import { removalDetail } from './volumeText.js';

/** Commands on volumes. */
export function volumeCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { helper, store, containers } = context;
  return {
    'terrarium.newVolume': {
      doing: l10n.t('New volume'),
      run: async () => {
        const taken = (await helper.request(ListVolumes)).map(({ name }) => name);
        const name = await window.showInputBox({
          title: l10n.t('New Volume'),
          prompt: l10n.t('A name for the folder that containers can mount'),
          placeHolder: 'data',
          validateInput: (text) => volumeNameProblem(text.trim(), taken),
        });
        if (name !== undefined) await helper.request(CreateVolume, { name: name.trim() });
      },
    },
    'terrarium.mountVolume': {
      doing: l10n.t('Mount volume'),
      run: async (first) => {
        const [volume] = await chooseVolumes(context, l10n.t('Mount which volume?'), first);
        if (!volume) return;
        const summary = await target(store, noNode, l10n.t('Mount in'), isLive);
        if (!summary) return;
        const isMounted = await mountIn(helper, summary, { kind: 'volume', name: volume.name });
        if (isMounted) containers.tree.refreshMounts(summary.id);
      },
    },
    'terrarium.openVolume': {
      doing: l10n.t('Open volume'),
      run: async (first) => {
        const [volume] = await chooseVolumes(context, l10n.t('Open which volume?'), first);
        if (volume) addWorkspaceFolder(volume);
      },
    },
    'terrarium.removeVolume': {
      doing: l10n.t('Remove volume'),
      run: (first, selection) => removeVolumes(context, first, selection),
    },
    'terrarium.pruneVolumes': { doing: l10n.t('Prune volumes'), run: () => pruneVolumes(context) },
  };
}

/** Removes volumes after a question that says what goes. */
export async function removeVolumes(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const volumes = await chooseVolumes(context, l10n.t('Remove which volume?'), first, selection);
  const [only] = volumes;
  if (!only) return;
  const question =
    volumes.length === 1 ? l10n.t('Remove volume {0}?', only.name) : l10n.t('Remove {0} volumes?', volumes.length);
  if (!(await isAgreed(context, question, volumes))) return;
  const failures: Failure[] = [];
  await inView(async () => {
    for (const { name } of volumes) {
      try {
        await context.helper.request(RemoveVolume, { name });
      } catch (error) {
        failures.push({ doing: l10n.t('Remove volume {0}', name), error });
      }
    }
  }, 'terrarium.images');
  context.notifier.showAll(failures);
}

async function pruneVolumes(context: CommandContext): Promise<void> {
  const unused = (await context.helper.request(ListVolumes)).filter(({ usedBy }) => usedBy.length === 0);
  if (unused.length === 0) {
    window.showInformationMessage(l10n.t('Every volume is used by a container.'));
    return;
  }
  if (await isAgreed(context, l10n.t('Remove the volumes that no container has?'), unused)) {
    const removed = await inView(() => context.helper.request(PruneVolumes), 'terrarium.images');
    window.setStatusBarMessage(l10n.t('Removed {0}', messageText(removed.join(', '))), 5000);
  }
}

async function isAgreed(
  { helper }: CommandContext,
  question: string,
  volumes: readonly VolumeSummary[],
): Promise<boolean> {
  // All of each is read for it.
  const sizes = await inView(
    () => Promise.all(volumes.map(({ name }) => helper.request(MeasureVolume, { name }))),
    'terrarium.images',
  );
  const sizeBytes = sizes.reduce((sum, one) => sum + one.sizeBytes, 0);
  const remove = { title: l10n.t('Remove') };
  const detail = removalDetail(volumes, sizeBytes);
  return (await window.showWarningMessage(messageText(question), { modal: true, detail }, remove)) === remove;
}

/** Called on a volume, a container is asked for. */
const noNode = { first: undefined, selection: undefined };

/** The volumes that a command was called on, or one that the person picks; none when nothing was picked. */
async function chooseVolumes(
  { helper }: CommandContext,
  question: string,
  first: unknown,
  selection?: unknown,
): Promise<VolumeSummary[]> {
  const called = calledOn(first, selection).flatMap((node) => nodeOf('volume', node)?.volume ?? []);
  if (called.length > 0) return called;
  const known = await helper.request(ListVolumes);
  if (known.length === 0) throw new Error(l10n.t('There are no volumes.'));
  const picked = await window.showQuickPick(
    known.map((volume) => ({ label: plainText(volume.name, 64), description: volume.path, volume })),
    { title: question },
  );
  return picked ? [picked.volume] : [];
}

/** Its folder in the editor's explorer, unless it is there. Files of users inside other than root may not be yours to read. */
function addWorkspaceFolder({ name, path }: VolumeSummary): void {
  const uri = Uri.file(path);
  const folders = workspace.workspaceFolders ?? [];
  if (folders.some((folder) => folder.uri.toString() === uri.toString())) return;
  workspace.updateWorkspaceFolders(folders.length, 0, { uri, name: l10n.t('{0} (volume)', plainText(name, 64)) });
}
