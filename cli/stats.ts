import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { cancellable } from './longWork.js';
import { bytes, table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** `stats`: what running containers use, once a second. */
export function addStatsCommand(program: Command, connect: Connect, print: Print): void {
  program
    .command('stats')
    .description('what running containers use of their limits, once a second until Ctrl+C')
    .option('--once', 'one reading, and done')
    .option('--json', 'a line of JSON for each container and second')
    .argument('[containers...]', 'names or ids (default: all that run)')
    .action(async (containers: string[], { once = false, json = false }: { once?: boolean; json?: boolean }) => {
      const connection = await connect();
      const isTerminal = process.stdout.isTTY;
      await sampled(connection, containers, once, (rows) => {
        if (json) for (const row of rows) print(JSON.stringify(row));
        // One table over the other, as long as somebody looks.
        else print(`${isTerminal && !once ? '\x1b[H\x1b[J' : ''}${statsTable(rows)}`);
      });
    });
}

/** A container's name beside its statistics. */
export type NamedStats = protocol.ContainerStats & { name: string };

/** Calls `show` with what is sampled until it is interrupted or, with `once`, after the first reading with CPU in it. */
async function sampled(
  connection: MessageConnection,
  wanted: readonly string[],
  once: boolean,
  show: (rows: NamedStats[]) => void,
): Promise<void> {
  // Names that are not there are an error, not an empty table.
  for (const container of wanted) await connection.sendRequest(protocol.InspectContainer, { container });
  let names = new Map<string, string>();
  const watch = async () => {
    const running = (await connection.sendRequest(protocol.ListContainers)).filter(
      ({ id, name, state }) =>
        (state === 'running' || state === 'paused') &&
        (wanted.length === 0 || wanted.some((reference) => name === reference || id.startsWith(reference))),
    );
    const before = [...names.keys()].join();
    names = new Map(running.map(({ id, name }) => [id, name]));
    const ids = [...names.keys()];
    if (ids.join() !== before) await connection.sendRequest(protocol.WatchStats, { containers: ids });
    return ids.length;
  };
  await cancellable(async (token) => {
    const done = new Promise<void>((resolve, reject) => {
      token.onCancellationRequested(() => resolve());
      connection.onNotification(protocol.StatsSampled, ({ stats }) => {
        const rows = stats.flatMap((one) => {
          const name = names.get(one.container);
          return name === undefined ? [] : [{ ...one, name }];
        });
        // CPU is a difference between two samples: the first has none.
        if (!once || rows.some(({ cpu }) => cpu !== undefined)) {
          show(rows);
          if (once) return resolve();
        }
        // Containers come and go.
        watch().then((count) => count === 0 && resolve(), reject);
      });
    });
    if ((await watch()) === 0) {
      show([]);
      return;
    }
    await done;
  });
  await connection.sendRequest(protocol.WatchStats, { containers: [] });
}

/** Columns for people; what is not counted here shows a dash. */
export function statsTable(rows: readonly NamedStats[]): string {
  return table([
    ['NAME', 'CPU', 'MEMORY', 'LIMIT', '%', 'PIDS', 'LIMIT', 'OOM KILLS'],
    ...[...rows]
      .sort((a, b) => a.name.localeCompare(b.name))
      .map(({ name, cpu, memoryBytes, memoryMax, pids, pidsMax, oomKills }) => [
        name,
        cpu === undefined ? '-' : `${(cpu * 100).toFixed(1)} %`,
        memoryBytes === undefined ? '-' : bytes(memoryBytes),
        typeof memoryMax === 'number' ? bytes(memoryMax) : (memoryMax ?? '-'),
        typeof memoryMax === 'number' && memoryBytes !== undefined && memoryMax > 0
          ? ((memoryBytes / memoryMax) * 100).toFixed(0)
          : '-',
        pids === undefined ? '-' : String(pids),
        pidsMax === undefined ? '-' : String(pidsMax),
        oomKills === undefined ? '-' : String(oomKills),
      ]),
  ]);
}
