import * as path from 'node:path';
import { InvalidArgumentError } from 'commander';
import type {
  ContainerSpecification,
  NamespaceChoice,
  NamespaceChoices,
  oci,
  PortMapping,
} from '../helper/protocol/index.js';
import { type PrivilegeOptions, privilegesOf } from './privileges.js';

export interface RunOptions extends PrivilegeOptions {
  name?: string;
  detach?: boolean;
  rm?: boolean;
  tty?: boolean;
  root?: string;
  hide?: string[];
  show?: string[];
  writable?: ContainerSpecification['writable'];
  hostname?: string;
  user?: string;
  cwd?: string;
  env?: string[];
  mount?: oci.Mount[];
  tmpfs?: oci.Mount[];
  network?: string;
  ns?: NamespaceChoices;
  boottime?: number;
  monotonic?: number;
  chroot?: boolean;
  publish?: PortMapping[];
  pod?: string;
  group?: string;
  memory?: number;
  cpus?: number;
  pids?: number;
  init?: boolean;
}

const period = 100_000;

/** What `run` and `create` ask for, in the protocol's words. */
export function specificationOf(options: RunOptions, args: string[]): ContainerSpecification {
  const { memory, cpus, pids } = options;
  const mounts = [...(options.mount ?? []), ...(options.tmpfs ?? [])];
  const resources: oci.Resources = {
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * period), period } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  return {
    args,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.root === undefined ? {} : { root: withChoices(parseRoot(options.root), options) }),
    ...(options.writable === undefined ? {} : { writable: options.writable }),
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...(options.network === undefined ? {} : { network: parseNetwork(options.network) }),
    ...(options.ns === undefined ? {} : { namespaces: options.ns }),
    ...timeOffsets(options),
    ...(options.chroot === undefined ? {} : { chroot: options.chroot }),
    ...(options.publish === undefined ? {} : { ports: options.publish }),
    ...(options.pod === undefined ? {} : { pod: options.pod }),
    ...(options.group === undefined ? {} : { group: options.group }),
    ...privilegesOf(options),
    ...(options.tty === undefined ? {} : { terminal: options.tty }),
    ...(options.init === undefined ? {} : { init: options.init }),
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
  };
}

/** What to hide and to show of this machine's own root; of others there is nothing to choose. */
function withChoices(
  root: NonNullable<ContainerSpecification['root']>,
  { hide, show }: Pick<RunOptions, 'hide' | 'show'>,
): NonNullable<ContainerSpecification['root']> {
  if (hide === undefined && show === undefined) return root;
  if (root.kind !== 'host') throw new InvalidArgumentError('--hide and --show are for --root host.');
  return { ...root, ...(hide === undefined ? {} : { hide }), ...(show === undefined ? {} : { show }) };
}

/** An absolute path, added to those before it. */
export function collectPath(text: string, previous: string[] = []): string[] {
  return [...previous, path.resolve(text)];
}

/** `host`, a folder (it has a slash at its start or begins with a dot), or the name of an image. */
export function parseRoot(text: string): NonNullable<ContainerSpecification['root']> {
  if (text === 'host') return { kind: 'host' };
  if (text.startsWith('/')) return { kind: 'directory', path: text };
  if (text.startsWith('.')) return { kind: 'directory', path: path.resolve(text) };
  return { kind: 'image', name: text };
}

function timeOffsets({ boottime, monotonic }: RunOptions): Pick<ContainerSpecification, 'timeOffsets'> {
  if (boottime === undefined && monotonic === undefined) return {};
  const offset = (secs: number) => ({ secs, nanosecs: 0 });
  return {
    timeOffsets: {
      ...(boottime === undefined ? {} : { boottime: offset(boottime) }),
      ...(monotonic === undefined ? {} : { monotonic: offset(monotonic) }),
    },
  };
}

/** Whole seconds, below zero too, as unshare(1) takes them. */
export function parseSeconds(text: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) throw new InvalidArgumentError('Use whole seconds, such as 86400 or -3600.');
  return Number(text);
}

const namespaceTypes = ['mount', 'uts', 'ipc', 'pid', 'user', 'cgroup', 'time'] as const;

/** `TYPE=new|host|container:NAME|pid:N`, added to those before it. The kernel's short names are taken, too. */
export function collectNamespace(text: string, previous: NamespaceChoices = {}): NamespaceChoices {
  const [, word = '', whose = ''] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
  if (word === 'net' || word === 'network') throw new InvalidArgumentError('The network is chosen by --network.');
  const type = namespaceTypes.find((one) => one === (word === 'mnt' ? 'mount' : word));
  const choice = parseWhose(whose);
  if (type !== undefined && choice !== undefined) return { ...previous, [type]: choice };
  throw new InvalidArgumentError(
    `Use TYPE=new, TYPE=host, TYPE=container:NAME or TYPE=pid:N, with a type of ${namespaceTypes.join(', ')}.`,
  );
}

