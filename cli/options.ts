import * as path from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { ContainerSpecification, oci } from '../helper/protocol/index.js';

export interface RunOptions {
  name?: string;
  detach?: boolean;
  rm?: boolean;
  tty?: boolean;
  root?: string;
  writable?: ContainerSpecification['writable'];
  hostname?: string;
  user?: string;
  cwd?: string;
  env?: string[];
  mount?: oci.Mount[];
  net?: string;
  memory?: number;
  cpus?: number;
  pids?: number;
  init?: boolean;
}

const period = 100_000;

/** What `run` and `create` ask for, in the protocol's words. */
export function specificationOf(options: RunOptions, args: string[]): ContainerSpecification {
  const { memory, cpus, pids } = options;
  const resources: oci.Resources = {
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * period), period } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  return {
    args,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.root === undefined ? {} : { root: parseRoot(options.root) }),
    ...(options.writable === undefined ? {} : { writable: options.writable }),
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.mount === undefined ? {} : { mounts: options.mount }),
    ...(options.net === undefined ? {} : { network: parseNetwork(options.net) }),
    ...(options.tty === undefined ? {} : { terminal: options.tty }),
    ...(options.init === undefined ? {} : { init: options.init }),
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
  };
}

/** `host`, a folder (it has a slash at its start or begins with a dot), or the name of an image. */
export function parseRoot(text: string): NonNullable<ContainerSpecification['root']> {
  if (text === 'host') return { kind: 'host' };
  if (text.startsWith('/')) return { kind: 'directory', path: text };
  if (text.startsWith('.')) return { kind: 'directory', path: path.resolve(text) };
  return { kind: 'image', name: text };
}

export function parseNetwork(text: string): NonNullable<ContainerSpecification['network']> {
  if (text === 'none' || text === 'host') return { kind: text };
  if (text.startsWith('container:')) return { kind: 'container', container: text.slice('container:'.length) };
  throw new InvalidArgumentError('Use none, host or container:NAME.');
}

/** `SRC:DST[:OPTIONS]`, options with commas between them. */
export function parseMount(text: string, previous: oci.Mount[] = []): oci.Mount[] {
  const [source = '', destination = '', options, ...rest] = text.split(':');
  if (source === '' || !destination.startsWith('/') || rest.length > 0) {
    throw new InvalidArgumentError('Use SOURCE:DESTINATION or SOURCE:DESTINATION:ro, with an absolute destination.');
  }
  const from = path.resolve(source);
  return [
    ...previous,
    { source: from, destination, type: 'bind', ...(options === undefined ? {} : { options: options.split(',') }) },
  ];
}

export function collect(text: string, previous: string[] = []): string[] {
  if (!/^[^=]+=/s.test(text)) throw new InvalidArgumentError('Use NAME=value.');
  return [...previous, text];
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes: `100M` and `100MiB` are 100 × 1024², as the kernel reads them. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const unit = units[match?.[2]?.toLowerCase() ?? ''];
  if (match === null || unit === undefined) throw new InvalidArgumentError('Use a size such as 100M or 1.5G.');
  return Math.round(Number(match[1]) * unit);
}

export function parsePositive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('Use a number above 0.');
  return number;
}
