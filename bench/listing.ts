/**
 * How long a folder of 10,000 files takes from the request to the answer in the client: `npm run bench listing [ROUNDS]`.
 * Beside it what `lstat` alone takes for them in this process: on a busy machine the ratio says more.
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ListFiles, RemoveContainer, RunContainer } from '../helper/protocol/index.js';
import { busyboxRoot } from './busyboxRoot.js';
import { median, table } from './statistics.js';
import { Helper } from './terrarium.js';

const rounds = Number(process.argv[2] ?? 20);
const count = 10_000;

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'b-'));
  const root = busyboxRoot(folder);
  const many = path.join(root, 'many');
  mkdirSync(many);
  for (let number = 0; number < count; number++) writeFileSync(path.join(many, `file-${number}`), '');
  const helper = await Helper.start(path.join(__dirname, '../helper.cjs'));
  const { summary } = await helper.connection.sendRequest(RunContainer, {
    specification: { root: { kind: 'directory', path: root }, args: [] },
  });
  const listed: number[] = [];
  const looked: number[] = [];
  // The first round starts the agent: it is not counted.
  for (let round = -1; round < rounds; round++) {
    const before = performance.now();
    for (const name of readdirSync(many)) lstatSync(path.join(many, name));
    const between = performance.now();
    const { entries } = await helper.connection.sendRequest(ListFiles, {
      root: { kind: 'container', container: summary.id },
      path: '/many',
    });
    if (entries.length !== count) throw new Error(`${entries.length} entries instead of ${count}`);
    if (round >= 0) {
      looked.push(between - before);
      listed.push(performance.now() - between);
    }
  }
  await helper.connection.sendRequest(RemoveContainer, { container: summary.id, force: true });
  await helper.stop();
  rmSync(folder, { recursive: true, force: true });
  console.log(`\nmedians of ${rounds} rounds, in ms, for a folder of ${count} files`);
  const rows = [
    [
      'terrarium, from request to answer',
      median(listed).toFixed(1),
      `×${(median(listed) / median(looked)).toFixed(2)}`,
    ],
    ['lstat of each in one process', median(looked).toFixed(1), '×1.00'],
  ];
  for (const line of table(rows)) console.log(line);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
