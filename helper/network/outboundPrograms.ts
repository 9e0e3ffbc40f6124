/** The programs that lead a network out, and how they are told to. Pure. */
import { uplinkName } from '../plan/networkSteps.js';
import type { OutboundChoice, OutboundProgram } from '../protocol/index.js';

/**
 * The subnet between a network and its way out. Every network has the same, for each is in a namespace of its own; and no
 * address elsewhere is hidden by it, since those of link-local ones (RFC 3927) are not routed.
 */
export const uplink = {
  cidr: '169.254.2.0/24',
  netmask: '255.255.255.0',
  /** slirp4netns(1) counts them: the network's address and 2, 3 and 100. pasta is told the same. */
  gateway: '169.254.2.2',
  nameServer: '169.254.2.3',
  address: '169.254.2.100',
} as const;

/** The same of IPv6: a /64 of unique local addresses, with a global id drawn once at random (RFC 4193). */
export const uplink6 = { gateway: 'fd7c:91e5:2b40:2::2', address: 'fd7c:91e5:2b40:2::64' } as const;

/** What of Debian has them. */
export const packageOf: Readonly<Record<OutboundProgram, string>> = { pasta: 'passt', slirp4netns: 'slirp4netns' };

/** In the order in which they are tried. */
export function programsFor(choice: OutboundChoice): OutboundProgram[] {
  if (choice === 'none') return [];
  return choice === 'auto' ? ['pasta', 'slirp4netns'] : [choice];
}

/** Its arguments, its name first. `namespace`: a path of the network's. It runs in the foreground, as root of the user namespace that has the network's. */
export function outboundArguments(
  program: OutboundProgram,
  namespace: string,
  { hostLoopback, ipv6 }: { hostLoopback: boolean; ipv6: boolean },
): string[] {
  if (program === 'slirp4netns') {
    return [
      program,
      ...['--configure', `--cidr=${uplink.cidr}`, '--mtu=65520', '--enable-sandbox', '--enable-seccomp'],
      ...(hostLoopback ? [] : ['--disable-host-loopback']),
      ...['--netns-type=path', namespace, uplinkName],
    ];
  }
  return [
    program,
    ...['--foreground', '--config-net', '--ns-ifname', uplinkName],
    ...['--address', uplink.address, '--netmask', uplink.netmask, '--gateway', uplink.gateway],
    // The namespace asks who has the gateway's address (NDP).
    ...(ipv6 ? ['--address', uplink6.address, '--gateway', uplink6.gateway] : ['--ipv4-only', '--no-ndp']),
    // By default it would open every port of this machine's that somebody listens at inside, and the other way round.
    ...['--tcp-ports', 'none', '--udp-ports', 'none', '--tcp-ns', 'none', '--udp-ns', 'none'],
    ...(hostLoopback ? [] : ['--no-map-gw']),
    ...['--dns-forward', uplink.nameServer, '--no-dhcp', '--no-dhcpv6', '--no-ra'],
    ...['--netns-only', '--netns', namespace],
  ];
}
