import { type Command, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { cancellable } from './longWork.js';
import { orders, type StatsOrder, type StatsRow, statsTable } from './statsTable.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

interface StatsOptions {
  once: boolean;
  json: boolean;
  detail: boolean;
  sort: StatsOrder;
}

/** `stats`: what running containers use, once a second. */
export function addStatsCommand(program: Command, connect: Connect, print: Print): void {
  program
    .command('stats')
    .description('what running containers use of their limits, once a second until Ctrl+C')
    .option('--once', 'one reading, and done', false)
    .option('--json', 'a line of JSON for each container and second', false)
    .option('--detail', 'throttling, pressure, peaks, and each device: all that the kernel counts', false)
    .addOption(new Option('--sort <column>', 'the most first, or by name').choices(orders).default('name'))
    .argument('[containers...]', 'names or ids (default: all that run)')
    .action(async (containers: string[], options: StatsOptions) => {
      const connection = await connect();
      const isTerminal = process.stdout.isTTY;
      await sampled(connection, containers, options, (rows) => {
        if (options.json) {
          for (const { name, stats, details } of rows) print(JSON.stringify({ ...(details ?? stats), name }));
        } else {
          // One table over the other, as long as somebody looks.
          const text = statsTable(rows, options.sort, options.detail);
          print(`${isTerminal && !options.once ? '\x1b[H\x1b[J' : ''}${text}`);
        }
      });
    });
}

/** Calls `show` with what is sampled until it is interrupted or, with `once`, after the first reading with CPU in it. */
async function sampled(
  connection: MessageConnection,
  wanted: readonly string[],
  { once, detail }: StatsOptions,
  show: (rows: StatsRow[]) => void,
): Promise<void> {
  // Names that are not there are an error, not an empty table.
  for (const container of wanted) await connection.sendRequest(protocol.InspectContainer, { container });
  let names = new Map<string, string>();
  let brief: readonly protocol.ContainerStats[] = [];
  const watch = async () => {
    const running = (await connection.sendRequest(protocol.ListContainers)).filter(
      ({ id, name, state }) =>
        (state === 'running' || state === 'paused') &&
        (wanted.length === 0 || wanted.some((reference) => name === reference || id.startsWith(reference))),
    );
    const before = [...names.keys()].join();
    names = new Map(running.map(({ id, name }) => [id, name]));
    const containers = [...names.keys()];
    if (containers.join() !== before) {
      const details = detail ? containers.map((container) => ({ container })) : [];
      await connection.sendRequest(protocol.WatchStats, { containers, details });
    }
    return containers.length;
  };
  await cancellable(async (token) => {
    const done = new Promise<void>((resolve, reject) => {
      const take = (details: readonly protocol.DetailedStats[]) => {
        const rows = brief.flatMap((stats): StatsRow[] => {
          const name = names.get(stats.container);
          const own = details.find(({ target }) => 'container' in target && target.container === stats.container);
          return name === undefined ? [] : [{ name, stats, ...(own === undefined ? {} : { details: own }) }];
        });
        // CPU is a difference between two samples: the first has none.
        if (!once || rows.some(({ stats }) => stats.cpu !== undefined)) {
          show(rows);
          if (once) return resolve();
        }
        // Containers come and go.
        watch().then((count) => count === 0 && resolve(), reject);
      };
      token.onCancellationRequested(() => resolve());
      connection.onNotification(protocol.StatsSampled, ({ stats }) => {
        brief = stats;
        if (!detail) take([]);
      });
      // Those of a round come after what is in brief.
      if (detail) connection.onNotification(protocol.DetailsSampled, ({ details }) => take(details));
    });
    if ((await watch()) === 0) {
      show([]);
      return;
    }
    await done;
  });
  await connection.sendRequest(protocol.WatchStats, { containers: [] });
}
