import { commands, l10n, window } from 'vscode';
import { type PodSummary, RemovePod } from '../../helper/protocol/index.js';
import { nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { exportAs } from '../commands/images/give.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { podChoice } from '../images/exportChoices.js';
import { iconSafeText, messageText } from '../text/untrusted.js';
import { newPod } from './newPod.js';
import type { PodStore } from './podStore.js';

/** Commands for pods: containers that share namespaces and limits. */
export function podCommands(context: CommandContext, pods: PodStore): Record<string, { doing: string; run: Handler }> {
  const called = async (first: unknown, question: string): Promise<PodSummary | undefined> => {
    const known = await pods.list();
    const node = nodeOf('pod', first)?.pod.name;
    return node === undefined ? choosePod(known, question) : known.find(({ name }) => name === node);
  };
  /** The command for containers, on those of the pod: what it says and asks is the same. */
  const onContainers = async (command: string, ids: readonly string[]): Promise<void> => {
    const nodes = ids.map((container) => ({ container }));
    if (nodes.length > 0) await commands.executeCommand(command, nodes[0], nodes);
  };
  return {
    'terrarium.newPod': {
      doing: l10n.t('Make a pod'),
      run: async () => {
        await newPod(context);
      },
    },
    'terrarium.createInPod': {
      doing: l10n.t('Create a container'),
      run: async (first) => {
        // Without any, one is made first: that is what who asks for this needs.
        const pod =
          (await pods.list()).length === 0 ? await newPod(context) : await called(first, l10n.t('In which pod?'));
        if (pod) await commands.executeCommand('terrarium.create', { pod: pod.name });
      },
    },
    'terrarium.startPod': {
      doing: l10n.t('Start'),
      run: async (first) => {
        const pod = await called(first, l10n.t('Start the containers of'));
        if (pod) {
          await onContainers(
            'terrarium.start',
            pod.containers.filter((id) => !pod.running.includes(id)),
          );
        }
      },
    },
    'terrarium.stopPod': {
      doing: l10n.t('Stop'),
      run: async (first) => {
        const pod = await called(first, l10n.t('Stop the containers of'));
        if (pod) await onContainers('terrarium.stop', pod.running);
      },
    },
    'terrarium.editPodLimits': {
      doing: l10n.t('Edit the limits of a pod'),
      run: async (first) => {
        const pod = await called(first, l10n.t('Limits of'));
        if (pod) await commands.executeCommand('terrarium.editLimits', { group: pod.name });
      },
    },
    'terrarium.exportPod': {
      doing: l10n.t('Export'),
      run: async (first) => {
        const pod = await called(first, l10n.t('Export as a Kubernetes Pod'));
        if (pod) await exportAs(context, { name: pod.name, source: { kind: 'pod', pod: pod.name } }, podChoice);
      },
    },
    'terrarium.removePod': {
      doing: l10n.t('Remove'),
      run: async (first) => {
        const pod = await called(first, l10n.t('Remove'));
        if (pod && (await isAgreed(context, pod))) {
          // What was not named is not killed: somebody may have started it meanwhile.
          const force = pod.running.length > 0;
          await inView(() => context.helper.request(RemovePod, { pod: pod.name, force }));
        }
      },
    },
  };
}

async function choosePod(pods: readonly PodSummary[], title: string): Promise<PodSummary | undefined> {
  if (pods.length === 0) throw new Error(l10n.t('There is no pod yet: New Pod… makes one.'));
  const picks = pods.map((pod) => ({ pod, label: `$(combine) ${iconSafeText(pod.name, 64)}` }));
  return (await window.showQuickPick(picks, { title }))?.pod;
}

/** What would be lost is named. An empty pod is nothing. */
async function isAgreed({ store }: CommandContext, pod: PodSummary): Promise<boolean> {
  if (pod.containers.length === 0) return true;
  const names = pod.containers.map((id) => store.find(id)?.name ?? id);
  const remove = { title: l10n.t('Remove') };
  const answer = await window.showWarningMessage(
    l10n.t('Remove the pod {0} with its containers?', messageText(pod.name)),
    {
      modal: true,
      detail:
        pod.running.length === 0
          ? l10n.t('What they wrote is lost: {0}', messageText(names.join(', ')))
          : l10n.t('They are killed where they run, and what they wrote is lost: {0}', messageText(names.join(', '))),
    },
    remove,
  );
  return answer === remove;
}
