/** IPv6 of networks: subnets of unique local addresses (RFC 4193), and what address follows from one of IPv4. */
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Ipv6 } from '../plan/networkSteps.js';
import { ErrorCode, type OutboundChoice, terrariumError } from '../protocol/index.js';
import { parseSubnet, type Subnet, sizeOf } from './subnet.js';

/** Bits of the network's part: what is left is for interfaces (RFC 4291). */
export const prefix6 = 64;

/** Whether the kernel has it: with the parameter ipv6.disable=1, or built without, these settings are missing. */
export function kernelHasIpv6(): boolean {
  return existsSync('/proc/sys/net/ipv6');
}

/** Whether this machine has ::1: some that have IPv6 are set up without. */
export function hasLoopback6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}

/**
 * Whether this machine leads to elsewhere by IPv6: a default route in the text of /proc/net/ipv6_route (net/ipv6/route.c: destination,
 * its bits, …, flags, device). What rejects (RTF_REJECT) leads nowhere. Pure.
 */
export function hasDefaultRoute6(routes: string): boolean {
  return routes.split('\n').some((line) => {
    const [destination = '', bits, , , , , , , flags = '', device] = line.trim().split(/\s+/);
    const isDefault = /^0{32}$/.test(destination) && bits === '00' && device !== 'lo';
    return isDefault && (Number.parseInt(flags, 16) & RTF_REJECT) === 0;
  });
}

const RTF_REJECT = 0x200;

/** Whether what is of IPv6 in this network is to go out: where this machine's own does. */
export function goesOut6({ subnet6, outbound }: { subnet6?: string; outbound: OutboundChoice }): boolean {
  const asked = outbound !== 'none' && outbound !== 'slirp4netns' && subnet6 !== undefined && kernelHasIpv6();
  return asked && hasDefaultRoute6(readFileSync('/proc/net/ipv6_route', 'utf8'));
}

/** `fdXX:XXXX:XXXX::/64` of a global id (RFC 4193, 3.2), 40 random bits, and the subnet 0 of it. Pure. */
export function subnetOf(globalId: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = globalId;
  return `${groupsText([0xfd00 + a, b * 256 + c, d * 256 + e])}/${prefix6}`;
}

/** The subnet as all are written: RFC 5952. Pure. @throws Invalid with what is wrong about it */
export function parseSubnet6(text: string): string {
  const [address = '', bits = '', ...rest] = text.split('/');
  const refuse = (cause: string) =>
    terrariumError(ErrorCode.Invalid, `${JSON.stringify(text)} cannot be a network’s subnet of IPv6`, {
      cause,
      fix: 'Give one such as fd12:3456:789a::/64, or none: then one is made up.',
    });
  if (!isIPv6(address) || address.includes('%') || rest.length > 0) {
    throw refuse('It is no IPv6 address with a number of bits after a slash.');
  }
  if (bits !== String(prefix6)) throw refuse(`The bits must be ${prefix6}.`);
  const groups = groupsOf(address);
  if ((groups[0] ?? 0) >> 8 !== 0xfd) throw refuse('Unique local addresses begin with fd.');
  if (groups.slice(4).some((group) => group !== 0)) throw refuse(`With ${prefix6} bits the last four groups are 0.`);
  return `${groupsText(groups)}/${prefix6}`;
}

/**
 * The address that belongs to one of IPv4: the same number in the network, so who has the one has the other. Pure.
 * @param subnet6 as from parseSubnet6
 */
export function address6(subnet6: string, { base, prefix }: Subnet, address: number): string {
  const number = (address - base) % sizeOf({ prefix });
  const [network = ''] = subnet6.split('/');
  return groupsText([...groupsOf(network).slice(0, 4), 0, 0, Math.floor(number / 2 ** 16), number % 2 ** 16]);
}

/** What of IPv6 who has this address in a network gets on this kernel. */
export function ipv6Of({ subnet, subnet6 }: { subnet: string; subnet6?: string }, address: number): Ipv6 {
  if (!kernelHasIpv6()) return 'missing';
  return subnet6 === undefined ? 'off' : { address: address6(subnet6, parseSubnet(subnet), address) };
}

/** The eight groups of 16 bits; those that `::` stands for are 0. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [first, last] = [parse(head), parse(tail ?? '')];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

/** Groups from the first; those that are missing are 0. */
function groupsText(groups: readonly number[]): string {
  const all = Array.from({ length: 8 }, (_, index) => (groups[index] ?? 0).toString(16));
  return new SocketAddress({ address: all.join(':'), family: 'ipv6' }).address;
}
