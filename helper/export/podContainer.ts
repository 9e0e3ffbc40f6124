import { type ContainerSpecification, isReadOnly, type oci, type PortMapping } from '../protocol/index.js';
import { defaultCapabilities } from '../security/capabilities.js';
import type { YamlValue } from './yaml.js';

/** What a container of a Pod is made from. */
export interface MemberFacts {
  name: string;
  /** As other engines call it. */
  image: string;
  specification: ContainerSpecification;
  config: oci.Config;
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

/** The volumes of a Pod. Its containers see the same folder or named volume as one. */
export class PodVolumes {
  private readonly volumes = new Map<string, YamlValue>();

  /** Answers its name. @param shared by all that mount the same */
  add(what: { readonly [key: string]: YamlValue }, shared: boolean): string {
    const number = this.volumes.size + 1;
    const key = shared ? JSON.stringify(what) : String(number);
    const name = `volume-${number}`;
    const known = this.volumes.get(key) as { name: string } | undefined;
    if (known !== undefined) return known.name;
    this.volumes.set(key, { name, ...what });
    return name;
  }

  list(): YamlValue[] {
    return [...this.volumes.values()];
  }
}

/**
 * A Container of a Pod (core/v1). What it cannot say goes to `notes`, in sentences. Pure.
 * @param label its name, of which there is no other in the Pod
 * @param ports what is published, of the container or, where it is the Pod's, of that
 */
export function podContainer(
  { image, specification, config }: MemberFacts,
  {
    label,
    ports,
    volumes,
    notes,
  }: { label: string; ports: readonly PortMapping[]; volumes: PodVolumes; notes: string[] },
): YamlValue {
  const { process } = config;
  noteReferences(process, notes);
  const [command, ...args] = process.args;
  return {
    name: label,
    image,
    imagePullPolicy: 'Never',
    ...(command === undefined ? {} : { command: [command] }),
    ...list('args', args),
    ...list('env', process.env.map(variable)),
    workingDir: process.cwd,
    ...(process.terminal === true ? { tty: true, stdin: true } : {}),
    ...list('ports', ports.map(podPort)),
    ...resources(config.linux.resources ?? {}, notes),
    securityContext: securityContext(specification, config),
    ...list('volumeMounts', userMounts(specification, volumes, notes)),
  };
}

/** Nothing where there would be an empty list. */
export function list(key: string, values: YamlValue[]): Record<string, YamlValue> {
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

function userMounts({ mounts = [] }: ContainerSpecification, volumes: PodVolumes, notes: string[]): YamlValue[] {
  return mounts.flatMap(({ destination, source, type, options = [] }): YamlValue[] => {
    const at = (name: string): YamlValue[] => [
      { name, mountPath: destination, ...(isReadOnly(options) ? { readOnly: true } : {}) },
    ];
    if (type === 'tmpfs' || (type === undefined && source === undefined)) {
      return at(volumes.add({ emptyDir: { medium: 'Memory' } }, false));
    }
    if (source !== undefined && (type === undefined || type === 'bind')) {
      return at(volumes.add({ hostPath: { path: source } }, true));
    }
    if (source !== undefined && type === 'volume') {
      return at(volumes.add({ persistentVolumeClaim: { claimName: source } }, true));
    }
    notes.push(`The mount on ${JSON.stringify(destination)} is left out: a Pod has no ${type} volumes.`);
    return [];
  });
}
