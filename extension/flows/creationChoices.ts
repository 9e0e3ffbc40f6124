import {
  type ContainerSpecification,
  type ContainerSummary,
  type NetworkChoice,
  type NetworkSummary,
  type oci,
  outboundNetwork,
  type PodNetwork,
  type PodSummary,
  type RootSource,
} from '../../helper/protocol/index.js';
import { commandLine } from '../text/commandLine.js';
import { iconSafeText } from '../text/untrusted.js';
import type { NamespaceAnswers } from './namespacePicks.js';
import type { Privileges } from './privilegeChoices.js';
import type { ChoiceItem } from './rootChoices.js';

/** What was answered to the questions of the quick creation. */
export interface CreationAnswers {
  root: RootSource;
  /** As typed; empty: the container stays up with an init, for shells to enter. */
  command: string;
  network: NetworkChoice;
  namespaces: NamespaceAnswers;
  resources: oci.Resources | undefined;
  /** Undefined: it is in none. */
  group: string | undefined;
  privileges: Privileges;
  /** Undefined: it is in none. What the pod shares is not asked for. */
  pod: Pick<PodSummary, 'name' | 'shares'> | undefined;
  /** Empty: the helper chooses one. */
  name: string;
}

const MiB = 1024 ** 2;

/** The specification that the answers ask for; whatever was not asked is left to the helper's defaults. */
export function specificationOf(answers: CreationAnswers): ContainerSpecification {
  const args = commandLine(answers.command);
  return {
    root: answers.root,
    // Explicitly empty: an image's own command, which may end at once, is not what "stay up" means.
    args,
    ...(args.length > 0 ? { terminal: true } : {}),
    ...(answers.pod === undefined ? {} : { pod: answers.pod.name }),
    ...(answers.pod?.shares.includes('network') === true ? {} : { network: answers.network }),
    ...answers.namespaces,
    ...(answers.resources ? { resources: answers.resources } : {}),
    ...answers.privileges,
    ...(answers.group === undefined || answers.pod !== undefined ? {} : { group: answers.group }),
    ...(answers.name.trim() === '' ? {} : { name: answers.name.trim() }),
  };
}

/** Networks to choose from, or a new one to be asked for; none of the outside is the default. */
export function networkChoices(
  containers: readonly ContainerSummary[],
  networks: readonly Pick<NetworkSummary, 'name' | 'subnet' | 'outbound'>[],
): ChoiceItem<NetworkChoice | { kind: 'new' }>[] {
  const running = containers.filter(({ state }) => state === 'running' || state === 'paused');
  return [
    ...ownNetworkChoices(networks),
    ...(running.length > 0 ? [{ label: 'Share with a Running Container' }] : []),
    ...running.map((container) => ({
      choice: { kind: 'container', container: container.id } as const,
      label: `$(vm-running) ${iconSafeText(container.name, 64)}`,
      description: 'same addresses and ports',
    })),
  ];
}

/** Those that are no other container's: what a pod can have, too. */
export function ownNetworkChoices(
  networks: readonly Pick<NetworkSummary, 'name' | 'subnet' | 'outbound'>[],
): ChoiceItem<PodNetwork | { kind: 'new' }>[] {
  return [
    {
      choice: { kind: 'none' },
      label: '$(circle-slash) None',
      description: 'only its own loopback',
      detail: 'Nothing outside can be reached; nothing can reach in but by published ports',
    },
    {
      choice: { kind: 'host' },
      label: "$(globe) This machine's",
      description: 'shared, not isolated',
      detail: 'Sees every interface and listener of this machine',
    },
    {
      choice: { kind: 'bridge', network: outboundNetwork },
      label: '$(cloud) Outbound',
      description: 'its own, with a way out',
      detail: 'Reaches what this machine reaches, by pasta or slirp4netns; nothing can reach in but by published ports',
    },
    { label: 'Connect to a Network' },
    ...networks
      .filter(({ name }) => name !== outboundNetwork)
      .map(({ name, subnet, outbound }) => ({
        choice: { kind: 'bridge', network: name } as const,
        label: `$(type-hierarchy) ${iconSafeText(name, 64)}`,
        description: subnet,
        detail:
          outbound === 'none'
            ? 'Reaches the other containers in it by name, and nothing else'
            : 'Reaches the other containers in it by name, and what this machine reaches',
      })),
    { choice: { kind: 'new' }, label: '$(add) New Network…', description: 'made at once, with a subnet of its own' },
  ];
}

/** Limits in three sizes; each can be changed later while the container runs. */
export function limitChoices(): ChoiceItem<oci.Resources | 'none'>[] {
  const size = (memory: number, cores: number, pids: number): oci.Resources => ({
    memory: { limit: memory * MiB },
    cpu: { quota: Math.round(cores * 100_000), period: 100_000 },
    pids: { limit: pids },
  });
  return [
    { choice: 'none', label: '$(dash) No Limits', description: 'they can be set while it runs' },
    { choice: size(128, 0.5, 64), label: '$(dashboard) Small', description: '128 MiB, half a core, 64 processes' },
    { choice: size(512, 1, 256), label: '$(dashboard) Medium', description: '512 MiB, 1 core, 256 processes' },
    { choice: size(2048, 2, 1024), label: '$(dashboard) Large', description: '2 GiB, 2 cores, 1024 processes' },
  ];
}
