import { isIP } from 'node:net';
import type {
  NetworkSocket,
  NetworkState,
  PortMapping,
  PortProtocol,
  PublishedPort,
} from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** Something in a container that waits at a port. */
export interface Listener {
  protocol: PortProtocol;
  port: number;
  /** The addresses inside that it waits at. */
  addresses: string[];
  /** What the processes call themselves, each once. */
  programs: string[];
  /** A published port leads to 127.0.0.1 inside: it does not reach one that waits only elsewhere. */
  reachable: boolean;
}

/** Sockets that wait at one port are one line: a server often has one for IPv4 and one for IPv6. */
export function listenersOf({ sockets }: Pick<NetworkState, 'sockets'>): Listener[] {
  const found = new Map<string, Listener>();
  for (const socket of sockets) {
    if (!waits(socket)) continue;
    const { protocol, local, processes } = socket;
    const key = `${protocol} ${local.port}`;
    const known = found.get(key) ?? { protocol, port: local.port, addresses: [], programs: [], reachable: false };
    const programs = processes.map(({ name }) => plainText(name, 40));
    found.set(key, {
      ...known,
      addresses: [...new Set([...known.addresses, local.address])],
      programs: [...new Set([...known.programs, ...programs])],
      reachable: known.reachable || reached.has(local.address),
    });
  }
  return [...found.values()].sort((a, b) => a.protocol.localeCompare(b.protocol) || a.port - b.port);
}

/** Addresses at which a connection to 127.0.0.1 arrives. */
const reached = new Set(['0.0.0.0', '127.0.0.1', '::', '::ffff:0.0.0.0', '::ffff:127.0.0.1']);

/** net.ipv4.ip_local_port_range begins there: UDP sockets above are mostly of clients that wait for an answer. */
const firstEphemeralPort = 32_768;

function waits({ state, protocol, local }: NetworkSocket): boolean {
  return state === 'listen' || (state === 'unconnected' && protocol === 'udp' && local.port < firstEphemeralPort);
}

/** Those that no port of this machine leads to; none of a container that has this machine's network. */
export function unpublished(
  state: Pick<NetworkState, 'sockets' | 'host'>,
  ports: readonly Pick<PublishedPort, 'protocol' | 'containerPort'>[],
): Listener[] {
  if (state.host) return [];
  return listenersOf(state).filter(
    ({ protocol, port }) => !ports.some((one) => one.containerPort === port && one.protocol === protocol),
  );
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function placeOf({ address, hostPort }: Pick<PublishedPort, 'address' | 'hostPort'>): string {
  return `${address.includes(':') ? `[${address}]` : address}:${hostPort}`;
}

/** Where a browser on this machine finds it. What listens at all addresses is reached by the first. */
export function urlOf({ address, hostPort, containerPort }: PublishedPort): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address] ?? address;
  const scheme = containerPort === 443 || containerPort === 8443 ? 'https' : 'http';
  return `${scheme}://${placeOf({ address: reachable, hostPort })}/`;
}

/** The port of this machine to ask for first: the same, or the one above it that an ordinary user may have. */
export function proposedHostPort(port: number): number {
  return port >= 1024 ? port : port + 8000;
}

/** `8000` or `53/udp`, a port in the container; undefined for anything else. */
export function parseContainerPort(text: string): { port: number; protocol: PortProtocol } | undefined {
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text.trim()) ?? [];
  const port = parsePort(digits);
  return port === undefined ? undefined : { port, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
}

