/**
 * Sockets of TCP and UDP of a process's network, read piece by piece: a busy machine has tens of thousands, and whoever waits
 * for another answer must not wait for all of them.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ended } from '../inspect/privateParts.js';
import { unlessGoneLater } from '../inspect/proc.js';
import { readStat } from '../inspect/stat.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { isListening, parseSocketTable, type RawSocket, type SocketTableName, socketTables } from './socketTable.js';

/** Of each kind: what waits for others, connections, and those that are over. No list of more is of use to anybody. */
export const mostSockets = 10_000;

export interface SocketsRead {
  sockets: RawSocket[];
  /** How many more there are. */
  more: number;
}

/**
 * TCP and UDP in the network namespace of a process; anybody may read these.
 * @param most of each kind
 * @throws NotFound when the process has ended, or is another one by now
 */
export async function readSockets(process: ProcessIdentity, most = mostSockets): Promise<SocketsRead> {
  const kinds = { waiting: [] as RawSocket[], connected: [] as RawSocket[], over: [] as RawSocket[] };
  let more = 0;
  await readTables(process, (piece) => {
    for (const socket of piece) {
      const kind = kinds[isListening(socket) ? 'waiting' : socket.state === 'time-wait' ? 'over' : 'connected'];
      if (kind.length < most) kind.push(socket);
      else more++;
    }
    return 'on';
  });
  return { sockets: [...kinds.waiting, ...kinds.connected, ...kinds.over], more };
}

/** Only what waits for others, at most `mostSockets`; no more is read than that takes. @throws NotFound */
export async function readListeners(process: ProcessIdentity): Promise<RawSocket[]> {
  const found: RawSocket[] = [];
  await readTables(process, (piece, table) => {
    for (const socket of piece) {
      if (isListening(socket)) found.push(socket);
      // Of TCP those that listen come first: Documentation/networking/proc_net_tcp.rst.
      else if (table.startsWith('tcp')) return 'next';
    }
    return found.length < mostSockets ? 'on' : 'next';
  });
  return found.slice(0, mostSockets);
}

/** @param take  is given what was read, and says whether to go on with the table or with the next one */
async function readTables(
  { pid, startTime }: ProcessIdentity,
  take: (piece: readonly RawSocket[], table: SocketTableName) => 'on' | 'next',
): Promise<void> {
  const folder = await unlessGoneLater(open(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY));
  if (folder === undefined) throw ended(pid);
  try {
    // Through one descriptor, so that all of it is about the same process.
    for (const table of socketTables) {
      for await (const piece of socketsIn(table, piecesOf(`/proc/self/fd/${folder.fd}/net/${table}`))) {
        if (take(piece, table) === 'next') break;
      }
    }
    const stat = readStat(folder.fd, '/proc/self/fd');
    // A zombie is in no network namespace any more.
    if (stat?.startTime !== startTime || stat.state === 'Z') throw ended(pid);
  } finally {
    await folder.close();
  }
}

/** Sockets of a table as its text comes, which may be cut anywhere. */
export async function* socketsIn(table: SocketTableName, pieces: AsyncIterable<string>): AsyncGenerator<RawSocket[]> {
  let rest = '';
  for await (const piece of pieces) {
    const text = rest + piece;
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    yield parseSocketTable(table, text.slice(0, end));
  }
  yield parseSocketTable(table, rest);
}

/** The kernel gives a page of such a file at a time, however much is asked for. */
async function* piecesOf(path: string): AsyncGenerator<string> {
  // A kernel without IPv6 has not all of them.
  const file = await unlessGoneLater(open(path));
  if (file === undefined) return;
  try {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) return;
      yield buffer.toString('latin1', 0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
