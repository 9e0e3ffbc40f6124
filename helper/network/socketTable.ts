/** Sockets of a network namespace, as /proc/PID/net/tcp and the like tell of them (proc_pid_net(5)). Pure. */
import type { AddressFamily, NetworkSocket, PortProtocol, SocketAddress } from '../protocol/index.js';
import { addressText } from './netlink.js';

export type SocketTableName = 'tcp' | 'tcp6' | 'udp' | 'udp6';
export const socketTables: readonly SocketTableName[] = ['tcp', 'tcp6', 'udp', 'udp6'];

export type RawSocket = Omit<NetworkSocket, 'processes'>;

/** TCP_* of net/tcp_states.h, in the words of ss(8). */
const tcpStates = [
  'unknown',
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'close',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
  'syn-recv',
];

/** Lines of one of these files, its heading or not among them; what is not whole, since it was cut off, is left out. */
export function parseSocketTable(table: SocketTableName, text: string): RawSocket[] {
  const protocol: PortProtocol = table.startsWith('tcp') ? 'tcp' : 'udp';
  const family: AddressFamily = table.endsWith('6') ? 'inet6' : 'inet';
  return text.split('\n').flatMap((line) => {
    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
    const [number, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (number === 'sl') return [];
    if (local === undefined || remote === undefined || state === undefined || inode === undefined) return [];
    const other = endpoint(family, remote);
    return [
      {
        protocol,
        family,
        state: stateName(protocol, Number.parseInt(state, 16)),
        local: endpoint(family, local),
        // Both 0: there is none.
        ...(other.port === 0 ? {} : { remote: other }),
        inode: Number(inode),
      },
    ];
  });
}

/** Of UDP there are only two: one that has connected, and TCP_CLOSE, which receives from anybody. */
function stateName(protocol: PortProtocol, state: number): string {
  if (protocol === 'udp') return state === 1 ? 'established' : 'unconnected';
  return tcpStates[state] ?? 'unknown';
}

/** `0100007F:1F90`: words of 32 bits in the order of the machine, then the port in that of reading. */
function endpoint(family: AddressFamily, text: string): SocketAddress {
  const [address = '', port = ''] = text.split(':');
  const bytes = Buffer.from(address, 'hex');
  for (let word = 0; word + 4 <= bytes.length; word += 4) bytes.subarray(word, word + 4).reverse();
  return { address: addressText(family, bytes), port: Number.parseInt(port, 16) };
}

/** Whether it waits for others: TCP that listens, and UDP that has not connected. */
export function isListening({ state }: Pick<NetworkSocket, 'state'>): boolean {
  return state === 'listen' || state === 'unconnected';
}
