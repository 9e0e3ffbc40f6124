import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json as printedJson } from './failure.js';
import { parsePort } from './options.js';
import { table } from './table.js';

/** `port`: published ports of running containers. */
export function addPortCommands(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  const port = program.command('port').description('ports of this machine that lead to running containers');

  port
    .command('list')
    .alias('ls')
    .description('list the published ports of a container')
    .option('--json', 'as JSON')
    .argument('<container>', 'name or id')
    .action(async (container: string, { json = false }: { json?: boolean }) => {
      const ports = await (await connect()).sendRequest(protocol.ListPorts, { container });
      print(json ? printedJson(ports) : portTable(ports));
    });

  port
    .command('publish')
    .description('publish a port until the container ends')
    .argument('<container>', 'name or id')
    .argument('<mapping>', '[ADDRESS:]HOST-PORT:CONTAINER-PORT[/udp]; without an address localhost', parsePort)
    .action(async (container: string, mapping: protocol.PortMapping) => {
      const published = await (await connect()).sendRequest(protocol.PublishPort, { container, port: mapping });
      print(placeOf(published));
    });

  port
    .command('withdraw')
    .description('withdraw a published port')
    .argument('<container>', 'name or id')
    .argument('<mapping>', 'as it was published', parsePort)
    .action(async (container: string, mapping: protocol.PortMapping) => {
      const { containerPort: _, ...published } = mapping;
      await (await connect()).sendRequest(protocol.WithdrawPort, { container, ...published });
    });
}

function placeOf({ address, hostPort }: Pick<protocol.PublishedPort, 'address' | 'hostPort'>): string {
  return `${address.includes(':') ? `[${address}]` : address}:${hostPort}`;
}

function placesOf({ address, alsoAt, hostPort }: protocol.PublishedPort): string {
  const addresses = [address, ...(alsoAt === undefined ? [] : [alsoAt])];
  return addresses.map((one) => placeOf({ address: one, hostPort })).join(', ');
}

export function portTable(ports: readonly protocol.PublishedPort[]): string {
  return table([
    ['THIS MACHINE', 'PROTOCOL', 'CONTAINER', 'PROCESS'],
    ...ports.map((port) => [placesOf(port), port.protocol, String(port.containerPort), String(port.publisher.pid)]),
  ]);
}
