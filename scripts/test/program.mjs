// Starts the programs that tests consist of, and feeds what they print to a tally.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { filesToRepeat, isOf } from './secondTry.mjs';
import { resultIn } from './tally.mjs';

export const root = path.resolve(import.meta.dirname, '../..');

/** Whether a program is on PATH. */
export const onPath = (program) =>
  (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(path.join(folder, program)));

const running = new Set();
let stopped = false;

/** Ends what runs and starts nothing more, so that what suites have made is undone by them. */
export function stopPrograms() {
  stopped = true;
  for (const child of running) child.kill('SIGTERM');
  // unshare(1) leaves SIGTERM to its child, and the init of a pid namespace does not hear it.
  setTimeout(() => {
    for (const child of running) child.kill('SIGKILL');
  }, 3000).unref();
}

/**
 * Runs a program to its end; its standard output and error arrive line by line.
 * @param {string[]} command
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} options
 * @param {(line: string) => void} onLine
 * @returns {Promise<string>} Empty when it exited with 0, else how it ended.
 */
export function runLines([program, ...args], options, onLine) {
  if (stopped) return Promise.resolve('stopped');
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    running.add(child);
    child.on('exit', () => running.delete(child));
    child.on('error', (error) => resolve(`${program}: ${error.message}`));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? '' : `${program} ended with ${signal ?? `status ${code}`}`),
    );
  });
}

/** Bundled test files of one kind below a tree that was built with --tests, relative to it. */
export function testFiles(tree, kind) {
  const folder = path.join(tree, 'dist/test', kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.cjs'))
    .sort()
    .map((file) => path.join('dist/test', kind, file));
}

/** Bundled test files of a kind that the command line asks for. */
export const chosenFiles = (kind, filters) =>
  testFiles(root, kind).filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));

/** Of a test, and of a file: one that does not end is a failure, not the end of everything. */
const defaultTimeoutMs = 240_000;

/** The command that runs test files with our reporter; `tree` holds scripts/test/reporter.mjs too. */
export const nodeTest = (
  tree,
  files,
  { node = process.execPath, concurrency = 2, timeoutMs = defaultTimeoutMs } = {},
) => [
  node,
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${timeoutMs}`,
  `--test-reporter=${path.join(tree, 'scripts/test/reporter.mjs')}`,
  '--test-reporter-destination=stdout',
  ...files,
];

/**
 * Runs one suite: a suite that ran no test, or that ended badly without a failed test, is a failure itself.
 * @param {ReturnType<import('./tally.mjs').createTally>} tally
 * @param {boolean} together  Other suites run at the same time: all that this one says comes when it has ended.
 */
export async function runSuite(tally, suite, command, options, together = false) {
  if (together) {
    const { lines, ended } = await runHeldBack(command, options);
    return tellSuite(tally, suite, lines, ended);
  }
  tally.begin(suite);
  return closeSuite(tally, suite, () => runLines(command, options, (line) => tally.line(suite, line)));
}

/**
 * Runs one suite; files of it that fail run once more, if they are few.
 * @param {ReturnType<import('./tally.mjs').createTally>} tally
 * @param {string[]} files  relative to the tree that they lie in
 * @param {(files: string[]) => string[]} commandOf
 * @param {() => Promise<object>} optionsOfTry  of each of the two: what the first one left behind must not disturb the second
 */
export async function runSuiteTwiceAtMost(tally, suite, files, commandOf, optionsOfTry) {
  const { lines, ended } = await runHeldBack(commandOf(files), await optionsOfTry());
  const results = lines.flatMap((line) => resultIn(line) ?? []);
  const again = filesToRepeat(files, results, ended);
  if (again.length === 0) return tellSuite(tally, suite, lines, ended);
  const isRepeated = (result) => result !== undefined && again.some((file) => isOf(result, file));
  const kept = lines.filter((line) => files.length > again.length && !isRepeated(resultIn(line)));
  if (kept.length > 0) await tellSuite(tally, suite, kept, '');
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  for (const failure of failures) tally.failedOnce(suite, failure);
  if (failures.length === 0) tally.failedOnce(suite, { name: 'ends well', error: [ended, ...lines].join('\n') });
  await runSuite(tally, suite, commandOf(again), await optionsOfTry(), true);
}

/** Tells the tally what a suite has said, and how it ended. */
async function tellSuite(tally, suite, lines, ended) {
  tally.begin(suite);
  await closeSuite(tally, suite, () => {
    for (const line of lines) tally.line(suite, line);
    return ended;
  });
}

async function closeSuite(tally, suite, run) {
  const before = tally.count;
  const failedBefore = tally.failed;
  const ended = await run();
  if (tally.count === before)
    tally.add(suite, { name: 'runs tests', outcome: 'failed', error: ended || 'it ran none' });
  else if (ended !== '' && tally.failed === failedBefore)
    tally.add(suite, { name: 'ends well', outcome: 'failed', error: ended });
}

/** Runs a program to its end, and gives its lines and how it ended. */
async function runHeldBack(command, options) {
  const lines = [];
  const ended = await runLines(command, options, (line) => lines.push(line));
  return { lines, ended };
}
