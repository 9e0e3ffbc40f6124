import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json as printedJson } from './failure.js';
import { table } from './table.js';

/** `groups`: containers that have limits together. */
export function addGroupCommands(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  program
    .command('groups')
    .description('list groups of containers')
    .option('--json', 'as JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      const connection = await connect();
      const groups = await connection.sendRequest(protocol.ListGroups);
      if (json) print(printedJson(groups));
      else print(groupTable(groups, await connection.sendRequest(protocol.ListContainers)));
    });
}

/** With the containers' names, as far as they are still there. */
export function groupTable(
  groups: readonly protocol.GroupSummary[],
  containers: readonly Pick<protocol.ContainerSummary, 'id' | 'name'>[],
): string {
  const names = new Map(containers.map(({ id, name }) => [id, name]));
  return table([
    ['GROUP', 'STATE', 'CONTAINERS'],
    ...groups.map((group) => [
      group.name,
      group.live ? 'running' : 'not running',
      group.containers.flatMap((id) => names.get(id) ?? []).join(', '),
    ]),
  ]);
}
