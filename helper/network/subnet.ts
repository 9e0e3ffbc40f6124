/** IPv4 addresses and subnets as numbers: what is free, what overlaps. Pure. */
import { isIPv4 } from 'node:net';
import { ErrorCode, terrariumError } from '../protocol/errors.js';

export interface Subnet {
  /** The network's own address. */
  base: number;
  /** Bits of it that all addresses share. */
  prefix: number;
}

/** The most and the fewest addresses that make sense for containers: with 29 bits five are left for them. */
const widest = 8;
const narrowest = 29;

/** @returns undefined for what is no IPv4 address in four decimal parts */
export function parseAddress(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function subnetText({ base, prefix }: Subnet): string {
  return `${addressText(base)}/${prefix}`;
}

export function sizeOf({ prefix }: Pick<Subnet, 'prefix'>): number {
  return 2 ** (32 - prefix);
}

/** @throws Invalid with what is wrong about it */
export function parseSubnet(text: string): Subnet {
  const [address = '', bits = '', ...rest] = text.split('/');
  const base = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : Number.NaN;
  const refuse = (cause: string) =>
    terrariumError(ErrorCode.Invalid, `${JSON.stringify(text)} cannot be a network's subnet`, {
      cause,
      fix: 'Give one such as 10.120.0.0/24, or none: then a free one is taken.',
    });
  if (base === undefined || Number.isNaN(prefix) || rest.length > 0) {
    throw refuse('It is no IPv4 address with a number of bits after a slash.');
  }
  if (prefix < widest || prefix > narrowest) throw refuse(`The bits must be ${widest} to ${narrowest}.`);
  const own = base - (base % sizeOf({ prefix }));
  if (own !== base) throw refuse(`With ${prefix} bits it begins at ${addressText(own)}.`);
  return { base, prefix };
}

export function includes(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return includes(a, b.base) || includes(b, a.base);
}

/** The bridge's: the first one. */
export function bridgeAddress({ base }: Subnet): number {
  return base + 1;
}

/** Whether a container may have it: not the network's own, the bridge's or the broadcast address. */
export function isForContainers(subnet: Subnet, address: number): boolean {
  return address > bridgeAddress(subnet) && address < subnet.base + sizeOf(subnet) - 1;
}

/** The lowest that no container has; undefined when all are taken. */
export function freeAddress(subnet: Subnet, taken: ReadonlySet<number>): number | undefined {
  for (let address = subnet.base + 2; isForContainers(subnet, address); address++) {
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** Where subnets are taken from when nobody says one: RFC 1918's, away from what homes and offices often have. */
const pool: Subnet = { base: 10 * 2 ** 24 + 120 * 2 ** 16, prefix: 16 };
const ordinary = 24;

/** The first of the pool that overlaps with none of these; undefined when there is none left. */
export function freeSubnet(taken: readonly Subnet[]): Subnet | undefined {
  const step = sizeOf({ prefix: ordinary });
  for (let base = pool.base; includes(pool, base); base += step) {
    const subnet = { base, prefix: ordinary };
    if (!taken.some((other) => overlap(other, subnet))) return subnet;
  }
  return undefined;
}

/**
 * Destinations of the machine's own routes, from the text of /proc/net/route (net/ipv4/fib_trie.c: columns Destination and
 * Mask are hexadecimal, in the machine's byte order, which is little-endian on all we run on). The default route is none.
 */
export function routedSubnets(text: string): Subnet[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const columns = line.split('\t');
      const [destination, mask] = [columns[1], columns[7]].map((hex) =>
        hex !== undefined && /^[0-9A-F]{8}$/.test(hex) ? Buffer.from(hex, 'hex').readUInt32LE() : undefined,
      );
      if (destination === undefined || mask === undefined || mask === 0) return [];
      return [{ base: destination, prefix: 32 - Math.log2(2 ** 32 - mask) }];
    });
}
