/**
 * How long an import takes, against those who unpack the same: `npm run bench import ARCHIVE.tar.gz [ROUNDS]`. Rounds
 * alternate between all contenders in one run; compare ratios, not milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { AgentClient } from '../helper/agent/client.js';
import { layerAgent } from '../helper/image/layerAgent.js';
import { ImageStore } from '../helper/image/store.js';
import { median, table } from './statistics.js';

const [archive = '', count = '5'] = process.argv.slice(2);
const namespace = ['unshare', '--user', '--map-root-user', '--map-auto'];
const folder = mkdtempSync(path.join(tmpdir(), 'import-'));

interface Contender {
  name: string;
  run(round: number): Promise<void>;
}

function execute(...[program = '', ...args]: string[]): void {
  const ended = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${ended.error?.message ?? ended.stderr}`);
}

const installed = (program: string) => spawnSync(program, ['--version']).status === 0;

/** Peak of this process, and of the agent that is one of its descendants, in MiB. */
function peaks(): { helper: number; agent: number } {
  const peakOf = (pid: string | number) =>
    Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  const children = (pid: string | number): string[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean);
  const descendants = (pid: string | number): string[] =>
    children(pid).flatMap((child) => [child, ...descendants(child)]);
  return { helper: peakOf(process.pid), agent: Math.max(0, ...descendants(process.pid).map(peakOf)) };
}

async function main(): Promise<void> {
  const agent = new AgentClient(() => ({
    program: namespace[0] ?? '',
    args: [...namespace.slice(1), process.execPath, path.join(__dirname, '../agent.cjs')],
  }));
  const images = path.join(folder, 'images');
  const store = new ImageStore({ folder: images, agent: layerAgent(agent), uses: async () => [] });
  const layout = path.join(folder, 'layout');
  const saved = path.join(folder, 'saved.tar');
  await store.import({ file: archive, name: 'prepared' });
  execute(
    'cp',
    '-r',
    '--no-preserve=mode',
    path.join(images, 'blobs'),
    path.join(images, 'index.json'),
    path.join(images, 'oci-layout'),
    ...made(layout),
  );
  await store.remove('prepared');
  const contenders: Contender[] = [
    {
      name: 'tar xzf',
      run: async (round) => {
        const target = path.join(folder, `tar${round}`);
        mkdirSync(target);
        execute(...namespace, 'tar', '--numeric-owner', '--exclude=./dev/*', '-xpzf', archive, '-C', target);
      },
    },
    {
      name: 'terrarium import',
      run: async (round) => {
        await store.import({ file: archive, name: `image${round}` });
      },
    },
  ];
  if (installed('umoci')) {
    contenders.push({
      name: 'umoci unpack',
      run: async (round) =>
        execute(...namespace, 'umoci', 'unpack', '--image', `${layout}:prepared`, path.join(folder, `umoci${round}`)),
    });
  }
  if (installed('podman') && installed('skopeo')) {
    execute('skopeo', '--insecure-policy', 'copy', `oci:${layout}:prepared`, `docker-archive:${saved}:prepared:1`);
    contenders.push({
      name: 'podman load',
      run: async (round) => {
        const storage = path.join(folder, `podman${round}`);
        execute(
          'podman',
          '--root',
          storage,
          '--runroot',
          `${storage}-run`,
          '--storage-driver',
          'overlay',
          'load',
          '-i',
          saved,
        );
      },
    });
  }
  const times = new Map<string, number[]>();
  for (let round = 0; round < Number(count); round++) {
    for (const { name, run } of [...contenders]) {
      const start = performance.now();
      try {
        await run(round);
      } catch (error) {
        console.error(`${name} leaves the race: ${error instanceof Error ? error.message : error}`);
        contenders.splice(
          contenders.findIndex((contender) => contender.name === name),
          1,
        );
        continue;
      }
      times.set(name, [...(times.get(name) ?? []), performance.now() - start]);
    }
    // Otherwise the next round would find the layer here.
    await store.remove(`image${round}`);
  }
  const base = median(times.get('tar xzf') ?? []);
  const rows = [...times].map(([name, all]) => [name, median(all).toFixed(0), `×${(median(all) / base).toFixed(2)}`]);
  console.log(`\nmedians of ${count} rounds, in ms; × is against the first line`);
  for (const line of table([['', 'time', ''], ...rows])) console.log(line);
  const { helper, agent: peak } = peaks();
  console.log(`peak memory: this process ${helper.toFixed(0)} MiB, agent ${peak.toFixed(0)} MiB`);
  await agent.dispose();
}

function made(target: string): [string] {
  mkdirSync(target);
  return [target];
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    spawnSync(namespace[0] ?? '', [...namespace.slice(1), 'rm', '-rf', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
