import { type ContainerSpecification, isReadOnly, type oci, type PortMapping } from '../protocol/index.js';
import { defaultCapabilities } from '../security/capabilities.js';
import { formatYaml, type YamlValue } from './yaml.js';

export interface PodFacts {
  name: string;
  /** As other engines call it. */
  image: string;
  specification: ContainerSpecification;
  config: oci.Config;
}

export interface Pod {
  text: string;
  /** What a Pod cannot say, in sentences. */
  notes: string[];
}

/** DNS label, as Kubernetes wants names to be (RFC 1123). */
export function podName(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return label === '' ? 'container' : label;
}

/**
 * A Pod manifest with one container, for `podman kube play` and Kubernetes (core/v1 Pod). Its image has to be where it is
 * played: it is never pulled. Pure.
 */
export function podManifest({ name, image, specification, config }: PodFacts): Pod {
  const notes: string[] = [];
  const label = podName(name);
  const mounts = userMounts(specification, notes);
  const { process } = config;
  noteReferences(process, notes);
  const [command, ...args] = process.args;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${label.slice(0, 59).replace(/-+$/, '')}-pod`, labels: { app: label } },
    spec: {
      ...(config.hostname === undefined ? {} : { hostname: podName(config.hostname) }),
      ...(specification.network?.kind === 'host' ? { hostNetwork: true } : {}),
      ...hostNamespaces(specification),
      restartPolicy: 'Never',
      containers: [
        {
          name: label,
          image,
          imagePullPolicy: 'Never',
          ...(command === undefined ? {} : { command: [command] }),
          ...list('args', args),
          ...list('env', process.env.map(variable)),
          workingDir: process.cwd,
          ...(process.terminal === true ? { tty: true, stdin: true } : {}),
          ...list('ports', (specification.ports ?? []).map(podPort)),
          ...resources(config.linux.resources ?? {}, notes),
          securityContext: securityContext(specification, config),
          ...list(
            'volumeMounts',
            mounts.map(({ mount }) => mount),
          ),
        },
      ],
      ...list(
        'volumes',
        mounts.map(({ volume }) => volume),
      ),
    },
  };
  if (specification.network?.kind === 'container') {
    notes.push('The network of another container is not shared: put both into one Pod.');
  }
  if (specification.network?.kind === 'bridge') {
    notes.push(`The network ${specification.network.network} is left out: a Pod has one from where it runs.`);
  }
  return { text: formatYaml(pod), notes };
}

function list(key: string, values: YamlValue[]): Record<string, YamlValue> {
  return values.length === 0 ? {} : { [key]: values };
}

/** ContainerPort of Kubernetes: hostIP and hostPort are what podman publishes by. */
function podPort({ containerPort, hostPort, protocol = 'tcp', address = '127.0.0.1' }: PortMapping): YamlValue {
  return { containerPort, hostPort, hostIP: address, protocol: protocol.toUpperCase() };
}

function variable(text: string): YamlValue {
  const equals = text.indexOf('=');
  return equals === -1 ? { name: text, value: '' } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** What Kubernetes puts a variable's value in place of, and podman leaves as it is: `$(NAME)` of a variable that there is. */
function noteReferences({ args, env }: oci.Process, notes: string[]): void {
  const names = new Set(env.map((one) => one.split('=', 1)[0] ?? ''));
  const references = [...args, ...env].flatMap((text) =>
    [...text.matchAll(/\$\(([^()]+)\)/g)].map(([, name]) => name ?? ''),
  );
  const replaced = new Set(references.filter((name) => names.has(name)));
  for (const name of replaced) notes.push(`Kubernetes replaces $(${name}) by the variable's value; podman does not.`);
}

function hostNamespaces({ namespaces }: ContainerSpecification): Record<string, YamlValue> {
  return {
    ...(namespaces?.pid === 'host' ? { hostPID: true } : {}),
    ...(namespaces?.ipc === 'host' ? { hostIPC: true } : {}),
  };
}

function resources({ memory, cpu, pids, ...others }: oci.Resources, notes: string[]): Record<string, YamlValue> {
  if (pids !== undefined) notes.push(`The limit of ${pids.limit} processes is left out: a Pod has none for processes.`);
  if (memory?.swap !== undefined) notes.push('The limit for swap is left out: a Pod has none.');
  const left = Object.keys(others).sort();
  if (left.length > 0) notes.push(`These limits are left out, for a Pod has no field for them: ${left.join(', ')}.`);
  const cores = cpu?.quota === undefined || cpu.quota <= 0 ? undefined : cpu.quota / (cpu.period ?? 100_000);
  const limits = {
    ...(memory?.limit === undefined || memory.limit < 0 ? {} : { memory: String(memory.limit) }),
    ...(cores === undefined ? {} : { cpu: `${Math.max(1, Math.round(cores * 1000))}m` }),
  };
  return Object.keys(limits).length === 0 ? {} : { resources: { limits } };
}

function securityContext(specification: ContainerSpecification, { process, root }: oci.Config): YamlValue {
  const names = (capabilities: readonly string[]) => capabilities.map((name) => name.replace(/^CAP_/, ''));
  const { bounding } = process.capabilities;
  const add = names(bounding.filter((name) => !(defaultCapabilities as readonly string[]).includes(name)));
  const drop = names(defaultCapabilities.filter((name) => !bounding.includes(name)));
  return {
    allowPrivilegeEscalation: !process.noNewPrivileges,
    ...(root.readonly ? { readOnlyRootFilesystem: true } : {}),
    ...(process.user.uid === 0 && process.user.gid === 0
      ? {}
      : { runAsUser: process.user.uid, runAsGroup: process.user.gid }),
    ...(specification.seccomp === 'unconfined' ? { seccompProfile: { type: 'Unconfined' } } : {}),
    ...(add.length + drop.length === 0 ? {} : { capabilities: { ...list('add', add), ...list('drop', drop) } }),
  };
}

interface PodMount {
  mount: YamlValue;
  volume: YamlValue;
}

function userMounts({ mounts = [] }: ContainerSpecification, notes: string[]): PodMount[] {
  return mounts.flatMap(({ destination, source, type, options = [] }, index): PodMount[] => {
    const name = `volume-${index + 1}`;
    const mount = { name, mountPath: destination, ...(isReadOnly(options) ? { readOnly: true } : {}) };
    if (type === 'tmpfs' || (type === undefined && source === undefined)) {
      return [{ mount, volume: { name, emptyDir: { medium: 'Memory' } } }];
    }
    if (source !== undefined && (type === undefined || type === 'bind')) {
      return [{ mount, volume: { name, hostPath: { path: source } } }];
    }
    if (source !== undefined && type === 'volume') {
      return [{ mount, volume: { name, persistentVolumeClaim: { claimName: source } } }];
    }
    notes.push(`The mount on ${JSON.stringify(destination)} is left out: a Pod has no ${type} volumes.`);
    return [];
  });
}
