/** A network namespace as the kernel has it, of any process: interfaces, routes, neighbours, and sockets with who has them. */
import type { Machine } from '../container/machine.js';
import { readNamespace } from '../inspect/namespaces.js';
import { unlessDenied } from '../inspect/proc.js';
import { readStat } from '../inspect/stat.js';
import { readStatus } from '../inspect/status.js';
import type { NetworkSocket, NetworkState, ProcessIdentity, SocketProcess } from '../protocol/index.js';
import { readSockets } from './socketReader.js';
import { isListening } from './socketTable.js';
import { orderedUnix } from './unixSockets.js';
import { type NetworkView, ViewRefused, viewNetwork } from './view.js';

/** @throws NotFound when the process has ended, or is another one by now */
export async function readNetworkState(
  { stage }: Pick<Machine, 'stage'>,
  process: ProcessIdentity,
): Promise<NetworkState> {
  const { sockets, more } = await readSockets(process);
  const inode = unlessDenied(() => readNamespace(process.pid, 'network'));
  const view = await viewUnlessRefused(stage, process);
  const names = new Map<number, SocketProcess | undefined>();
  const processOf = (pid: number) => {
    if (!names.has(pid)) names.set(pid, socketProcess(pid));
    return names.get(pid) ?? [];
  };
  const { holders, unix, ...tables } = view;
  const processesOf = (socket: { inode: number }) => (holders.get(socket.inode) ?? []).flatMap(processOf);
  return {
    process,
    ...(inode === undefined ? {} : { inode }),
    host: inode !== undefined && inode === readNamespace('self', 'network'),
    ...tables,
    sockets: ordered(sockets.map((socket) => ({ ...socket, processes: processesOf(socket) }))),
    ...(more === 0 ? {} : { moreSockets: more }),
    ...(unix === undefined
      ? {}
      : { unixSockets: orderedUnix(unix.map((socket) => ({ ...socket, processes: processesOf(socket) }))) }),
  };
}

type View = NetworkView & Pick<NetworkState, 'unreadable'>;

async function viewUnlessRefused(stage: string, process: ProcessIdentity): Promise<View> {
  try {
    return await viewNetwork(stage, process);
  } catch (error) {
    if (!(error instanceof ViewRefused)) throw error;
    return {
      interfaces: [],
      routes: [],
      neighbours: [],
      holders: new Map(),
      unix: undefined,
      unreadable: error.message,
    };
  }
}

function socketProcess(pid: number): SocketProcess | undefined {
  const status = readStatus(pid);
  const name = readStat(pid)?.command;
  // Ended since.
  return status === undefined || name === undefined ? undefined : { pid, innerPid: status.pids.at(-1) ?? pid, name };
}

/** What waits for others first, by port; connections after it. Pure. */
export function ordered(sockets: readonly NetworkSocket[]): NetworkSocket[] {
  const rank = (socket: NetworkSocket) => (isListening(socket) ? 0 : 1);
  return [...sockets].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      a.local.port - b.local.port ||
      a.protocol.localeCompare(b.protocol) ||
      a.local.address.localeCompare(b.local.address) ||
      a.inode - b.inode,
  );
}
