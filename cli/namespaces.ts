import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json } from './failure.js';
import { namespaceTable, namespaceTree } from './namespaceText.js';
import { table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** Commands that look at namespaces, and at any process of this machine. */
export function addNamespaceCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('namespaces')
    .description('every namespace on this machine that you may see, with who is in it')
    .option('--tree', 'below the user namespaces that own them')
    .option('-t, --type <type>', 'only of one type: mnt, uts, ipc, net, pid, user, cgroup, time', parseType)
    .option('--json', 'as JSON')
    .action(async (options: { tree?: boolean; type?: protocol.oci.NamespaceType; json?: boolean }) => {
      const report = await (await connect()).sendRequest(protocol.ListMachineNamespaces);
      const { type } = options;
      const shown = report.namespaces.filter((entry) => type === undefined || entry.type === type);
      if (options.json === true) print(json({ ...report, namespaces: shown }));
      else print(options.tree === true ? namespaceTree(report, shown) : namespaceTable(report, shown));
    });

  program
    .command('inspect')
    .description('everything about a container, or about any process of this machine, as JSON')
    .option('--environment', 'the environment of the process too, which may hold secrets')
    .option('--files', 'the open files of the process too')
    .option('--process', 'only what the kernel says of the process; of a container its first one')
    .option('--json', 'as JSON, which it is anyway')
    .argument('<what>', 'name or id of a container, or a pid')
    .action(async (what: string, options: { environment?: boolean; files?: boolean; process?: boolean }) => {
      const connection = await connect();
      const { environment = false, files = false } = options;
      const params = { target: await findTarget(connection, what), environment, files };
      const type = options.process === true ? protocol.InspectProcess : protocol.Inspect;
      print(json(await connection.sendRequest<unknown>(type.method, params)));
    });

  program
    .command('compare')
    .description('what two containers or processes see and may do differently')
    .option('--json', 'as JSON')
    .option('--all', 'list what is alike too')
    .argument('<a>', 'name or id of a container, a pid, or "host"')
    .argument('[b]', 'the same', 'host')
    .action(async (a: string, b: string, options: { json?: boolean; all?: boolean }) => {
      const connection = await connect();
      const comparison = await connection.sendRequest(protocol.CompareProcesses, {
        a: await findTarget(connection, a),
        b: await findTarget(connection, b),
      });
      print(options.json === true ? json(comparison) : comparisonText(comparison, options.all === true));
    });
}

/** A number is a pid, unless a container has it for its name or whole id: `1` is also how ids begin. */
export async function findTarget(connection: MessageConnection, what: string): Promise<protocol.ProcessTarget> {
  if (/^\d+$/.test(what)) {
    const containers = await connection.sendRequest(protocol.ListContainers);
    const isContainer = containers.some(({ id, name }) => name === what || id === what);
    return isContainer ? { container: what } : { pid: Number(what) };
  }
  return what === 'host' ? { host: true } : { container: what };
}

const typesByLink: Readonly<Record<string, protocol.oci.NamespaceType>> = { mnt: 'mount', net: 'network' };
const types = ['mount', 'uts', 'ipc', 'network', 'pid', 'user', 'cgroup', 'time'] as const;

export function parseType(text: string): protocol.oci.NamespaceType {
  const found = types.find((type) => type === (typesByLink[text] ?? text));
  if (found === undefined) throw new InvalidArgumentError(`It is none of ${types.join(', ')}.`);
  return found;
}

function comparisonText({ a, b, sections }: protocol.ProcessComparison, all: boolean): string {
  const heading = ({ host, container, identity, command }: protocol.ComparedProcess) =>
    `${host ? 'host' : (container?.name ?? 'process')} (${identity.pid}: ${command})`;
  const parts = sections.map(({ topic, differences, same, unknown }) => {
    const alike = all ? same.map((name) => [`  ${name}`, 'the same', '']) : [];
    const rows = [
      ...differences.map(({ name, a: one, b: other }) => [`  ${name}`, one ?? '–', other ?? '–']),
      ...alike,
    ];
    const summary = unknown ?? `${differences.length} differ, ${same.length} the same`;
    return [`${topic}: ${summary}`, ...(rows.length === 0 ? [] : [table(rows)])].join('\n');
  });
  return [
    table([
      ['A', heading(a)],
      ['B', heading(b)],
    ]),
    '',
    ...parts,
  ].join('\n');
}
