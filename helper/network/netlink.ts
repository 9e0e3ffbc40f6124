/**
 * Answers of rtnetlink(7) to dumps of links, addresses, routes and neighbours: from bytes to data. Pure. Integers are in the
 * machine's own order, which is little-endian on all that Terrarium runs on; addresses are in the network's.
 */
import { SocketAddress } from 'node:net';
import type {
  AddressFamily,
  InterfaceAddress,
  LinkCounters,
  Neighbour,
  NetworkInterface,
  Route,
} from '../protocol/index.js';

/** What a network namespace holds. */
export interface NetworkTables {
  interfaces: NetworkInterface[];
  routes: Route[];
  neighbours: Neighbour[];
}

/** Of linux/netlink.h and linux/rtnetlink.h. */
const headerBytes = 16;
const messageTypes = { done: 3, newLink: 16, newAddress: 20, newRoute: 24, newNeighbour: 28 } as const;
/** NLM_F_DUMP_INTR: the table changed while it was read, so that something may be missing or there twice. */
const interruptedFlag = 0x10;

interface Message {
  type: number;
  flags: number;
  body: Buffer;
}

/** The messages in a row, as netlink(7) aligns them. @throws RangeError for what is none */
export function* messagesOf(bytes: Buffer): Generator<Message> {
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length)
      throw new RangeError(`a netlink message of ${length} bytes`);
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      body: bytes.subarray(at + headerBytes, at + length),
    };
    at += align(length);
  }
}

/** Attributes (rtnetlink(7)) after the structure of `start` bytes, by type; of one that is there twice the last. */
export function attributesOf(body: Buffer, start: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = align(start); at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4 || at + length > body.length) throw new RangeError(`a netlink attribute of ${length} bytes`);
    // The two highest bits say that it holds others, and how its integers are.
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += align(length);
  }
  return found;
}

const align = (length: number) => (length + 3) & ~3;

/** Whether a table changed under the reader's eyes: then all is to be read again. */
export function isInterrupted(bytes: Buffer): boolean {
  return [...messagesOf(bytes)].some(({ flags }) => (flags & interruptedFlag) !== 0);
}

/** All tables, from the answers to all dumps. @throws RangeError for what is no such answer */
export function parseTables(bytes: Buffer): NetworkTables {
  const messages = [...messagesOf(bytes)];
  const bodies = (type: number) => messages.filter((message) => message.type === type).map(({ body }) => body);
  const interfaces = linksOf(bodies(messageTypes.newLink));
  const names = new Map(interfaces.map(({ index, name }) => [index, name]));
  for (const body of bodies(messageTypes.newAddress)) {
    const address = addressOf(body);
    // struct ifaddrmsg: family, prefix, flags, scope, u32 index.
    const owner = interfaces.find(({ index }) => index === body.readUInt32LE(4));
    if (address !== undefined) owner?.addresses.push(address);
  }
  return {
    interfaces,
    routes: bodies(messageTypes.newRoute).flatMap((body) => routeOf(body, names) ?? []),
    neighbours: bodies(messageTypes.newNeighbour).flatMap((body) => neighbourOf(body, names) ?? []),
  };
}

// ---- links: linux/if_link.h --------------------------------------------------------------------------------------
const link = { address: 1, name: 3, mtu: 4, queue: 6, master: 10, state: 16, info: 18, counters: 23 } as const;
const infoKind = 1;
/** IF_OPER_* of linux/if.h, RFC 2863. */
const states = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];
/** IFF_* of netdevice(7). */
const interfaceFlags: readonly (readonly [number, string])[] = [
  [0x1, 'UP'],
  [0x2, 'BROADCAST'],
  [0x8, 'LOOPBACK'],
  [0x10, 'POINTOPOINT'],
  [0x40, 'RUNNING'],
  [0x80, 'NOARP'],
  [0x100, 'PROMISC'],
  [0x1000, 'MULTICAST'],
  [0x10000, 'LOWER_UP'],
];

function linksOf(bodies: readonly Buffer[]): NetworkInterface[] {
  const links = bodies.map((body) => ({ body, attributes: attributesOf(body, 16) }));
  const name = (attributes: Map<number, Buffer>) => text(attributes.get(link.name)) ?? '';
  // struct ifinfomsg: u8 family, u8, u16 type, i32 index, u32 flags, u32 change.
  const names = new Map(links.map(({ body, attributes }) => [body.readInt32LE(4), name(attributes)]));
  return links.map(({ body, attributes }) => {
    const info = attributes.get(link.info);
    const kind = info && text(attributesOf(info, 0).get(infoKind));
    const flags = body.readUInt32LE(8);
    const master = attributes.get(link.master);
    const above = master && names.get(master.readUInt32LE(0));
    const address = hardwareAddress(attributes.get(link.address));
    const queue = text(attributes.get(link.queue));
    return {
      index: body.readInt32LE(4),
      name: name(attributes),
      ...(kind === undefined ? {} : { kind }),
      flags: interfaceFlags.filter(([bit]) => (flags & bit) !== 0).map(([, flag]) => flag),
      state: states[attributes.get(link.state)?.[0] ?? 0] ?? 'unknown',
      mtu: attributes.get(link.mtu)?.readUInt32LE(0) ?? 0,
      ...(address === undefined ? {} : { linkAddress: address }),
      ...(above === undefined ? {} : { master: above }),
      ...(queue === undefined ? {} : { queue }),
      addresses: [],
      ...countersOf(attributes.get(link.counters)),
    };
  });
}

