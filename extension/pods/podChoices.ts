import type { CreatePodParams, PodNamespace, PodNetwork } from '../../helper/protocol/index.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import { parsePortMappings } from '../networks/portText.js';

/** What was answered to the questions for a new pod. */
export interface PodAnswers {
  name: string;
  shares: PodNamespace[];
  network: PodNetwork;
  /** As typed; empty: none. */
  ports: string;
  /** Empty: the name. */
  hostname: string;
}

/** Whether there is a question for its ports: those of this machine's network need not be published. */
export const canPublish = ({ shares, network }: Pick<PodAnswers, 'shares' | 'network'>): boolean =>
  shares.includes('network') && network.kind !== 'host';

/** The pod that the answers ask for; what was answered before something else made it pointless is left out. */
export function podOf(answers: PodAnswers): CreatePodParams {
  const { name, shares, network } = answers;
  const ports = canPublish(answers) ? (parsePortMappings(answers.ports) ?? []) : [];
  const hostname = answers.hostname.trim();
  return {
    name: name.trim(),
    shares,
    ...(shares.includes('network') ? { network } : {}),
    ...(ports.length === 0 ? {} : { ports }),
    ...(shares.includes('uts') && hostname !== '' ? { hostname } : {}),
  };
}

/** What a pod can share, with what that means. */
export function shareChoices(): ChoiceItem<PodNamespace>[] {
  return [
    {
      choice: 'network',
      label: 'Network',
      description: 'they reach each other at 127.0.0.1, and publish ports together',
    },
    { choice: 'ipc', label: 'IPC', description: 'System V shared memory, semaphores, queues, and POSIX queues' },
    { choice: 'uts', label: 'Host Name', description: 'one for all of them' },
    {
      choice: 'pid',
      label: 'Processes',
      description: 'each sees those of the others, and may signal them',
    },
  ];
}
