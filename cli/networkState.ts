import * as protocol from '../helper/protocol/index.js';
import { bytes, table } from './table.js';

/** What a network namespace holds, for people: a part for each kind of thing that there is. */
export function networkStateText(state: protocol.NetworkState): string {
  const { interfaces, routes, neighbours, sockets, moreSockets = 0, unixSockets = [], unreadable } = state;
  // Connections that have ended are remembered for a minute: on a busy machine there are thousands.
  const shown = sockets.filter(({ state: socketState }) => socketState !== 'time-wait');
  const over = sockets.length - shown.length;
  const servers = unixSockets.filter(protocol.isUnixServer);
  const others = unixSockets.length - servers.length;
  const parts: [string, string[], string[][]][] = [
    [
      'Interfaces',
      ['NAME', 'KIND', 'STATE', 'MTU', 'ADDRESSES', 'RECEIVED', 'SENT'],
      interfaces.map(({ name, kind = '–', state: linkState, flags, mtu, addresses, received, sent, queue, master }) => [
        master === undefined ? name : `${name} (of ${master})`,
        kind,
        // Of lo the state is unknown, up or not.
        [linkState === 'unknown' ? (flags.includes('UP') ? 'up' : 'down') : linkState, queue === 'netem' ? 'netem' : '']
          .filter((word) => word !== '')
          .join(', '),
        String(mtu),
        addresses.map(({ address, prefix }) => `${address}/${prefix}`).join(' ') || '–',
        bytes(received.bytes),
        bytes(sent.bytes),
      ]),
    ],
    [
      'Routes',
      ['TO', 'BY', 'INTERFACE', 'SOURCE', 'METRIC'],
      routes.map(({ destination, type, gateway, interface: name = '–', source = '–', metric, table: number }) => [
        number === undefined ? destination : `${destination} (table ${number})`,
        type === 'unicast' ? (gateway ?? 'the link') : type,
        name,
        source,
        metric === undefined ? '–' : String(metric),
      ]),
    ],
    [
      'Neighbours',
      ['ADDRESS', 'INTERFACE', 'AT', 'STATE'],
      neighbours.map(({ address, interface: name, linkAddress = '–', state: known }) => [
        address,
        name,
        linkAddress,
        known,
      ]),
    ],
    [
      'Sockets',
      ['PROTOCOL', 'STATE', 'HERE', 'THERE', 'PROCESSES'],
      shown.map(({ protocol: name, state: socketState, local, remote, processes }) => [
        name,
        socketState,
        endpointText(local),
        remote === undefined ? '–' : endpointText(remote),
        processesText(processes),
      ]),
    ],
    ['UNIX sockets', unixHeading, unixRows(unixSockets, servers)],
  ];
  const whose = state.host ? 'this machine’s' : 'its own, or shared with others';
  return [
    `Process ${state.process.pid}: network namespace ${state.inode ?? 'unknown'}, ${whose}`,
    ...(unreadable === undefined ? [] : [`Only sockets of TCP and UDP could be read. ${unreadable}`]),
    ...parts.flatMap(([title, heading, rows]) =>
      rows.length === 0 ? [] : ['', `${title}:`, table([heading, ...rows])],
    ),
    ...(over === 0 ? [] : ['', `${over} more connections are over (time-wait).`]),
    ...(moreSockets === 0
      ? []
      : ['', `${moreSockets} more sockets of TCP and UDP are too many to be listed: ss(8) counts and finds them.`]),
    ...(others === 0 ? [] : ['', `${others} more UNIX sockets are connected, or have no name: --unix shows them.`]),
  ].join('\n');
}

/** All UNIX sockets of a network namespace, and nothing else of it. */
export function unixSocketsText({ unixSockets, unreadable }: protocol.NetworkState): string {
  if (unixSockets === undefined) return unreadable ?? 'This kernel does not tell of UNIX sockets: it has no UNIX_DIAG.';
  return table([unixHeading, ...unixRows(unixSockets, unixSockets)]);
}

const unixHeading = ['TYPE', 'STATE', 'ADDRESS', 'CONNECTED TO', 'PROCESSES'];

/** @param all among them are the other ends of `shown`, as far as these are in the same namespace */
function unixRows(all: readonly protocol.UnixSocket[], shown: readonly protocol.UnixSocket[]): string[][] {
  const byInode = new Map(all.map((socket) => [socket.inode, socket]));
  const peerText = (inode: number) => {
    const peer = byInode.get(inode);
    if (peer === undefined) return `socket ${inode}, elsewhere`;
    return protocol.unixAddress(peer) ?? processesText(peer.processes);
  };
  return shown.map((socket) => [
    socket.type,
    socket.state,
    protocol.unixAddress(socket) ?? '–',
    socket.peer === undefined ? '–' : peerText(socket.peer),
    processesText(socket.processes),
  ]);
}

function processesText(processes: readonly protocol.SocketProcess[]): string {
  return processes.map(({ name, pid }) => `${name} (${pid})`).join(', ') || '–';
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function endpointText({ address, port }: protocol.SocketAddress): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
