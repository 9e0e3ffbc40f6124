import {
  isUnixServer,
  type LinkCounters,
  type LinkShape,
  type Neighbour,
  type NetworkInterface,
  type NetworkMember,
  type NetworkSocket,
  type NetworkSummary,
  type Route,
  type SocketProcess,
  type UnixSocket,
  unixAddress,
} from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** Names of interfaces are chosen inside: up to 15 bytes of almost anything. */
const nameOf = (name: string) => plainText(name, 16);

/** The state as people say it: of lo the kernel knows none, whether it is up or not. */
function linkState({ state, flags }: NetworkInterface): string {
  if (state !== 'unknown') return state;
  return flags.includes('UP') ? 'up' : 'down';
}

const addressesOf = ({ addresses }: NetworkInterface) => addresses.map(({ address, prefix }) => `${address}/${prefix}`);

/** Queueing disciplines that make a link worse: tc-netem(8), and tc-tbf(8) for a rate alone. */
const shapers = new Set<string | undefined>(['netem', 'tbf']);

/** `host`: it is this machine's own. */
export function presentInterface(link: NetworkInterface, host = false): Presentation {
  const name = nameOf(link.name);
  const state = linkState(link);
  const addresses = addressesOf(link);
  const shaped = shapers.has(link.queue) ? ['slow or lossy'] : [];
  return {
    label: name,
    description: [
      ...(state === 'up' ? [] : [state]),
      ...shaped,
      ...(addresses.length === 0 ? ['no address'] : addresses),
    ].join(' · '),
    tooltip: tooltipText([
      `${name}${link.kind === undefined ? '' : `, ${plainText(link.kind, 20)}`}, ${state}`,
      ...addresses,
      `Flags: ${link.flags.join(', ')}`,
    ]),
    icon: { id: state === 'up' ? 'plug' : 'debug-disconnect' },
    contextValue: host || link.flags.includes('LOOPBACK') ? 'interface.fixed' : 'interface',
    accessibleLabel: [`Interface ${name}`, state, ...shaped, addresses.join(', ') || 'no address'].join(', '),
  };
}

/** What an interface is made of, one line each. */
export function presentInterfaceParts(link: NetworkInterface): Presentation[] {
  const counted = (label: string, { bytes, packets, errors, dropped }: LinkCounters) => {
    const lost = [...(errors > 0 ? [`${errors} errors`] : []), ...(dropped > 0 ? [`${dropped} dropped`] : [])];
    return line(label, [formatBytes(bytes), `${packets} packets`, ...lost].join(' · '), 'graph');
  };
  return [
    ...link.addresses.map(({ address, prefix, scope }) =>
      line(`${address}/${prefix}`, scope === 'global' ? '' : scope, 'symbol-numeric'),
    ),
    counted('received', link.received),
    counted('sent', link.sent),
    line('mtu', String(link.mtu), 'symbol-ruler'),
    ...(link.linkAddress === undefined || link.flags.includes('LOOPBACK')
      ? []
      : [line('link address', link.linkAddress, 'symbol-key')]),
    ...(link.kind === undefined ? [] : [line('kind', plainText(link.kind, 20), 'symbol-class')]),
    ...(link.master === undefined ? [] : [line('port of', nameOf(link.master), 'type-hierarchy')]),
    ...(link.queue === undefined ? [] : [line('queue', plainText(link.queue, 20), 'list-ordered')]),
  ];
}

export function presentRoute(route: Route): Presentation {
  const by = route.type === 'unicast' ? (route.gateway ?? 'the link itself') : plainText(route.type, 20);
  const parts = [
    ...(route.interface === undefined ? [] : [nameOf(route.interface)]),
    ...(route.source === undefined ? [] : [`from ${route.source}`]),
    ...(route.table === undefined ? [] : [`table ${route.table}`]),
  ];
  return line(route.destination, [`by ${by}`, ...parts].join(' · '), 'arrow-right');
}

export function presentNeighbour({ address, linkAddress, interface: name, state }: Neighbour): Presentation {
  return line(address, [linkAddress ?? 'unknown', nameOf(name), state].join(' · '), 'device-desktop');
}

/** `127.0.0.1:80`, `[::1]:80`. */
const endpoint = ({ address, port }: NetworkSocket['local']) =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

export function presentConnection({ protocol, local, remote, state, processes }: NetworkSocket): Presentation {
  const who = programsText(processes);
  const label = remote === undefined ? endpoint(local) : `${endpoint(local)} ↔ ${endpoint(remote)}`;
  return line(label, [protocol, state, who].filter((part) => part !== '').join(' · '), 'arrow-swap');
}

/**
 * UNIX sockets, in the order of `sockets`.
 * @param isShown of others only the names are used, where one is connected to them
 */
export function presentUnixSockets(
  sockets: readonly UnixSocket[],
  isShown: (socket: UnixSocket) => boolean,
): Presentation[] {
  const byInode = new Map(sockets.map((socket) => [socket.inode, socket]));
  const place = (socket: UnixSocket) => {
    const address = unixAddress(socket);
    return address === undefined ? undefined : plainText(address, 120);
  };
  const otherEnd = (inode: number) => {
    const peer = byInode.get(inode);
    // A path leads to whoever listens there, in whichever network namespace.
    return peer === undefined ? 'another network namespace' : (place(peer) ?? programsText(peer.processes));
  };
  return sockets.filter(isShown).map((socket) => {
    const { type, state, peer, processes } = socket;
    const to = peer === undefined ? '' : otherEnd(peer);
    const parts = [type, state, to === '' ? '' : `to ${to}`, programsText(processes)];
    const icon = isUnixServer(socket) ? 'circle-outline' : 'arrow-swap';
    return line(place(socket) ?? 'no name', parts.filter((part) => part !== '').join(' · '), icon);
  });
}

