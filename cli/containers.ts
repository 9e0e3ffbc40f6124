import { type Command, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { attachSession, type EnteringOptions, enteringOf, wantsTerminal, withEnteringOptions } from './entering.js';
import { exitStatus, json } from './failure.js';
import {
  collect,
  collectNamespace,
  collectPath,
  collectPort,
  parseBytes,
  parseMount,
  parsePositive,
  parseSeconds,
  parseTmpfs,
  type RunOptions,
  specificationOf,
} from './options.js';
import { withPrivilegeOptions } from './privileges.js';
import { age, bytes, table } from './table.js';
import { attach, holdSignals } from './terminal.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** Options that say what a container is like: the same for `run` and `create`. */
function withContainerOptions(command: Command): Command {
  command
    .option('--name <name>', 'name of the container (default: one made up)')
    .option('--root <root>', 'host, an image or a folder', 'host')
    .option('--hide <path>', 'of host: do not show this folder or file (may be repeated)', collectPath)
    .option('--show <path>', 'of host: show this although it is hidden by default (may be repeated)', collectPath)
    .addOption(new Option('--writable <how>', 'what becomes of writes').choices(['overlay', 'tmpfs', 'none']))
    .option('--hostname <name>', 'hostname inside (default: the name)')
    .option('-u, --user <user>', 'name, uid, name:group or uid:gid inside')
    .option('-w, --cwd <folder>', 'working folder inside')
    .option('-e, --env <name=value>', 'set a variable (may be repeated)', collect)
    .option(
      '--mount <src:dst[:ro]>',
      'a file or folder of this machine, or the name of a volume (may be repeated)',
      parseMount,
    )
    .option('--tmpfs <dst[:size=64m]>', 'a file system in memory (may be repeated)', parseTmpfs)
    .option(
      '--net, --network <network>',
      'none (default), host, outbound (a way out), container:NAME, pid:N or the name of a network',
    )
    .option('-p, --publish <host:container[/udp]>', 'publish a port on localhost (may be repeated)', collectPort)
    .option(
      '--ns <type=whose>',
      'whose namespace: new, host, container:NAME or pid:N, of mount, uts, ipc, pid, user, cgroup or time (may be repeated)',
      collectNamespace,
    )
    .option('--boottime <seconds>', 'time namespace: how far its uptime is ahead', parseSeconds)
    .option('--monotonic <seconds>', 'time namespace: how far its monotonic clock is ahead', parseSeconds)
    .option('--chroot', 'chroot alone, with the namespaces of this machine: weak on purpose, to compare')
    .option('--pod <name>', 'a pod, whose namespaces and limits it shares')
    .option('--group <name>', 'a group of containers, which can have limits together')
    .option('--memory <size>', 'limit of memory, such as 100M', parseBytes)
    .option('--cpus <cores>', 'limit of CPU time in cores, such as 0.5', parsePositive)
    .option('--pids <count>', 'limit of processes', parsePositive)
    .option('--init', 'a small init as process 1 that reaps orphans and forwards signals')
    .option('-t, --tty', 'give it a terminal');
  return withPrivilegeOptions(command);
}

/** Commands that make, change and end containers. Each sets `process.exitCode`. */
export function addContainerCommands(program: Command, connect: Connect, print: Print): void {
  withContainerOptions(program.command('run'))
    .description('make a container, run a command in it, and exit with its status')
    .option('-d, --detach', 'leave it running and print its id')
    .option('--rm', 'remove it when it ends')
    .argument('[command...]', 'command and arguments (default: keep it up until it is stopped)')
    .passThroughOptions()
    .action(async (args: string[], options: RunOptions) => {
      const detached = options.detach ?? args.length === 0;
      const early = detached ? undefined : holdSignals();
      const connection = await connect();
      const { summary, attach: target } = await connection.sendRequest(protocol.RunContainer, {
        specification: specificationOf(options, args),
        remove: options.rm ?? false,
        stdin: !detached,
      });
      if (detached) {
        print(summary.id);
        return;
      }
      const container = summary.id;
      process.exitCode = await attach(target, {
        terminal: summary.terminal,
        ...(early === undefined ? {} : { early }),
        signal: (signal) => connection.sendRequest(protocol.KillContainer, { container, signal }),
        ended: async () => {
          const { exit } = await connection.sendRequest(protocol.WaitContainer, { container });
          return exit?.exitCode ?? exitStatus.failed;
        },
      });
      if (options.rm === true) await connection.sendRequest(protocol.RemoveContainer, { container, force: true });
    });

  withContainerOptions(program.command('create'))
    .description('make a container without starting it, and print its id')
    .argument('[command...]', 'command and arguments')
    .passThroughOptions()
    .action(async (args: string[], options: RunOptions) => {
      const connection = await connect();
      print(
        (await connection.sendRequest(protocol.CreateContainer, { specification: specificationOf(options, args) })).id,
      );
    });

  withEnteringOptions(program.command('exec'))
    .description('run one more command in a running container, and exit with its status')
    .argument('<container>', 'name or id')
    .argument('[command...]', 'command and arguments (default: the best shell there is)')
    .passThroughOptions()
    .action(async (container: string, words: string[], options: EnteringOptions) => {
      const connection = await connect();
      const terminal = wantsTerminal(options);
      const asked = enteringOf(options, words, terminal);
      const session = await connection.sendRequest(protocol.ExecInContainer, { container, process: asked });
      process.exitCode = await attachSession(connection, session, terminal);
    });

  const forEach = (
    name: string,
    description: string,
    work: (
      connection: MessageConnection,
      container: string,
      options: Record<string, string | boolean>,
    ) => Promise<unknown>,
  ): Command =>
    program
      .command(name)
      .description(description)
      .argument('<containers...>', 'names or ids')
      .action(async (containers: string[], options: Record<string, string | boolean>) => {
        const connection = await connect();
        for (const container of containers) {
          await work(connection, container, options);
          print(container);
        }
      });
  forEach('start', 'start containers', (c, container) => c.sendRequest(protocol.StartContainer, { container }));
  forEach('stop', 'end containers: a signal, some grace, then SIGKILL', (c, container, { signal, time }) =>
    c.sendRequest(protocol.StopContainer, stopParams(container, signal, time)),
  )
    .option('-s, --signal <signal>', 'instead of SIGTERM')
    .option('-t, --time <seconds>', 'grace, default 10');
  forEach('restart', 'stop and start containers', (c, container, { signal, time }) =>
    c.sendRequest(protocol.RestartContainer, stopParams(container, signal, time)),
  )
    .option('-s, --signal <signal>', 'instead of SIGTERM')
    .option('-t, --time <seconds>', 'grace, default 10');
  forEach('kill', 'send a signal, by default SIGKILL', (c, container, { signal, pid }) =>
    c.sendRequest(protocol.KillContainer, {
      container,
      ...(typeof signal === 'string' ? { signal } : {}),
      ...(typeof pid === 'string' ? { pid: parsePositive(pid) } : {}),
    }),
  )
    .option('-s, --signal <signal>', 'name or number')
    .option('--pid <pid>', 'to one process of it, by its pid on this machine (default: all of it)');
  forEach('pause', 'stop every process where it is', (c, container) =>
    c.sendRequest(protocol.PauseContainer, { container }),
  );
  forEach('resume', 'let paused containers run on', (c, container) =>
    c.sendRequest(protocol.ResumeContainer, { container }),
  );
  forEach('rm', 'remove containers and what they wrote', (c, container, { force }) =>
    c.sendRequest(protocol.RemoveContainer, { container, force: force === true }),
  ).option('-f, --force', 'also when it runs');

  program
    .command('rename')
    .description('give a container another name')
    .argument('<container>', 'name or id')
    .argument('<name>', 'new name')
    .action(async (container: string, name: string) => {
      await (await connect()).sendRequest(protocol.RenameContainer, { container, name });
    });

  program
    .command('ps')
    .description('list containers, or the processes of one')
    .option('--json', 'as JSON')
    .argument('[container]', 'name or id')
    .action(async (container: string | undefined, { json: asJson }: { json?: boolean }) => {
      const connection = await connect();
      if (container === undefined) {
        const containers = await connection.sendRequest(protocol.ListContainers);
        print(asJson === true ? json(containers) : listOf(containers));
      } else {
        const processes = await connection.sendRequest(protocol.ListProcesses, { container });
        print(asJson === true ? json(processes) : processTable(processes));
      }
    });
}

function stopParams(container: string, signal: unknown, time: unknown): protocol.StopParams {
  return {
    container,
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(typeof time === 'string' ? { graceSeconds: parsePositive(time) } : {}),
  };
}

function listOf(containers: readonly protocol.ContainerSummary[]): string {
  return table([
    ['ID', 'NAME', 'STATE', 'PID', 'AGE', 'COMMAND'],
    ...containers.map((container) => [
      container.id,
      container.name,
      [describeState(container), ...(container.chroot === true ? ['chroot alone'] : [])].join(', '),
      container.init === undefined ? '' : String(container.init.pid),
      age(container.createdAt),
      container.damaged === undefined ? container.args.join(' ') || '(stays up)' : '(not known)',
    ]),
  ]);
}

function describeState({ state, exit, monitorLost, damaged }: protocol.ContainerSummary): string {
  if (damaged !== undefined) return state === 'running' || state === 'paused' ? `damaged, ${state}` : 'damaged';
  if (state !== 'stopped') return state;
  if (exit === undefined) return monitorLost === true ? 'stopped (status unknown)' : state;
  if (exit.oomKilled) return 'stopped (out of memory)';
  return exit.signal === 0 ? `stopped (${exit.exitCode})` : `stopped (signal ${exit.signal})`;
}

function processTable(processes: readonly protocol.ProcessInfo[]): string {
  return table([
    ['PID', 'INSIDE', 'USER', 'INSIDE', 'STATE', 'CPU TIME', 'MEMORY', 'OWN NAMESPACES', 'COMMAND'],
    ...processes.map((process) => [
      String(process.identity.pid),
      String(process.innerPid),
      String(process.hostUid),
      String(process.uid),
      process.state,
      `${(process.cpuMicroseconds / 1e6).toFixed(2)} s`,
      bytes(process.rssBytes),
      process.ownNamespaces?.join(',') ?? '?',
      process.command,
    ]),
  ]);
}
