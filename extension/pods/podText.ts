import type { PodSummary, PortMapping } from '../../helper/protocol/index.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import { iconSafeText, plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** A pod's line in the tree. */
export function presentPod(pod: PodSummary): Presentation {
  const { shares, network, hostname, containers, running, holder, ports } = pod;
  const name = plainText(pod.name, 64);
  const isUp = running.length > 0;
  const isLost = isUp && holder === undefined;
  const state = isUp ? `${running.length} of ${containers.length} running` : emptyText(containers.length);
  const net = network?.kind === 'bridge' ? `network ${plainText(network.network, 64)}` : undefined;
  return {
    label: name,
    description: ['pod', state, isLost ? 'holder lost' : undefined, `shares ${shares.join(', ')}`, net]
      .filter((part) => part !== undefined)
      .join(' · '),
    tooltip: tooltipText([
      `Pod ${name}`,
      `Its containers share ${shares.join(', ')}, and the limits of the group ${name}`,
      hostname === undefined ? undefined : `Hostname: ${hostname}`,
      network === undefined ? undefined : `Network: ${net ?? network.kind}`,
      ports.length === 0 ? undefined : `Ports: ${ports.map(portText).join(', ')}`,
      holder === undefined ? undefined : `Process ${holder.pid} holds its namespaces until the last container ends`,
      isLost
        ? 'The process that held its namespaces was killed: its ports are gone. The next container that starts brings both back'
        : undefined,
    ]),
    icon: isLost
      ? { id: 'warning', color: 'problemsWarningIcon.foreground' }
      : isUp
        ? { id: 'combine', color: 'testing.iconPassed' }
        : { id: 'combine' },
    contextValue: `pod.${isUp ? 'running' : 'stopped'}${containers.length === 0 ? '.empty' : isUp && net !== undefined ? '.linked' : ''}`,
    accessibleLabel: [`Pod ${name}`, state, isLost ? 'holder lost' : undefined, `shares ${shares.join(', ')}`, net]
      .filter((part) => part !== undefined)
      .join(', '),
  };
}

/** Published from the start of the first container on. */
function portText({ address = '127.0.0.1', hostPort, containerPort, protocol = 'tcp' }: PortMapping): string {
  return `${address}:${hostPort} to ${containerPort}/${protocol}`;
}

function emptyText(containers: number): string {
  return containers === 0 ? 'no containers' : 'not running';
}

/** Where a new container can be: by itself, or in one of the pods. */
export type PlaceChoice = { kind: 'alone' } | { kind: 'pod'; pod: string };

export function placeChoices(pods: readonly PodSummary[]): ChoiceItem<PlaceChoice>[] {
  return [
    { choice: { kind: 'alone' }, label: '$(server-environment) By Itself', description: 'with namespaces of its own' },
    { label: 'In a Pod' },
    ...pods.map(({ name, shares, containers }) => ({
      choice: { kind: 'pod', pod: name } as const,
      label: `$(combine) ${iconSafeText(name, 64)}`,
      description: `${containers.length === 1 ? '1 container' : `${containers.length} containers`}`,
      detail: `Shares ${shares.join(', ')} and a group of limits`,
    })),
  ];
}
