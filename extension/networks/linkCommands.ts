import { l10n, window } from 'vscode';
import {
  type LinkReference,
  type LinkShape,
  ListPods,
  type PodSummary,
  ShapeLink,
} from '../../helper/protocol/index.js';
import { nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import { pickStep, soleStep, textStep } from '../flows/multiStep.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import { plainText } from '../text/untrusted.js';
import type { NetworksView } from './networksView.js';
import { parseShape, shapeText } from './networkText.js';

type ShapeChoice = { kind: 'shape'; shape: LinkShape } | { kind: 'other' };

interface ChosenLink {
  of: LinkReference;
  /** For people. */
  title: string;
  /** Those that see it. */
  containers: readonly string[];
}

/** Commands that make the link of a container or pod to its network slow, lossy or cut. */
export function linkCommands(
  { helper, store, containers }: CommandContext,
  networks: NetworksView,
): Record<string, { doing: string; run: Handler }> {
  const podLink = ({ name, running }: PodSummary): ChosenLink => ({
    of: { pod: name },
    title: l10n.t('the pod {0}', plainText(name, 64)),
    containers: running,
  });
  /** Of a pod, or of a container: one that has its network from its pod has the pod's. */
  const chosenLink = async (first: unknown): Promise<ChosenLink | undefined> => {
    const pods = await helper.request(ListPods);
    const called = nodeOf('pod', first)?.pod.name;
    const summary =
      called === undefined
        ? await target(store, { first, selection: undefined }, l10n.t('Make the link slow or lossy of'), isLive)
        : undefined;
    const name = called ?? summary?.pod;
    const pod = pods.find((one) => one.name === name && (called !== undefined || one.shares.includes('network')));
    if (pod) return podLink(pod);
    return summary && { of: { container: summary.id }, title: plainText(summary.name, 64), containers: [summary.id] };
  };
  return {
    'terrarium.shapeLink': {
      doing: l10n.t('Make link slow or lossy'),
      run: async (first) => {
        const link = await chosenLink(first);
        if (!link) return;
        const shape = await askShape(l10n.t('The Link of {0}', link.title));
        if (!shape) return;
        const made = await inView(() => helper.request(ShapeLink, { ...link.of, ...shape }));
        for (const id of link.containers) containers.tree.readNetwork(id);
        networks.refresh();
        window.setStatusBarMessage(l10n.t('The link of {0}: {1}', link.title, shapeText(made)), 5000);
      },
    },
  };
}

async function askShape(title: string): Promise<LinkShape | undefined> {
  const chosen = await pickStep(soleStep(title), l10n.t('Until it ends; each way'), shapeChoices());
  if (chosen.kind !== 'answer') return undefined;
  if (chosen.value.kind === 'shape') return chosen.value.shape;
  const typed = await textStep(
    soleStep(title),
    l10n.t('Milliseconds later, percent lost, and kilobits a second. Leave the last ones out for none.'),
    { value: '100 1', placeholder: '100 1 500', problem: shapeProblem },
  );
  return typed.kind === 'answer' ? parseShape(typed.value) : undefined;
}

function shapeChoices(): ChoiceItem<ShapeChoice>[] {
  const item = (shape: LinkShape, label: string): ChoiceItem<ShapeChoice> => ({
    choice: { kind: 'shape', shape },
    label,
    description: shapeText(shape),
  });
  return [
    item({}, l10n.t('$(check) Good')),
    item({ delayMs: 200 }, l10n.t('$(watch) Slow')),
    item({ lossPercent: 10 }, l10n.t('$(warning) Lossy')),
    item({ delayMs: 100, lossPercent: 2, rate: 1_000_000 }, l10n.t('$(radio-tower) Like a Bad Mobile Network')),
    item({ down: true }, l10n.t('$(debug-disconnect) Cut')),
    { choice: { kind: 'other' }, label: l10n.t('$(edit) Other Numbers…') },
  ];
}

const shapeProblem = (text: string): string | undefined =>
  parseShape(text) ? undefined : l10n.t('Up to three numbers with spaces between them.');