/** `8080` or `0.0.0.0:8080`, a place on this machine; undefined for anything else. The helper judges the address. */
export function parseHostPlace(text: string): Pick<PortMapping, 'address' | 'hostPort'> | undefined {
  const [, address, digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const hostPort = parsePort(digits);
  if (hostPort === undefined) return undefined;
  return address === undefined ? { hostPort } : { address: address.replace(/^\[(.*)\]$/, '$1'), hostPort };
}

/**
 * `8080:80 0.0.0.0:5353:53/udp`, a place on this machine and a port in the container each; none of an empty text. Undefined
 * for anything else, and for what is no address.
 */
export function parsePortMappings(text: string): PortMapping[] | undefined {
  const mappings = text.split(/\s+/).filter(Boolean).map(parsePortMapping);
  const known = mappings.filter((mapping) => mapping !== undefined);
  return known.length === mappings.length ? known : undefined;
}

function parsePortMapping(word: string): PortMapping | undefined {
  const colon = word.lastIndexOf(':');
  const place = parseHostPlace(word.slice(0, Math.max(colon, 0)));
  const inside = parseContainerPort(word.slice(colon + 1));
  if (!place || !inside || (place.address !== undefined && isIP(place.address) === 0)) return undefined;
  return { ...place, containerPort: inside.port, ...(inside.protocol === 'udp' ? { protocol: 'udp' } : {}) };
}

function parsePort(digits: string): number | undefined {
  const port = Number.parseInt(digits, 10);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

const programsOf = ({ programs }: Pick<Listener, 'programs'>) => programs.join(', ');

/** A published port, with who waits at its other end. */
export function presentPort(port: PublishedPort, listeners: readonly Listener[]): Presentation {
  const place = placeOf(port);
  const also = port.alsoAt === undefined ? '' : `, and ${placeOf({ ...port, address: port.alsoAt })}`;
  const listener = listeners.find((one) => one.port === port.containerPort && one.protocol === port.protocol);
  const programs = listener && programsOf(listener);
  const who = listener === undefined ? 'nothing listens inside' : programs === '' ? 'listening' : programs;
  return {
    label: `${place} → ${port.containerPort}`,
    description: [...(port.protocol === 'udp' ? ['udp'] : []), who].join(' · '),
    tooltip: tooltipText([
      `${place}${also} of this machine leads to ${port.containerPort}/${port.protocol} in the container`,
      listener === undefined ? 'Nothing listens there now: connections are closed at once' : who,
      `Process ${port.publisher.pid} publishes it, until it is withdrawn or the container ends`,
    ]),
    icon: listener === undefined ? { id: 'circle-outline' } : { id: 'circle-filled', color: 'testing.iconPassed' },
    contextValue: `port.${port.protocol}`,
    accessibleLabel: `Published port ${place} to ${port.containerPort} ${port.protocol}, ${who}`,
  };
}

/** A port that something listens at and no port of this machine leads to. */
export function presentListener(listener: Listener, host: boolean): Presentation {
  const { port, protocol, addresses, reachable } = listener;
  const programs = programsOf(listener);
  const state = host ? "this machine's network" : reachable ? 'not published' : `at ${addresses.join(', ')} only`;
  return {
    label: protocol === 'udp' ? `${port}/udp` : String(port),
    description: [programs, state].filter((part) => part !== '').join(' · '),
    tooltip: tooltipText([
      `${programs === '' ? 'Something' : programs} listens at ${addresses.map((address) => plainText(address, 60)).join(', ')}, port ${port}/${protocol}`,
      host
        ? 'It is reached as anything on this machine is'
        : reachable
          ? 'It can be published: then a port of this machine leads to it'
          : 'A published port leads to 127.0.0.1 in the container, where it does not listen',
    ]),
    icon: { id: 'circle-outline' },
    contextValue: host || !reachable ? 'listener' : 'listener.publishable',
    accessibleLabel: [
      `Port ${port} ${protocol}`,
      programs === '' ? 'something listens' : `${programs} listens`,
      state,
    ].join(', '),
  };
}

/** Beside the name of the section, so that it is seen before it is opened. */
export function offerText(listeners: readonly Listener[]): string | undefined {
  const offered = listeners.filter(({ reachable, protocol }) => reachable && protocol === 'tcp');
  const [first] = offered;
  if (first === undefined) return undefined;
  const ports = offered.map(({ port }) => port).join(', ');
  const who = offered.length === 1 && first.programs.length > 0 ? ` · ${programsOf(first)}` : '';
  return `${ports}${who} · not published`;
}
