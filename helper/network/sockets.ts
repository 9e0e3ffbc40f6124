/** Sockets of a network namespace, as /proc/PID/net tells of them, and whose they are. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PortProtocol } from '../protocol/index.js';

export interface PortHolder {
  pid: number;
  /** Its command line, at most 15 bytes where that cannot be read. */
  command: string;
}

/** TCP_LISTEN of net/tcp_states.h. UDP sockets that receive are in TCP_CLOSE. */
const waiting: Readonly<Record<PortProtocol, string>> = { tcp: '0A', udp: '07' };

/**
 * Inodes of the sockets that wait at a port, from the text of /proc/net/tcp and the like (proc_pid_net(5)): columns
 * local_address (the port hexadecimal), st and inode. Pure.
 */
export function socketsAt(table: string, protocol: PortProtocol, port: number): number[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      const [local = '', state, inode] = [columns[1], columns[3], columns[9]];
      const isThere = Number.parseInt(local.split(':')[1] ?? '', 16) === port && state === waiting[protocol];
      return isThere && inode !== undefined ? [Number(inode)] : [];
    });
}

/** Who waits at a port of this machine, as far as this user may see it; undefined: somebody else, or nobody. */
export function findPortHolder(protocol: PortProtocol, port: number): PortHolder | undefined {
  const inodes = [protocol, `${protocol}6`].flatMap((name) => socketsAt(readOr(`/proc/net/${name}`), protocol, port));
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