function parseWhose(text: string): NamespaceChoice | undefined {
  if (text === 'new' || text === 'host') return text;
  if (/^container:./s.test(text)) return { container: text.slice('container:'.length) };
  return /^pid:[1-9]\d{0,9}$/.test(text) ? { process: Number(text.slice('pid:'.length)) } : undefined;
}

/** `none`, `host`, `container:NAME`, `pid:N`, or the name of a network. */
export function parseNetwork(text: string): NonNullable<ContainerSpecification['network']> {
  if (text === 'none' || text === 'host') return { kind: text };
  if (text.startsWith('container:')) return { kind: 'container', container: text.slice('container:'.length) };
  if (/^pid:[1-9]\d{0,9}$/.test(text)) return { kind: 'process', pid: Number(text.slice('pid:'.length)) };
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text)) return { kind: 'bridge', network: text };
  throw new InvalidArgumentError('Use none, host, container:NAME, pid:N or the name of a network.');
}

/** `[ADDRESS:]HOST-PORT:CONTAINER-PORT[/tcp|/udp]`, an IPv6 address in brackets. */
export function parsePort(text: string): PortMapping {
  const match = /^(?:(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null) {
    throw new InvalidArgumentError('Use HOST-PORT:CONTAINER-PORT, such as 8080:80, 5353:53/udp or 0.0.0.0:8080:80.');
  }
  const [, address, hostPort, containerPort, protocol] = match;
  return {
    hostPort: Number(hostPort),
    containerPort: Number(containerPort),
    ...(protocol === undefined ? {} : { protocol: protocol.toLowerCase() === 'udp' ? 'udp' : 'tcp' }),
    ...(address === undefined ? {} : { address: address.replace(/^\[|\]$/g, '') }),
  };
}

/** The same, added to those before it. */
export function collectPort(text: string, previous: PortMapping[] = []): PortMapping[] {
  return [...previous, parsePort(text)];
}

/** `SRC:DST[:OPTIONS]`, options with commas between them. A source without a slash that is not `.` or `..` names a volume. */
export function parseMount(text: string, previous: oci.Mount[] = []): oci.Mount[] {
  const [source = '', destination = '', options, ...rest] = text.split(':');
  if (source === '' || !destination.startsWith('/') || rest.length > 0) {
    throw new InvalidArgumentError('Use SOURCE:DESTINATION or SOURCE:DESTINATION:ro, with an absolute destination.');
  }
  const isFolder = source.includes('/') || source === '.' || source === '..';
  const from = isFolder ? { source: path.resolve(source), type: 'bind' } : { source, type: 'volume' };
  return [...previous, { ...from, destination, ...optionsOf(options) }];
}

/** `DST[:OPTIONS]` of a tmpfs. */
export function parseTmpfs(text: string, previous: oci.Mount[] = []): oci.Mount[] {
  const [destination = '', options, ...rest] = text.split(':');
  if (!destination.startsWith('/') || rest.length > 0) {
    throw new InvalidArgumentError('Use DESTINATION or DESTINATION:size=64m, with an absolute destination.');
  }
  return [...previous, { destination, type: 'tmpfs', ...optionsOf(options) }];
}

function optionsOf(text: string | undefined): Pick<oci.Mount, 'options'> {
  return text === undefined ? {} : { options: text.split(',') };
}

/** `NAME=value`, added to those before it. */
export function collect(text: string, previous: string[] = []): string[] {
  if (!/^[^=]+=/s.test(text)) throw new InvalidArgumentError('Use NAME=value.');
  return [...previous, text];
}

/** As the limits form of the editor reads them: `M` alone is binary, as for the kernel and systemd, `MB` is decimal. */
const byteUnits: ReadonlyMap<string, number> = new Map(
  ['k', 'm', 'g', 't'].flatMap((prefix, index): [string, number][] => [
    [prefix, 1024 ** (index + 1)],
    [`${prefix}ib`, 1024 ** (index + 1)],
    [`${prefix}b`, 1000 ** (index + 1)],
  ]),
)
  .set('', 1)
  .set('b', 1);

/** Bytes: `100M` and `100MiB` are 100 × 1024², `100MB` is 100 × 1000². */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = byteUnits.get(match?.[2]?.toLowerCase() ?? '');
  const bytes = match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError('Use a size such as 100M (MiB), 100MB or 1.5G.');
  return bytes;
}

/** A number above 0, such as cores or seconds. */
export function parsePositive(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('Use a number above 0.');
  return number;
}
