// Starts the programs that tests consist of, and feeds what they print to a tally.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { resultMark } from './reporter.mjs';

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
  const run = together
    ? await runHeldBack(command, options)
    : (/** @type {(line: string) => void} */ onLine) => runLines(command, options, onLine);
  tally.begin(suite);
  const before = tally.count;
  const failedBefore = tally.failed;
  const ended = await run((line) => tally.line(suite, line));
  if (tally.count === before)
    tally.add(suite, { name: 'runs tests', outcome: 'failed', error: ended || 'it ran none' });
  else if (ended !== '' && tally.failed === failedBefore)
    tally.add(suite, { name: 'ends well', outcome: 'failed', error: ended });
}

/**
 * Runs one suite that depends on more than what is tested, such as which window of a browser has the focus: when it fails
 * it runs once more, which then decides; what failed before is told all the same.
 * @param {() => Promise<object>} optionsOfTry  of each of the two: what the first one left behind must not disturb the second
 */
export async function runSuiteTwiceAtMost(tally, suite, command, optionsOfTry) {
  const lines = [];
  const ended = await runLines(command, await optionsOfTry(), (line) => lines.push(line));
  const results = lines
    .filter((line) => line.includes(resultMark))
    .map((line) => JSON.parse(line.slice(line.indexOf(resultMark) + resultMark.length)));
  if (ended === '' && results.length > 0) {
    for (const line of lines) tally.line(suite, line);
    return;
  }
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  for (const failure of failures) tally.failedOnce(suite, failure);
  if (failures.length === 0) tally.failedOnce(suite, { name: 'ends well', error: [ended, ...lines].join('\n') });
  await runSuite(tally, suite, command, await optionsOfTry());
}

/** Runs a program to its end, and gives what then tells its lines and how it ended. */
async function runHeldBack(command, options) {
  const lines = [];
  const ended = await runLines(command, options, (line) => lines.push(line));
  return (onLine) => {
    for (const line of lines) onLine(line);
    return ended;
  };
}
