import type { ContainerSpecification, PodNamespace, PodNetwork, PortMapping } from '../protocol/index.js';
import { list, type MemberFacts, PodVolumes, podContainer, podName } from './podContainer.js';
import { formatYaml, type YamlValue } from './yaml.js';

export interface Pod {
  text: string;
  /** What a Pod cannot say, in sentences. */
  notes: string[];
}

/**
 * A Pod manifest with one container, for `podman kube play` and Kubernetes (core/v1 Pod). Its image has to be where it is
 * played: it is never pulled. Pure.
 */
export function containerManifest(member: MemberFacts): Pod {
  const { name, specification, config } = member;
  const notes: string[] = [];
  const volumes = new PodVolumes();
  const label = podName(name);
  const { network, ports = [] } = specification;
  const container = podContainer(member, { label, ports, volumes, notes });
  if (network?.kind === 'container') {
    notes.push('The network of another container is not shared: put both into one Pod.');
  }
  noteNetwork(network, notes);
  if (specification.pod !== undefined) {
    notes.push(`What it shares in the pod ${specification.pod} is left out: that is exported as a whole.`);
  }
  const text = manifest(`${label.slice(0, 59).replace(/-+$/, '')}-pod`, label, {
    ...(config.hostname === undefined ? {} : { hostname: podName(config.hostname) }),
    ...(network?.kind === 'host' ? { hostNetwork: true } : {}),
    ...hostNamespaces(specification),
    restartPolicy: 'Never',
    containers: [container],
    ...list('volumes', volumes.list()),
  });
  return { text, notes };
}

export interface PodFacts {
  name: string;
  shares: readonly PodNamespace[];
  network?: PodNetwork;
  ports: readonly PortMapping[];
  hostname?: string;
  /** Oldest first; at least one. */
  members: readonly MemberFacts[];
  /** Its containers have limits together. */
  isLimited: boolean;
}

/**
 * The same of a whole pod. A Pod shares network, IPC and host name, always; processes with `shareProcessNamespace`. Its ports
 * stand with the first container, for there is no other place: all listen in the same network. Pure.
 */
export function podManifest(pod: PodFacts): Pod {
  const { name, shares, network, members } = pod;
  const notes: string[] = [];
  const volumes = new PodVolumes();
  const labels = uniqueLabels(members.map((member) => member.name));
  const portsOf = ({ specification }: MemberFacts, index: number): readonly PortMapping[] =>
    shares.includes('network') ? (index === 0 ? pod.ports : []) : (specification.ports ?? []);
  const containers = members.map((member, index) => {
    const told: string[] = [];
    const place = { label: labels[index] ?? '', ports: portsOf(member, index), volumes, notes: told };
    const container = podContainer(member, place);
    notes.push(...told.map((note) => `${member.name}: ${note}`));
    return container;
  });
  noteNetwork(network, notes);
  const separate = (['network', 'ipc', 'uts'] as const).filter((type) => !shares.includes(type));
  if (separate.length > 0) {
    notes.push(`In a Pod all containers share ${separate.join(', ')}; in ${name} each has its own.`);
  }
  if (pod.isLimited) {
    notes.push('Limits of all containers together are left out: a Pod has those of each one.');
  }
  const text = manifest(podName(name), podName(name), {
    hostname: podName(pod.hostname ?? name),
    ...(network?.kind === 'host' ? { hostNetwork: true } : {}),
    ...(shares.includes('pid') ? { shareProcessNamespace: true } : {}),
    ...commonHostNamespaces(members, notes),
    restartPolicy: 'Never',
    containers,
    ...list('volumes', volumes.list()),
  });
  return { text, notes };
}

function manifest(name: string, app: string, spec: { readonly [key: string]: YamlValue }): string {
  return formatYaml({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app } }, spec });
}

function noteNetwork(network: ContainerSpecification['network'], notes: string[]): void {
  if (network?.kind !== 'bridge') return;
  notes.push(`The network ${network.network} is left out: a Pod has one from where it runs.`);
}

/** Names that differ in what Kubernetes does not allow get a number. */
function uniqueLabels(names: readonly string[]): string[] {
  const taken = new Set<string>();
  for (const name of names) {
    const label = podName(name);
    let free = label;
    for (let number = 2; taken.has(free); number++) free = `${label.slice(0, 58)}-${number}`;
    taken.add(free);
  }
  return [...taken];
}

const hostFields = { pid: 'hostPID', ipc: 'hostIPC' } as const;

function hostNamespaces({ namespaces }: ContainerSpecification): Record<string, boolean> {
  const types = (['pid', 'ipc'] as const).filter((type) => namespaces?.[type] === 'host');
  return Object.fromEntries(types.map((type) => [hostFields[type], true]));
}

/** A Pod says for all of its containers whether they are in a namespace of the machine. */
function commonHostNamespaces(members: readonly MemberFacts[], notes: string[]): Record<string, boolean> {
  const chosen = members.map(({ specification }) => Object.keys(hostNamespaces(specification)));
  const common = Object.values(hostFields).filter((field) => chosen.every((fields) => fields.includes(field)));
  const left = Object.values(hostFields).filter(
    (field) => !common.includes(field) && chosen.some((fields) => fields.includes(field)),
  );
  if (left.length > 0) {
    notes.push(`${left.join(' and ')} would count for all containers, and not all have asked for it: left out.`);
  }
  return Object.fromEntries(common.map((field) => [field, true]));
}
