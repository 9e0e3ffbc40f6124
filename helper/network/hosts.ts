/** hosts(5) of a network: every container in it sees this one file at /etc/hosts, so that they find each other by name. */
import * as path from 'node:path';

export interface HostsEntry {
  address: string;
  /** Both have been checked to be names: a container's, and its host name. */
  names: readonly string[];
}

export function hostsFile(networkFolder: string): string {
  return path.join(networkFolder, 'hosts');
}

/** Pure. */
export function hostsText(network: string, entries: readonly HostsEntry[]): string {
  return [
    `# Containers of the network ${network}. Terrarium rewrites this.`,
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...entries.map(({ address, names }) => `${address}\t${[...new Set(names)].join(' ')}`),
    '',
  ].join('\n');
}