/** struct rtnl_link_stats64: packets, bytes, errors and dropped, each received, then sent. */
function countersOf(stats: Buffer | undefined): { received: LinkCounters; sent: LinkCounters } {
  const value = (index: number) => (stats === undefined ? 0 : Number(stats.readBigUInt64LE(index * 8)));
  const counters = (of: 0 | 1) => ({
    packets: value(of),
    bytes: value(2 + of),
    errors: value(4 + of),
    dropped: value(6 + of),
  });
  return { received: counters(0), sent: counters(1) };
}

// ---- addresses: linux/if_addr.h ----------------------------------------------------------------------------------
const address = { address: 1, local: 2 } as const;
/** RT_SCOPE_* of linux/rtnetlink.h. */
const scopes = new Map([
  [0, 'global'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
  [255, 'nowhere'],
]);

function addressOf(body: Buffer): InterfaceAddress | undefined {
  const family = familyOf(body);
  const attributes = attributesOf(body, 8);
  // Of a point-to-point link `address` is the other side's.
  const bytes = attributes.get(address.local) ?? attributes.get(address.address);
  if (family === undefined || bytes === undefined) return undefined;
  const scope = body.readUInt8(3);
  return { family, address: addressText(family, bytes), prefix: body.readUInt8(1), scope: named(scopes, scope) };
}

// ---- routes: linux/rtnetlink.h -----------------------------------------------------------------------------------
const route = { destination: 1, output: 4, gateway: 5, metric: 6, source: 7, table: 15 } as const;
const tables = { main: 254, local: 255 } as const;
/** RTM_F_CLONED: not a route but what is known of one destination. */
const clonedFlag = 0x200;
const routeTypes = new Map([
  [1, 'unicast'],
  [2, 'local'],
  [3, 'broadcast'],
  [4, 'anycast'],
  [5, 'multicast'],
  [6, 'blackhole'],
  [7, 'unreachable'],
  [8, 'prohibit'],
  [9, 'throw'],
  [10, 'nat'],
]);

function routeOf(body: Buffer, names: ReadonlyMap<number, string>): Route | undefined {
  const family = familyOf(body);
  const attributes = attributesOf(body, 12);
  // struct rtmsg: u8 family, dst_len, src_len, tos, table, protocol, scope, type, u32 flags. A table above 255 is an attribute.
  const table = attributes.get(route.table)?.readUInt32LE(0) ?? body.readUInt8(4);
  if (family === undefined || table === tables.local || (body.readUInt32LE(8) & clonedFlag) !== 0) return undefined;
  const destination = attributes.get(route.destination);
  const length = body.readUInt8(1);
  const gateway = attributes.get(route.gateway);
  const source = attributes.get(route.source);
  const output = attributes.get(route.output);
  const name = output && nameOf(names, output.readUInt32LE(0));
  const metric = attributes.get(route.metric)?.readUInt32LE(0);
  return {
    family,
    destination:
      length === 0 || destination === undefined ? 'default' : `${addressText(family, destination)}/${length}`,
    type: named(routeTypes, body.readUInt8(7)),
    ...(gateway === undefined ? {} : { gateway: addressText(family, gateway) }),
    ...(name === undefined ? {} : { interface: name }),
    ...(source === undefined ? {} : { source: addressText(family, source) }),
    ...(metric === undefined ? {} : { metric }),
    ...(table === tables.main ? {} : { table }),
  };
}

// ---- neighbours: linux/neighbour.h -------------------------------------------------------------------------------
const neighbour = { destination: 1, linkAddress: 2 } as const;
/** NUD_*; NOARP is for what needs no neighbour, such as loopback and multicast, and is left out as ip-neighbour(8) does. */
const neighbourStates = new Map([
  [0x01, 'incomplete'],
  [0x02, 'reachable'],
  [0x04, 'stale'],
  [0x08, 'delay'],
  [0x10, 'probe'],
  [0x20, 'failed'],
  [0x80, 'permanent'],
]);

function neighbourOf(body: Buffer, names: ReadonlyMap<number, string>): Neighbour | undefined {
  const family = familyOf(body);
  const attributes = attributesOf(body, 12);
  const destination = attributes.get(neighbour.destination);
  // struct ndmsg: u8 family, three of padding, i32 index, u16 state, u8 flags, u8 type.
  const state = neighbourStates.get(body.readUInt16LE(8));
  if (family === undefined || destination === undefined || state === undefined) return undefined;
  const linkAddress = hardwareAddress(attributes.get(neighbour.linkAddress));
  return {
    family,
    address: addressText(family, destination),
    interface: nameOf(names, body.readInt32LE(4)),
    ...(linkAddress === undefined ? {} : { linkAddress }),
    state,
  };
}

// ---- all of them -------------------------------------------------------------------------------------------------
/** AF_INET and AF_INET6 of socket(2), which every structure begins with; what else there is, such as MPLS, is not told. */
function familyOf(body: Buffer): AddressFamily | undefined {
  return ({ 2: 'inet', 10: 'inet6' } as const)[body.readUInt8(0)];
}

/** In the usual notation (RFC 5952), from 4 or 16 bytes. @throws for any other number of them */
export function addressText(family: AddressFamily, bytes: Buffer): string {
  if (bytes.length !== (family === 'inet' ? 4 : 16)) throw new RangeError(`an address of ${bytes.length} bytes`);
  if (family === 'inet') return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address;
}

/** None for what has none, as tunnels of one packet after another; of lo it is all zeros. */
function hardwareAddress(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

const text = (bytes: Buffer | undefined) => bytes?.toString('utf8').replace(/\0.*$/s, '');
const named = (names: ReadonlyMap<number, string>, value: number) => names.get(value) ?? String(value);
const nameOf = (names: ReadonlyMap<number, string>, index: number) => names.get(index) ?? `if${index}`;
