import type { NetworkInterface, NetworkSocket, NetworkState, PublishedPort } from '../../helper/protocol/index.js';
import type { FactNode, InterfaceNode, LeafNode } from '../containers/nodes.js';
import type { Presentation } from '../views/presentation.js';
import {
  presentConnection,
  presentGroup,
  presentInterface,
  presentInterfaceParts,
  presentMoreSockets,
  presentNeighbour,
  presentRoute,
  presentUnixSockets,
} from './networkText.js';
import { type Listener, listenersOf, presentListener, presentPort, unpublished } from './portText.js';

/** Beyond these a list helps nobody: the command line shows all. */
const mostConnections = 100;

/**
 * What is below the network of a container: the ways in first, then what it has. Of this machine's network only what is
 * held by one of the container's own processes counts as its: `pids`, those inside of it.
 */
export function networkLeaves(
  container: string,
  state: NetworkState,
  ports: readonly PublishedPort[],
  pids: readonly number[],
): LeafNode[] {
  const base = { container, section: 'network' as const };
  const own = new Set(pids);
  const isOwn = ({ processes }: Pick<NetworkSocket, 'processes'>) =>
    !state.host || processes.some(({ pid }) => own.has(pid));
  const sockets = state.sockets.filter(isOwn);
  const unix = presentUnixSockets(state.unixSockets ?? [], isOwn);
  const listeners = listenersOf({ sockets });
  const offered = state.host ? listeners : unpublished({ sockets, host: false }, ports);
  const connections = sockets.filter(({ remote, state: known }) => remote !== undefined && known !== 'time-wait');
  return [
    ...ports.map((port) => portLeaf(container, port, listeners)),
    ...offered.map((listener) => ({
      ...base,
      kind: 'listener' as const,
      key: `listener/${listener.protocol}/${listener.port}`,
      listener,
      presentation: presentListener(listener, state.host),
    })),
    ...(state.unreadable === undefined
      ? []
      : [{ ...base, kind: 'failure' as const, key: 'unreadable', message: state.unreadable }]),
    ...state.interfaces.map((link) => interfaceLeaf(container, link, state.host)),
    ...groupOf(container, 'Routes', 'list-tree', state.routes.map(presentRoute)),
    ...groupOf(container, 'Neighbours', 'device-desktop', state.neighbours.map(presentNeighbour)),
    ...groupOf(
      container,
      'Connections',
      'arrow-swap',
      connections.slice(0, mostConnections).map(presentConnection),
      connections.length,
    ),
    ...(state.moreSockets === undefined
      ? []
      : [{ ...base, kind: 'fact' as const, key: 'moreSockets', presentation: presentMoreSockets(state.moreSockets) }]),
    ...groupOf(container, 'UNIX sockets', 'plug', unix.slice(0, mostConnections), unix.length),
  ];
}

function portLeaf(container: string, port: PublishedPort, listeners: readonly Listener[]): LeafNode {
  return {
    kind: 'port',
    container,
    section: 'network',
    key: `port/${port.protocol}/${port.address}/${port.hostPort}`,
    port,
    presentation: presentPort(port, listeners),
  };
}

function interfaceLeaf(container: string, link: NetworkInterface, host: boolean): InterfaceNode {
  const node: InterfaceNode = {
    kind: 'interface',
    container,
    section: 'network',
    key: `interface/${link.index}`,
    link,
    presentation: presentInterface(link, host),
    below: [],
  };
  node.below = presentInterfaceParts(link).map((presentation) => factBelow(node, presentation));
  return node;
}

/** One line with others below it; none when there are none. */
function groupOf(
  container: string,
  label: string,
  icon: string,
  lines: readonly Presentation[],
  count = lines.length,
): FactNode[] {
  if (count === 0) return [];
  const presentation = presentGroup(label, count, icon);
  const node: FactNode = { kind: 'fact', container, section: 'network', key: label, presentation };
  node.below = lines.map((one, index) => factBelow(node, one, index));
  return [node];
}

/** Two routes or connections may read alike: then their place tells them apart. */
function factBelow(above: FactNode | InterfaceNode, presentation: Presentation, index?: number): FactNode {
  const { container, section, key } = above;
  const { label, description } = presentation;
  return {
    kind: 'fact',
    container,
    section,
    key: `${key}/${index === undefined ? '' : `${index}/`}${label}`,
    presentation,
    // A number of its own is what somebody wants to have; of a counter its value.
    copy: /^[\da-f.:]+(\/\d+)?$/i.test(label) ? label : (description ?? label),
    above,
  };
}
