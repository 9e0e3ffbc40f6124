/** hosts(5) of a network: every container in it sees this one file at /etc/hosts, so that they find each other by name. */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
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

/**
 * Writes it in place, since containers have this very file mounted: one that came by rename they would never see. The new
 * text goes over the old one before the rest is cut off, so that it is never found empty. The caller has the lock of networks.
 */
export function writeHosts(networkFolder: string, text: string): void {
  const file = hostsFile(networkFolder);
  // Read by any user inside, behind a folder that nobody else outside may enter.
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    if (readFileSync(fd, 'utf8') === text) return;
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
    ftruncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}
