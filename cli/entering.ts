import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { findTarget, parseType } from './namespaces.js';
import { collect, parseRoot } from './options.js';
import { attach } from './terminal.js';

type Connect = () => Promise<MessageConnection>;

export interface EnteringOptions {
  tty?: boolean;
  user?: string;
  cwd?: string;
  env?: string[];
  ns?: protocol.oci.NamespaceType[];
  cap?: string[];
  tools?: string;
}

/** Options that say how a process enters: the same for `exec` and `enter`. */
export function withEnteringOptions(command: Command): Command {
  return command
    .option('-t, --tty', 'give it a terminal (default: when this is one)')
    .option('-u, --user <user>', 'name, uid, name:group or uid:gid inside')
    .option('-w, --cwd <folder>', 'working folder inside')
    .option('-e, --env <name=value>', 'set a variable (may be repeated)', collect)
    .option(
      '--ns <types>',
      'enter only these namespaces, with commas: mnt,uts,ipc,net,pid,user,cgroup,time',
      parseTypes,
    )
    .option('--cap <capabilities>', 'its capabilities, with commas: names, all or none', parseCapabilities)
    .option('--tools <root>', 'bring tools: host, an image or a folder as /, with what is entered at /target');
}

/** What `container/exec` and `process/enter` are asked for. Pure. */
export function enteringOf(
  options: EnteringOptions,
  words: readonly string[],
  terminal: boolean,
): protocol.ExecSpecification {
  const { user, cwd, env, ns, cap, tools } = options;
  return {
    // Once options are passed through, commander leaves the separator in.
    args: words[0] === '--' ? words.slice(1) : [...words],
    stdin: true,
    terminal,
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(ns === undefined ? {} : { namespaces: ns }),
    ...(cap === undefined ? {} : { capabilities: cap }),
    ...(tools === undefined ? {} : { tools: { root: parseRoot(tools) } }),
  };
}

/** Whether it gets a terminal: as asked, else when it is started from one. */
export function wantsTerminal({ tty }: Pick<EnteringOptions, 'tty'>): boolean {
  return tty ?? (process.stdin.isTTY === true && process.stdout.isTTY === true);
}

export function addEnteringCommands(program: Command, connect: Connect): void {
  withEnteringOptions(program.command('enter'))
    .description('run a command in the namespaces of any process, of a container or not, and exit with its status')
    .argument('<what>', 'a pid, or name or id of a container')
    .argument('[command...]', 'command and arguments (default: the best shell there is)')
    .passThroughOptions()
    .action(async (what: string, words: string[], options: EnteringOptions) => {
      const connection = await connect();
      const terminal = wantsTerminal(options);
      const asked = enteringOf(options, words, terminal);
      const target = await findTarget(connection, what);
      if ('host' in target) throw new InvalidArgumentError('You are there already: name a container or a pid.');
      const session =
        'container' in target
          ? await connection.sendRequest(protocol.ExecInContainer, { container: target.container, process: asked })
          : await connection.sendRequest(protocol.EnterProcess, { process: target, ...asked });
      process.exitCode = await attachSession(connection, session, terminal);
    });
}

/** Says what the process lacks, and connects to it until it ends. Answers its exit status. */
export async function attachSession(
  connection: MessageConnection,
  session: protocol.ExecSession,
  terminal: boolean,
): Promise<number> {
  for (const notice of session.notices ?? []) process.stderr.write(`terrarium: ${notice}\n`);
  return attach(session.attach, {
    terminal,
    signal: (signal) => connection.sendRequest(protocol.SignalProcess, { process: session.identity, signal }),
  });
}

function parseTypes(text: string): protocol.oci.NamespaceType[] {
  return text.split(',').map((type) => parseType(type.trim()));
}

function parseCapabilities(text: string, before: string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !/^(all|none)$/i.test(name) && protocol.findCapability(name) === undefined);
  if (unknown.length > 0) throw new InvalidArgumentError(`There is no capability ${unknown.join(', ')}.`);
  return [...before, ...names.filter((name) => !/^none$/i.test(name))];
}
