import * as path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { exportTo } from './exporting.js';
import { json as printedJson } from './failure.js';
import { collectPort, parseNetwork } from './options.js';
import { table } from './table.js';

interface CreateOptions {
  share?: protocol.PodNamespace[];
  network?: protocol.PodNetwork;
  publish?: protocol.PortMapping[];
  hostname?: string;
}

interface Json {
  json?: boolean;
}

/** `pod`: containers that share namespaces and limits. */
export function addPodCommands(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  const pod = program.command('pod').description('containers that share namespaces and limits');

  pod
    .command('create')
    .description('make a pod, for containers to be made in with run --pod')
    .option('--share <namespaces>', 'of network,ipc,uts,pid (default: network,ipc,uts)', parseNamespaces)
    .option('--net, --network <network>', 'of all its containers: none, host or the name of a network', parsePodNetwork)
    .option('-p, --publish <host:container[/udp]>', 'publish a port on localhost (may be repeated)', collectPort)
    .option('--hostname <name>', 'of all its containers (default: the name)')
    .argument('<name>', 'name of the pod, and of the group for its limits')
    .action(async (name: string, { share, network, publish, hostname }: CreateOptions) => {
      const connection = await connect();
      const made = await connection.sendRequest(protocol.CreatePod, {
        name,
        ...(share === undefined ? {} : { shares: share }),
        ...(network === undefined ? {} : { network }),
        ...(publish === undefined ? {} : { ports: publish }),
        ...(hostname === undefined ? {} : { hostname }),
      });
      print(made.name);
    });

  pod
    .command('list')
    .alias('ls')
    .description('list pods')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: Json) => {
      const connection = await connect();
      const pods = await connection.sendRequest(protocol.ListPods);
      print(json ? printedJson(pods) : podTable(pods));
    });

  pod
    .command('inspect')
    .description('show a pod, its namespaces and the containers in it')
    .option('--json', 'as JSON')
    .argument('<name>', 'name of the pod')
    .action(async (name: string, { json = false }: Json) => {
      const connection = await connect();
      const inspection = await connection.sendRequest(protocol.InspectPod, { pod: name });
      print(json ? printedJson(inspection) : podText(inspection));
    });

  const forContainers = (
    name: string,
    description: string,
    chosen: (inspection: protocol.PodInspection) => readonly protocol.PodMember[],
    work: (connection: MessageConnection, container: string) => Promise<unknown>,
  ): Command =>
    pod
      .command(name)
      .description(description)
      .argument('<names...>', 'names of pods')
      .action(async (names: string[]) => {
        const connection = await connect();
        for (const one of names) {
          const inspection = await connection.sendRequest(protocol.InspectPod, { pod: one });
          await Promise.all(chosen(inspection).map(({ container }) => work(connection, container)));
          print(one);
        }
      });
  forContainers(
    'start',
    'start all containers of pods that do not run',
    ({ members }) => members.filter(({ running }) => !running),
    (connection, container) => connection.sendRequest(protocol.StartContainer, { container }),
  );
  forContainers(
    'stop',
    'stop all containers of pods',
    ({ members }) => members.filter(({ running }) => running),
    (connection, container) => connection.sendRequest(protocol.StopContainer, { container }),
  );

  pod
    .command('export')
    .description('write a pod with all its containers as a Pod manifest, for podman kube play and Kubernetes')
    .argument('<name>', 'name of the pod')
    .argument('<destination>', 'file that is not there yet')
    .action(async (name: string, file: string) => {
      const destination = path.resolve(file);
      await exportTo(await connect(), print, { source: { kind: 'pod', pod: name }, format: 'kube', destination });
    });

  pod
    .command('rm')
    .description('remove pods with their containers')
    .option('-f, --force', 'also when they run')
    .argument('<names...>', 'names of pods')
    .action(async (names: string[], { force = false }: { force?: boolean }) => {
      const connection = await connect();
      for (const name of names) {
        await connection.sendRequest(protocol.RemovePod, { pod: name, force });
        print(name);
      }
    });
}

const namespaces: readonly protocol.PodNamespace[] = ['network', 'ipc', 'uts', 'pid'];

export function parseNamespaces(text: string): protocol.PodNamespace[] {
  return text.split(',').map((word) => {
    const found = namespaces.find((type) => type === (word === 'net' ? 'network' : word));
    if (found === undefined) throw new InvalidArgumentError(`Use some of ${namespaces.join(',')}.`);
    return found;
  });
}

function parsePodNetwork(text: string): protocol.PodNetwork {
  const network = parseNetwork(text);
  if (network.kind === 'container' || network.kind === 'process') {
    throw new InvalidArgumentError('Use none, host or the name of a network.');
  }
  return network;
}

export function podTable(pods: readonly protocol.PodSummary[]): string {
  return table([
    ['POD', 'STATE', 'SHARES', 'NETWORK', 'CONTAINERS'],
    ...pods.map((pod) => [
      pod.name,
      stateOf(pod),
      pod.shares.join(','),
      networkText(pod),
      String(pod.containers.length),
    ]),
  ]);
}

function stateOf({ running, holder }: protocol.PodSummary): string {
  if (running.length === 0) return 'not running';
  return holder === undefined ? `${running.length} running, holder lost` : `${running.length} running`;
}

function networkText({ network }: Pick<protocol.PodSummary, 'network'>): string {
  if (network === undefined) return 'each its own';
  return network.kind === 'bridge' ? network.network : network.kind;
}

/** Those that are published now, and those that are to be. */
function portLines({ ports, published }: protocol.PodInspection): string[] {
  const text = ({ address = '127.0.0.1', hostPort, containerPort, protocol: kind = 'tcp' }: protocol.PortMapping) =>
    `port: ${address}:${hostPort} to ${containerPort}/${kind}`;
  const now = published.map(text);
  const later = ports.map(text).filter((line) => !now.includes(line));
  return [...now, ...later.map((line) => `${line}, once a container runs`)];
}

export function podText(pod: protocol.PodInspection): string {
  const { name, holder, namespaces, hostname, address, members } = pod;
  return [
    `${name}: ${stateOf(pod)}${holder === undefined ? '' : `, held by process ${holder.pid}`}`,
    `shares: ${pod.shares.join(', ')}`,
    `network: ${networkText(pod)}${address === undefined ? '' : `, ${address}`}`,
    ...(hostname === undefined ? [] : [`hostname: ${hostname}`]),
    ...portLines(pod),
    ...(namespaces.length === 0
      ? []
      : [`namespaces: ${namespaces.map(({ type, inode }) => `${type} ${inode}`).join(', ')}`]),
    `limits: terrarium limits --group ${name}`,
    ...(members.length === 0
      ? []
      : [
          '',
          table([
            ['CONTAINER', 'STATE'],
            ...members.map((member) => [member.name, member.running ? 'running' : 'not running']),
          ]),
        ]),
  ].join('\n');
}
