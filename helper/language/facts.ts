/** What has to be known of this machine to judge a specification file. Looking it up is here; judging is pure. */
import { promises as fs } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import type { Machine } from '../container/machine.js';
import { type ResolvedRoot, withRoot } from '../container/root.js';
import { readProfile } from '../container/seccompFile.js';
import { listContainers } from '../container/watcher.js';
import { layeredRoot } from '../inspect/root.js';
import { readUserDatabase, type UserDatabase } from '../inspect/user.js';
import { listNetworks } from '../network/networks.js';
import { type PodRecord, readPods } from '../pods/store.js';
import type {
  ContainerSpecification,
  ContainerState,
  ErrorData,
  ImageSummary,
  NetworkSummary,
  RootSource,
  TerrariumError,
} from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';

/** Where the file is, and how far it may be believed. */
export interface FilePlace {
  /** Relative sources of mounts start there. */
  folder: string;
  home: string;
  /** Else paths that the file names are not even looked at: a look can mount, and wake other machines. */
  trusted: boolean;
}

/** The root that a file asks for. */
export type RootFacts =
  | { kind: 'unknown' }
  | { kind: 'refused'; error: TerrariumError }
  | { kind: 'found'; users: UserDatabase; image?: ResolvedRoot['image'] }
  /** It is there, its users cannot be read. */
  | { kind: 'unreadable'; error: TerrariumError; image?: ResolvedRoot['image'] };

export interface Facts {
  images: readonly Pick<ImageSummary, 'name' | 'digest' | 'sizeBytes'>[];
  containers: readonly { name: string; state: ContainerState }[];
  networks: readonly Pick<NetworkSummary, 'name' | 'subnet'>[];
  pods: readonly Pick<PodRecord, 'name' | 'shares' | 'network' | 'hostname'>[];
  identity: Identity;
  root: RootFacts;
  /** Sources of mounts that were looked for, by the path they stand for: is there anything? */
  sources: ReadonlyMap<string, boolean>;
  /** What is wrong with the file of the seccomp profile that it names. */
  seccompProfile?: TerrariumError;
  /** Seconds since boot: no clock of a time namespace can be below zero. */
  uptime: number;
}

/** What of a specification leads to the machine; of a file that is being written, as far as it is there. */
export type Questions = Pick<ContainerSpecification, 'root' | 'mounts' | 'seccomp'>;

/** Looks everything up. Rejects when images or containers cannot be listed. */
export async function gatherFacts(
  machine: Machine,
  { root, mounts, seccomp }: Questions,
  place: FilePlace,
): Promise<Facts> {
  const sources = place.trusted
    ? (mounts ?? []).flatMap(({ type, source }) => (type === 'volume' ? [] : (source ?? [])))
    : [];
  const [images, containers, networks, pods, rootFacts, found, seccompProfile] = await Promise.all([
    machine.images.list(),
    listContainers(machine),
    listNetworks(machine),
    readPods(machine.locations),
    lookAtRoot(machine, root ?? { kind: 'host' }, place),
    Promise.all(sources.map(async (source) => [source, await isThere(source)] as const)),
    place.trusted ? problemOfProfile(seccomp) : undefined,
  ]);
  return {
    images,
    containers,
    networks,
    pods,
    identity: machine.identity,
    root: rootFacts,
    sources: new Map(found),
    ...(seccompProfile === undefined ? {} : { seccompProfile }),
    uptime: os.uptime(),
  };
}

async function problemOfProfile(seccomp: ContainerSpecification['seccomp']): Promise<TerrariumError | undefined> {
  const file = typeof seccomp === 'object' && 'profile' in seccomp ? seccomp.profile : undefined;
  if (typeof file !== 'string' || file === 'default') return undefined;
  try {
    await readProfile(file);
    return undefined;
  } catch (error) {
    return expected(error);
  }
}

async function lookAtRoot(machine: Machine, root: RootSource, place: FilePlace): Promise<RootFacts> {
  if (root.kind === 'directory' && !place.trusted) return { kind: 'unknown' };
  try {
    return await withRoot(machine, root, async ({ layers, image }): Promise<RootFacts> => {
      const shared = image === undefined ? {} : { image };
      try {
        const users = await readUserDatabase(layeredRoot(layers.length === 0 ? ['/'] : layers));
        return { kind: 'found', users, ...shared };
      } catch (error) {
        return { kind: 'unreadable', error: expected(error), ...shared };
      }
    });
  } catch (error) {
    return { kind: 'refused', error: expected(error) };
  }
}

/** Errors of the protocol are facts; others are defects. */
function expected(error: unknown): TerrariumError {
  if (error instanceof ResponseError) return error as ResponseError<ErrorData>;
  throw error;
}

async function isThere(file: string): Promise<boolean> {
  try {
    await fs.stat(file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What may not be looked at may be there all the same: the start will tell.
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/**
 * The value of a file with the paths in it made absolute, as they are when it is launched: `~` is the home folder, and
 * what is relative starts at the file. Pure.
 */
export function withAbsolutePaths(value: unknown, place: Pick<FilePlace, 'folder' | 'home'>): unknown {
  if (!isRecord(value)) return value;
  const { root, mounts, seccomp } = value;
  const absolute = (file: string) =>
    file === '~' || file.startsWith('~/') ? path.join(place.home, file.slice(1)) : path.resolve(place.folder, file);
  return {
    ...value,
    ...(isRecord(root) && typeof root.path === 'string' ? { root: { ...root, path: absolute(root.path) } } : {}),
    ...(isRecord(seccomp) && typeof seccomp.profile === 'string' && seccomp.profile !== 'default'
      ? { seccomp: { ...seccomp, profile: absolute(seccomp.profile) } }
      : {}),
    ...(Array.isArray(mounts)
      ? {
          mounts: mounts.map((mount: unknown) =>
            isRecord(mount) && typeof mount.source === 'string' && mount.type !== 'tmpfs' && mount.type !== 'volume'
              ? { ...mount, source: absolute(mount.source) }
              : mount,
          ),
        }
      : {}),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
