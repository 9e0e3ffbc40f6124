import { commands, env, l10n, Uri, window } from 'vscode';
import {
  type ContainerSummary,
  ErrorCode,
  type PortMapping,
  type PublishedPort,
  PublishPort,
  ReadNetworkState,
  WithdrawPort,
} from '../../helper/protocol/index.js';
import { calledOn, nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import { soleStep, textStep } from '../flows/multiStep.js';
import { messageText, plainText } from '../text/untrusted.js';
import {
  type Listener,
  listenersOf,
  parseContainerPort,
  parseHostPlace,
  placeOf,
  proposedHostPort,
  unpublished,
  urlOf,
} from './portText.js';

/** Commands about published ports. */
export function portCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { helper, store } = context;
  /** The published port that a command was called on; from the palette one of all that there are. */
  const chosenPort = async (first: unknown, question: string): Promise<Chosen | undefined> =>
    nodeOf('port', first) ?? (await pickPort(await store.list(), question));
  return {
    'terrarium.publishPort': {
      doing: l10n.t('Publish port'),
      run: async (first) => {
        const listener = nodeOf('listener', first)?.listener;
        const summary = await target(store, { first, selection: undefined }, l10n.t('Publish a port of'), isLive);
        if (!summary) return;
        const published = listener
          ? await publishListener(context, summary, listener)
          : await publishByQuestions(context, summary);
        // In the tree it is seen; whoever came from elsewhere is told.
        if (published && !listener) tellPublished(summary, published);
      },
    },
    'terrarium.withdrawPort': {
      doing: l10n.t('Withdraw port'),
      run: async (first, selection) => {
        const nodes = calledOn(first, selection).flatMap((item) => nodeOf('port', item) ?? []);
        const chosen = nodes.length > 0 ? nodes : [await pickPort(await store.list(), l10n.t('Withdraw port'))];
        for (const one of chosen) {
          if (!one) return;
          const { hostPort, protocol, address } = one.port;
          await inView(() => helper.request(WithdrawPort, { container: one.container, hostPort, protocol, address }));
        }
      },
    },
    'terrarium.openPort': {
      doing: l10n.t('Open in browser'),
      run: async (first) => {
        const chosen = await chosenPort(first, l10n.t('Open in browser'));
        if (chosen) await env.openExternal(Uri.parse(urlOf(chosen.port)));
      },
    },
    'terrarium.previewPort': {
      doing: l10n.t('Preview in the editor'),
      run: async (first) => {
        const chosen = await chosenPort(first, l10n.t('Preview in the editor'));
        if (!chosen) return;
        // The page is loaded where the window is, which may be another machine.
        const uri = await env.asExternalUri(Uri.parse(urlOf(chosen.port)));
        await commands.executeCommand('simpleBrowser.show', uri.toString(true));
      },
    },
    'terrarium.copyPortAddress': {
      doing: l10n.t('Copy address'),
      run: async (first) => {
        const chosen = await chosenPort(first, l10n.t('Copy address of'));
        if (!chosen) return;
        const { port } = chosen;
        const text = port.protocol === 'tcp' ? urlOf(port).replace(/\/$/, '') : placeOf(port);
        await env.clipboard.writeText(text);
        window.setStatusBarMessage(l10n.t('Copied {0}', text), 3000);
      },
    },
  };
}

interface Chosen {
  container: string;
  port: PublishedPort;
}

async function pickPort(containers: readonly ContainerSummary[], title: string): Promise<Chosen | undefined> {
  const picks = containers.flatMap(({ id, name, ports = [] }) =>
    ports.map((port) => ({
      label: placeOf(port),
      description: l10n.t('{0}, port {1}/{2}', plainText(name, 64), port.containerPort, port.protocol),
      chosen: { container: id, port },
    })),
  );
  if (picks.length === 0) throw new Error(l10n.t('No port is published.'));
  return (await window.showQuickPick(picks, { title, matchOnDescription: true }))?.chosen;
}

