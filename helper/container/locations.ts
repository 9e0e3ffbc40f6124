import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { ErrorCode, terrariumError } from '../protocol/index.js';

/** Where things are on disk. All folders are 0700. */
export interface Locations {
  data: string;
  containers: string;
  /** One link per name, to the container that has it: names are unique because link names are. */
  names: string;
  images: string;
  /** Named volumes. */
  volumes: string;
  /** Limits of groups of containers. */
  groups: string;
  /** Named networks; see helper/network/store.ts. */
  networks: string;
  /** See helper/pods/store.ts. */
  pods: string;
  /** Sessions in processes that are in no container of ours. */
  entered: string;
  /** See hostLayer.ts. */
  hostLayer: string;
  runtime: string;
}

/** sockaddr_un holds 108 bytes with the NUL: unix(7). */
const longestSocketPath = 107;

/** Finds the folders by the XDG base directory specification; makes nothing. */
export function findLocations(environment: NodeJS.ProcessEnv, home: string, uid: number): Locations {
  const data = path.join(environment.XDG_DATA_HOME ?? path.join(home, '.local/share'), 'terrarium');
  const runtime = path.join(runtimeParent(environment.XDG_RUNTIME_DIR, uid), 'terrarium');
  return {
    data,
    containers: path.join(data, 'containers'),
    names: path.join(data, 'names'),
    images: path.join(data, 'images'),
    volumes: path.join(data, 'volumes'),
    groups: path.join(data, 'groups'),
    networks: path.join(data, 'networks'),
    pods: path.join(data, 'pods'),
    entered: path.join(data, 'entered'),
    hostLayer: path.join(data, 'host-layer'),
    runtime,
  };
}

function runtimeParent(fromEnvironment: string | undefined, uid: number): string {
  const candidates = [...(fromEnvironment === undefined ? [] : [fromEnvironment]), `/run/user/${uid}`];
  return candidates.find((folder) => isPrivate(folder, uid)) ?? `/tmp/terrarium-${uid}`;
}

/** A folder that only its owner, this user, can change: no one else can put a socket of theirs in its place. */
function isPrivate(folder: string, uid: number): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o022) === 0;
}

/** Makes the folders, and refuses a runtime folder that somebody else could have prepared in /tmp. */
export function makeLocations(locations: Locations, uid: number): void {
  for (const folder of [path.dirname(locations.runtime), locations.runtime, locations.data]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Before anything is made in it: a link that somebody laid must lead nowhere.
    if (!isPrivate(folder, uid)) {
      throw terrariumError(ErrorCode.Unavailable, `${folder} belongs to somebody else or can be written by others`, {
        path: folder,
        cause: 'A folder that others can write to would let them take the place of Terrarium.',
        fix: `Remove it, or set XDG_RUNTIME_DIR and XDG_DATA_HOME to folders of your own with mode 700.`,
      });
    }
  }
  const { containers, names, groups, volumes, networks, pods } = locations;
  for (const folder of [containers, names, groups, volumes, networks, pods])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(locations.runtime, 0o700);
  const longest = path.join(locations.runtime, 'zygote-0123456789abcdef.sock');
  if (Buffer.byteLength(longest) > longestSocketPath) {
    throw terrariumError(
      ErrorCode.Unavailable,
      `The runtime folder's path is too long for sockets: ${locations.runtime}`,
      {
        path: locations.runtime,
        fix: 'Set XDG_RUNTIME_DIR to a folder with a shorter path.',
      },
    );
  }
}
