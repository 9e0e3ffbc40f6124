/** resolv.conf(5) of a network: every container in it sees this one file at /etc/resolv.conf. */
import * as path from 'node:path';

export function resolverFile(networkFolder: string): string {
  return path.join(networkFolder, 'resolv.conf');
}

/** Without a way out there is nobody to ask: then a look-up fails at once, and not when a server has not answered. Pure. */
export function resolverText(network: string, nameServer: string | undefined): string {
  return [
    `# Of the network ${network}. Terrarium rewrites this.`,
    nameServer === undefined
      ? '# It has no way out: names of its containers are in /etc/hosts.'
      : `nameserver ${nameServer}`,
    '',
  ].join('\n');
}
