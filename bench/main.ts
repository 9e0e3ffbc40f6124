/**
 * How long containers take, against others that make them: `npm run bench [ROUNDS]`. Rounds alternate between all
 * contenders in one run, so that a busy moment of the machine hits them alike; compare ratios, not milliseconds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { busyboxRoot } from './busyboxRoot.js';
import type { Contender } from './contender.js';
import { floor } from './floor.js';
import { peers } from './peers.js';
import { median, table } from './statistics.js';
import { bareStage, Helper, terrarium } from './terrarium.js';

const rounds = Number(process.argv[2] ?? 30);
const measures = ['first output', 'enter', 'stop'] as const;
type Times = Record<(typeof measures)[number], number[]>;

async function timed<T>(times: number[], action: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  times.push(performance.now() - start);
  return result;
}

async function round(contender: Contender, times: Times): Promise<void> {
  const started = await timed(times['first output'], contender.start);
  await started.settle?.();
  if (started.enter) await timed(times.enter, started.enter);
  await timed(times.stop, started.stop);
  await started.discard();
}

function report(all: ReadonlyMap<Contender, Times>, base: Times): void {
  const cell = (times: Times, measure: keyof Times): string[] => {
    if (times[measure].length === 0) return ['-', ''];
    const value = median(times[measure]);
    return [value.toFixed(2), `×${(value / median(base[measure])).toFixed(2)}`];
  };
  const rows = [...all].map(([{ name }, times]) => [name, ...measures.flatMap((measure) => cell(times, measure))]);
  console.log(`\nmedians of ${rounds} rounds, in ms; × is against the first line`);
  for (const line of table([['', ...measures.flatMap((measure) => [measure, ''])], ...rows])) console.log(line);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'b-'));
  const root = busyboxRoot(folder);
  const helper = await Helper.start(path.join(__dirname, '../helper.cjs'));
  const overlay = { root: { kind: 'directory', path: root }, writable: 'overlay' } as const;
  const readonly = { root: { kind: 'directory', path: root }, writable: 'none' } as const;
  const contenders = [
    terrarium(helper, 'terrarium, overlay', overlay),
    terrarium(helper, 'terrarium, read-only root', readonly),
    await bareStage(helper, 'the stage alone, overlay', overlay, folder),
    await bareStage(helper, 'the stage alone, read-only root', readonly, folder),
    floor(path.join(__dirname, 'floor'), folder, root),
    ...peers(folder, root),
  ];
  const all = new Map<Contender, Times>(
    contenders.map((contender) => [contender, { 'first output': [], enter: [], stop: [] }]),
  );
  // The first round fills caches and starts what lives long: it is not counted.
  for (const contender of contenders) await round(contender, { 'first output': [], enter: [], stop: [] });
  for (let done = 0; done < rounds; done++) for (const [contender, times] of all) await round(contender, times);
  for (const contender of contenders) await contender.close();
  await helper.stop();
  const [base] = all.values();
  if (base) report(all, base);
  rmSync(folder, { recursive: true, force: true });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
