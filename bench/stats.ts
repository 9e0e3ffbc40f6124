/**
 * What statistics of many containers cost the helper, once a second: `npm run bench stats [CONTAINERS]`. The containers are
 * real ones and do nothing. Beside it how long an OOM kill takes from the kernel's counter to the client, where cgroups are.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  InspectContainer,
  LimitReached,
  ReadLimits,
  RemoveContainer,
  RunContainer,
  StatsSampled,
  WatchStats,
} from '../helper/protocol/index.js';
import { busyboxRoot } from './busyboxRoot.js';
import { median, table } from './statistics.js';
import { Helper } from './terrarium.js';

const count = Number(process.argv[2] ?? 100);
const seconds = 20;
const kills = 10;

/** CPU time of a process so far, in milliseconds: utime and stime of proc_pid_stat(5), in ticks of 10 ms. */
function cpuMilliseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Percent of one core that the helper uses. */
async function share(helper: Helper): Promise<number> {
  const before = cpuMilliseconds(helper.pid);
  const start = performance.now();
  await delay(seconds * 1000);
  return ((cpuMilliseconds(helper.pid) - before) / (performance.now() - start)) * 100;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'b-'));
  const root = busyboxRoot(folder);
  const helper = await Helper.start(path.join(__dirname, '../helper.cjs'));
  const { connection } = helper;
  const containers: string[] = [];
  const run = async (args: string[], limit?: number): Promise<string> => {
    const { summary } = await connection.sendRequest(RunContainer, {
      specification: {
        root: { kind: 'directory', path: root },
        writable: 'none',
        args,
        ...(limit === undefined ? {} : { resources: { memory: { limit, swap: limit } } }),
      },
    });
    containers.push(summary.id);
    return summary.id;
  };
  try {
    for (let made = 0; made < count; made++) await run(['/bin/sleep', '100000']);
    const first = containers[0] ?? '';
    const { cgroup } = await connection.sendRequest(InspectContainer, { container: first });
    const { mode } = await connection.sendRequest(ReadLimits, { container: first });
    // What making so many left to do must not count.
    await delay(5000);
    const idle = await share(helper);
    let samples = 0;
    connection.onNotification(StatsSampled, ({ stats }) => {
      samples += stats.length;
    });
    await connection.sendRequest(WatchStats, { containers });
    await delay(3000);
    samples = 0;
    const brief = await share(helper);
    const each = samples / seconds / count;
    await connection.sendRequest(WatchStats, { containers: [], details: [{ container: first }] });
    await delay(3000);
    const detail = await share(helper);
    await connection.sendRequest(WatchStats, { containers: [] });
    console.log(
      `\n${count} containers, cgroups: ${mode}${cgroup === undefined ? '' : `, ${Object.keys(cgroup.paths).join(' ')}`}`,
    );
    const percent = (value: number): string => `${value.toFixed(2)} %`;
    const rows = [
      ['helper, nobody looks', percent(idle), ''],
      [`helper, ${count} in brief`, percent(brief), `${each.toFixed(2)} samples of each a second`],
      ['helper, one in detail', percent(detail), ''],
    ];
    for (const line of table([['', 'of one core', ''], ...rows])) console.log(line);
    if (cgroup !== undefined)
      console.log(`an OOM kill is told after ${(await killLatencies(helper, run)).join(', ')} ms`);
  } finally {
    for (const container of containers) await connection.sendRequest(RemoveContainer, { container, force: true });
    await helper.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Least, median and most milliseconds from the kernel's counting of a kill to the client's being told. */
async function killLatencies(
  helper: Helper,
  run: (args: string[], limit: number) => Promise<string>,
): Promise<string[]> {
  const times: number[] = [];
  for (let round = 0; round < kills; round++) {
    // tail wants all of an endless line in memory.
    const container = await run(['/bin/sh', '-c', 'sleep 0.5; tail /dev/zero; exec sleep 1000'], 20_000_000);
    const { cgroup } = await helper.connection.sendRequest(InspectContainer, { container });
    const memory = cgroup?.paths.unified ?? cgroup?.paths.memory ?? '';
    const file = path.join(memory, cgroup?.version === 2 ? 'memory.events' : 'memory.oom_control');
    const told = new Promise<number>((resolve) => {
      const listening = helper.connection.onNotification(LimitReached, ({ summary, limit }) => {
        if (summary.id !== container || limit !== 'memory.max') return;
        listening.dispose();
        resolve(performance.now());
      });
    });
    while (/^oom_kill 0$/m.test(readFileSync(file, 'latin1'))) await delay(1);
    const counted = performance.now();
    times.push((await told) - counted);
  }
  times.sort((a, b) => a - b);
  return [times[0] ?? 0, median(times), times.at(-1) ?? 0].map((time) => time.toFixed(0));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
