/** Who waits at a port of this machine. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PortProtocol } from '../protocol/index.js';
import { isListening, parseSocketTable } from './socketTable.js';

export interface PortHolder {
  pid: number;
  /** Its command line, at most 15 bytes where that cannot be read. */
  command: string;
}

/** Who waits at a port of this machine, as far as this user may see it; undefined: somebody else, or nobody. */
export function findPortHolder(protocol: PortProtocol, port: number): PortHolder | undefined {
  const sockets = [protocol, `${protocol}6` as const].flatMap((table) =>
    parseSocketTable(table, readOr(`/proc/net/${table}`)),
  );
  const inodes = sockets.filter((one) => one.local.port === port && isListening(one)).map(({ inode }) => inode);
  const links = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (links.size === 0) return undefined;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const pid = pids.find((one) => descriptorsOf(one).some((link) => links.has(link)));
  return pid === undefined ? undefined : { pid: Number(pid), command: commandOf(pid) };
}

/** What the kernel lets nobody else see, or is gone by now, is as good as empty here. */
function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        // Closed since.
        return [];
      }
    });
  } catch {
    // Another user's, or ended.
    return [];
  }
}

function commandOf(pid: string): string {
  const words = readOr(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
  return words === '' ? readOr(`/proc/${pid}/comm`).trim() : words;
}
