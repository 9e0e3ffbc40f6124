import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json as printedJson } from './failure.js';
import { parseRate, shapeText } from './linkText.js';
import { findTarget } from './namespaces.js';
import { networkStateText, unixSocketsText } from './networkState.js';
import { parsePositive } from './options.js';
import { table } from './table.js';

interface Json {
  json?: boolean;
}

interface CreateOptions {
  subnet?: string;
  subnet6?: string;
  /** False with --no-ipv6: commander's word for it. */
  ipv6: boolean;
  outbound: protocol.OutboundChoice;
  hostLoopback?: boolean;
}

interface ShapeOptions {
  pod?: string;
  delay?: number;
  loss?: number;
  rate?: number;
  down?: boolean;
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
    .option('--subnet6 <subnet>', 'IPv6, such as fd12:3456:789a::/64 (default: one that is made up)')
    .option('--no-ipv6', 'without addresses of IPv6 (default: with them, where the kernel has it)')
    .addOption(
      new Option('--outbound <program>', 'a way out for its containers: auto is pasta, else slirp4netns')
        .choices(['none', 'auto', 'pasta', 'slirp4netns'])
        .default('none'),
    )
    .option('--host-loopback', 'with a way out: lead to what listens at this machine’s 127.0.0.1, too')
    .argument('<name>', 'name of the network')
    .action(async (name: string, { ipv6, ...options }: CreateOptions) => {
      const connection = await connect();
      const made = await connection.sendRequest(protocol.CreateNetwork, {
        name,
        ...options,
        ...(ipv6 ? {} : { ipv6 }),
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
    .option('--unix', 'UNIX sockets alone, those that are connected and those without a name, too')
    .argument('<what>', 'name or id of a container, a pid, or "host"')
    .action(async (what: string, { json = false, unix = false }: Json & { unix?: boolean }) => {
      const connection = await connect();
      const target = await findTarget(connection, what);
      const state = await connection.sendRequest(protocol.ReadNetworkState, { target });
      if (json) print(printedJson(unix ? (state.unixSockets ?? []) : state));
      else print(unix ? unixSocketsText(state) : networkStateText(state));
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

  network
    .command('reconnect')
    .description('start the way out of a network anew when it has ended')
    .argument('<name>', 'name of the network')
    .action(async (name: string) => {
      const connection = await connect();
      print(wayText(await connection.sendRequest(protocol.ReconnectNetwork, { network: name })));
    });

  network
    .command('shape')
    .description(
      'make the link of a running container or pod slow, lossy or cut; without options as it was at its start',
    )
    .option('--delay <milliseconds>', 'later, each way', parsePositive)
    .option('--loss <percent>', 'lost at random, each way', parsePositive)
    .option('--rate <rate>', 'bits a second, each way, such as 500kbit or 10mbit', parseRate)
    .option('--down', 'cut')
    .option('--pod <name>', 'of a pod, in place of a container')
    .argument('[container]', 'name or id')
    .action(async (container: string | undefined, { pod, delay, loss, rate, down }: ShapeOptions) => {
      const of = linkReference(container, pod);
      const connection = await connect();
      const shape = await connection.sendRequest(protocol.ShapeLink, {
        ...of,
        ...(delay === undefined ? {} : { delayMs: delay }),
        ...(loss === undefined ? {} : { lossPercent: loss }),
        ...(rate === undefined ? {} : { rate }),
        ...(down === undefined ? {} : { down }),
      });
      print(shapeText(shape));
    });
}

function linkReference(container: string | undefined, pod: string | undefined): protocol.LinkReference {
  if (container !== undefined && pod === undefined) return { container };
  if (container === undefined && pod !== undefined) return { pod };
  throw new InvalidArgumentError('Say a container or --pod NAME.');
}

export function networkTable(networks: readonly protocol.NetworkSummary[]): string {
  return table([
    ['NETWORK', 'SUBNET', 'OUTBOUND', 'STATE', 'CONTAINERS'],
    ...networks.map(({ name, subnet, outbound, live, containers }) => [
      name,
      subnet,
      outbound,
      live ? 'up' : 'not up',
      String(containers.length),
    ]),
  ]);
}

export function inspectionText({
  name,
  subnet,
  subnet6,
  address,
  address6,
  outbound,
  holder,
  way,
  members,
}: Omit<protocol.NetworkInspection, 'live' | 'containers'>): string {
  const withIpv6 = subnet6 !== undefined;
  return [
    `${name}: ${subnet}, bridge ${address}, ${holder === undefined ? 'not up' : `held by process ${holder.pid}`}`,
    ...(withIpv6 ? [`IPv6: ${subnet6}, bridge ${address6}`] : []),
    ...(outbound === 'none' ? [] : [way === undefined ? `way out: ${outbound}, not up` : wayText(way)]),
    ...(members.length === 0
      ? []
      : [
          '',
          table([
            ['CONTAINER', 'STATE', 'ADDRESS', ...(withIpv6 ? ['IPV6'] : []), 'LINK'],
            ...members.map((member) => [
              member.name,
              member.running ? 'running' : 'not running',
              member.address ?? '(not started yet)',
              ...(withIpv6 ? [member.address6 ?? ''] : []),
              member.running ? shapeText(member.link ?? {}) : '',
            ]),
          ]),
        ]),
  ].join('\n');
}

export function wayText({
  program,
  ipv6,
  process,
  problem,
  revivals,
  nameServer,
  hostLoopback,
}: protocol.NetworkOutbound): string {
  const again = revivals === 0 ? '' : `, made again ${revivals === 1 ? 'once' : `${revivals} times`}`;
  const state = process === undefined ? `has ended: ${problem ?? 'nobody knows why'}` : `process ${process.pid}`;
  const loopback = hostLoopback === undefined ? '' : `, this machine’s 127.0.0.1 is ${hostLoopback}`;
  return `way out: ${program}${ipv6 ? ' with IPv6' : ''}, ${state}${again}, name server ${nameServer}${loopback}`;
}
