import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json as printedJson } from './failure.js';
import { findTarget } from './namespaces.js';
import { networkStateText } from './networkState.js';
import { table } from './table.js';

interface Json {
  json?: boolean;
}

/** `network`: named networks that containers are connected to. */
export function addNetworkCommands(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  const network = program.command('network').description('networks that containers reach each other by');

  network
    .command('create')
    .description('make a network, and print its subnet')
    .option('--subnet <subnet>', 'IPv4, such as 10.120.0.0/24 (default: one that is free)')
    .argument('<name>', 'name of the network')
    .action(async (name: string, { subnet }: { subnet?: string }) => {
      const connection = await connect();
      const made = await connection.sendRequest(protocol.CreateNetwork, {
        name,
        ...(subnet === undefined ? {} : { subnet }),
      });
      print(made.subnet);
    });

  network
    .command('list')
    .alias('ls')
    .description('list networks')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: Json) => {
      const connection = await connect();
      const networks = await connection.sendRequest(protocol.ListNetworks);
      print(json ? printedJson(networks) : networkTable(networks));
    });

  network
    .command('inspect')
    .description('show a network and the containers in it')
    .option('--json', 'as JSON')
    .argument('<name>', 'name of the network')
    .action(async (name: string, { json = false }: Json) => {
      const connection = await connect();
      const inspection = await connection.sendRequest(protocol.InspectNetwork, { network: name });
      print(json ? printedJson(inspection) : inspectionText(inspection));
    });

  network
    .command('show')
    .description('interfaces, addresses, routes, neighbours and sockets that a container or process sees')
    .option('--json', 'as JSON')
    .argument('<what>', 'name or id of a container, a pid, or "host"')
    .action(async (what: string, { json = false }: Json) => {
      const connection = await connect();
      const target = await findTarget(connection, what);
      const state = await connection.sendRequest(protocol.ReadNetworkState, { target });
      print(json ? printedJson(state) : networkStateText(state));
    });

  network
    .command('rm')
    .description('remove networks that no running container is in')
    .argument('<names...>', 'names of networks')
    .action(async (names: string[]) => {
      const connection = await connect();
      for (const name of names) {
        await connection.sendRequest(protocol.RemoveNetwork, { network: name });
        print(name);
      }
    });
}

export function networkTable(networks: readonly protocol.NetworkSummary[]): string {
  return table([
    ['NETWORK', 'SUBNET', 'STATE', 'CONTAINERS'],
    ...networks.map(({ name, subnet, live, containers }) => [
      name,
      subnet,
      live ? 'up' : 'not up',
      String(containers.length),
    ]),
  ]);
}

export function inspectionText({
  name,
  subnet,
  address,
  holder,
  members,
}: Omit<protocol.NetworkInspection, 'live' | 'containers'>): string {
  return [
    `${name}: ${subnet}, bridge ${address}, ${holder === undefined ? 'not up' : `held by process ${holder.pid}`}`,
    ...(members.length === 0
      ? []
      : [
          '',
          table([
            ['CONTAINER', 'STATE', 'ADDRESS'],
            ...members.map((member) => [
              member.name,
              member.running ? 'running' : 'not running',
              member.address ?? '(not started yet)',
            ]),
          ]),
        ]),
  ].join('\n');
}