/** At once at the port that fits best; asks for another one when that is taken. Undefined: the person left. */
async function publishListener(
  context: CommandContext,
  summary: ContainerSummary,
  { port, protocol }: Pick<Listener, 'port' | 'protocol'>,
): Promise<PublishedPort | undefined> {
  const proposed = { containerPort: port, protocol, hostPort: proposedHostPort(port) };
  try {
    return await publish(context, summary, proposed);
  } catch (error) {
    const problem = refusalOf(error);
    if (problem === undefined) throw error;
    return askHostPlace(context, summary, proposed, problem);
  }
}

async function publishByQuestions(
  context: CommandContext,
  summary: ContainerSummary,
): Promise<PublishedPort | undefined> {
  const state = await context.helper.request(ReadNetworkState, { target: { container: summary.id } });
  const [offer] = [...unpublished(state, summary.ports ?? []), ...listenersOf(state)].filter(
    ({ reachable }) => reachable,
  );
  const title = l10n.t('Publish a Port of {0}', plainText(summary.name, 64));
  const known = offer && (offer.protocol === 'udp' ? `${offer.port}/udp` : String(offer.port));
  const answered = await textStep(
    soleStep(title),
    l10n.t('Port in the container, with /udp for that protocol. It may begin to listen later.'),
    { value: known ?? '8000', placeholder: '8000', problem: containerPortProblem },
  );
  const chosen = answered.kind === 'answer' ? parseContainerPort(answered.value) : undefined;
  if (!chosen) return undefined;
  const { port, protocol } = chosen;
  return askHostPlace(context, summary, { containerPort: port, protocol, hostPort: proposedHostPort(port) });
}

/** Asks where on this machine, again and again while that is taken, with who has it. */
async function askHostPlace(
  context: CommandContext,
  summary: ContainerSummary,
  mapping: PortMapping,
  refusal?: string,
): Promise<PublishedPort | undefined> {
  const title = l10n.t('Publish Port {0} of {1}', mapping.containerPort, plainText(summary.name, 64));
  let value = String(mapping.hostPort);
  let problem = refusal;
  for (;;) {
    const question = l10n.t('Port of this machine. Others reach it only with an address before it, as 0.0.0.0:8000.');
    const result = await textStep(soleStep(title), problem === undefined ? question : `${problem} ${question}`, {
      value,
      placeholder: '8000',
      problem: hostPlaceProblem,
    });
    const place = result.kind === 'answer' ? parseHostPlace(result.value) : undefined;
    if (result.kind !== 'answer' || place === undefined) return undefined;
    try {
      return await publish(context, summary, { ...mapping, ...place });
    } catch (error) {
      problem = refusalOf(error);
      if (problem === undefined) throw error;
      value = result.value;
    }
  }
}

function publish({ helper }: CommandContext, { id }: ContainerSummary, port: PortMapping): Promise<PublishedPort> {
  return inView(() => helper.request(PublishPort, { container: id, port }));
}

/** Why this port of this machine cannot be had, where another one may do; undefined for any other failure. */
function refusalOf(error: unknown): string | undefined {
  const { code, message, data } = error as { code?: unknown; message?: string; data?: { errno?: string } };
  const isPlace = code === ErrorCode.WrongState || code === ErrorCode.Unavailable || code === ErrorCode.Invalid;
  // Without an errno it is not the port that is refused.
  return isPlace && data?.errno !== undefined && message !== undefined ? `${messageText(message)}.` : undefined;
}

function tellPublished({ name }: ContainerSummary, port: PublishedPort): void {
  const place = placeOf(port);
  const open = { title: l10n.t('Open in Browser') };
  const text = l10n.t('Port {0} of {1} is at {2}.', port.containerPort, messageText(name), place);
  void window
    .showInformationMessage(text, ...(port.protocol === 'tcp' ? [open] : []))
    .then((chosen) => (chosen === open ? env.openExternal(Uri.parse(urlOf(port))) : undefined));
}

const containerPortProblem = (text: string): string | undefined =>
  parseContainerPort(text) ? undefined : l10n.t('A number from 1 to 65535, with /udp after it where that is meant.');

const hostPlaceProblem = (text: string): string | undefined =>
  parseHostPlace(text)
    ? undefined
    : l10n.t('A number from 1 to 65535, with an address and a colon before it if wanted.');