/** Who has a socket, by the pids inside. */
function programsText(processes: readonly SocketProcess[]): string {
  return processes.map(({ name, innerPid }) => `${plainText(name, 40)} (${innerPid})`).join(', ');
}

/** How a link was made worse: `cut`, `100 ms later, 5 % lost`. */
export function shapeText({ delayMs, lossPercent, rate, down }: LinkShape): string {
  const parts = [
    ...(down === true ? ['cut'] : []),
    ...(delayMs === undefined ? [] : [`${delayMs} ms later`]),
    ...(lossPercent === undefined ? [] : [`${lossPercent} % lost`]),
    ...(rate === undefined ? [] : [`${Number((rate / 1000).toPrecision(4))} kbit/s`]),
  ];
  return parts.length === 0 ? 'as at the start' : parts.join(', ');
}

/** `100 1 500`: milliseconds, percent, kilobits a second; undefined for anything else. The helper judges the numbers. */
export function parseShape(text: string): LinkShape | undefined {
  const words = text.trim().split(/\s+/);
  const numbers = words.map(Number);
  const isShape = text.trim() !== '' && words.length <= 3 && numbers.every((number) => number >= 0 && number < 1e9);
  if (!isShape) return undefined;
  const [delayMs = 0, lossPercent = 0, kilobits = 0] = numbers;
  return {
    ...(delayMs === 0 ? {} : { delayMs }),
    ...(lossPercent === 0 ? {} : { lossPercent }),
    ...(kilobits === 0 ? {} : { rate: kilobits * 1000 }),
  };
}

/** A line that others of its kind are below. */
export function presentGroup(label: string, count: number, icon: string): Presentation {
  return { ...line(label, String(count), icon), contextValue: 'networkGroup' };
}

/** Sockets that are in none of the lists. */
export function presentMoreSockets(count: number): Presentation {
  return line('More sockets', `${count}, too many to be listed`, 'ellipsis');
}

function line(label: string, description: string, icon: string): Presentation {
  return {
    label,
    ...(description === '' ? {} : { description }),
    tooltip: description === '' ? label : `${label}: ${description}`,
    icon: { id: icon },
    contextValue: 'fact',
    accessibleLabel: description === '' ? label : `${label}: ${description}`,
  };
}

/** A named network in the view of networks. */
export function presentNetwork({
  name,
  subnet,
  subnet6,
  live,
  outbound,
  outboundState,
  containers,
}: NetworkSummary): Presentation {
  const shown = plainText(name, 64);
  const count = containers.length === 1 ? '1 container' : `${containers.length} containers`;
  const state = live ? 'up' : 'not up';
  const isCut = live && outboundState !== undefined && outboundState !== 'up';
  const ending = outboundState === 'given-up' ? 'its way out ended too often' : 'its way out has ended';
  const reaches = outbound === 'none' ? [] : [isCut ? ending : 'with a way out'];
  return {
    label: shown,
    description: [subnet, count, ...reaches].join(' · '),
    tooltip: tooltipText([
      `${shown}: ${subnet}, ${count}`,
      subnet6 === undefined ? 'Without IPv6' : `IPv6: ${subnet6}`,
      live ? 'Its namespace and bridge are there' : 'It comes up with the first container in it that is started',
      isCut
        ? outboundState === 'given-up'
          ? 'It is made again with Reconnect, or with the next start of a container in it'
          : 'It is made again by itself while containers of it run'
        : undefined,
    ]),
    icon: isCut
      ? { id: 'warning', color: 'problemsWarningIcon.foreground' }
      : live
        ? { id: 'type-hierarchy', color: 'testing.iconPassed' }
        : { id: 'type-hierarchy' },
    contextValue: isCut ? 'network.cut' : 'network',
    accessibleLabel: [`Network ${shown}`, subnet, state, count, ...reaches].join(', '),
  };
}

export function presentMember({ name, address, address6, running, link }: NetworkMember): Presentation {
  const shown = plainText(name, 64);
  const worse = link === undefined ? [] : [shapeText(link)];
  const at = address ?? 'no address yet';
  return {
    label: shown,
    description: [at, ...(running ? [] : ['not running']), ...worse].join(' · '),
    tooltip: tooltipText([
      `${shown}: ${[at, ...(address6 === undefined ? [] : [address6])].join(', ')}`,
      address === undefined
        ? 'It gets an address with its first start'
        : 'The others in this network reach it by its name, too',
    ]),
    icon: running ? { id: 'vm-running' } : { id: 'vm-outline' },
    contextValue: running ? 'networkMember.running' : 'networkMember',
    accessibleLabel: `Container ${shown} in the network, ${at}, ${running ? 'running' : 'not running'}${worse.length === 0 ? '' : `, ${worse.join()}`}`,
  };
}
