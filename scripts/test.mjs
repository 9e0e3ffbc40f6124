// Runs tests: `node scripts/test.mjs [--no-build] [SUITE…] [PART OF A FILE'S PATH…]`, all suites by default.
// The last line counts over all of them: N passed, N failed, N skipped. Each skip names its reason.
// With TERRARIUM_TEST_REQUIRE=1 a skip that .ci/allowed-skips does not list is a failure.
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { chosenFiles, root, runLines, stopPrograms, testFiles } from './test/program.mjs';
import { defaultSuites, suites } from './test/suites.mjs';
import { createTally } from './test/tally.mjs';

const args = process.argv.slice(2);
const named = args.filter((arg) => arg in suites);
const context = {
  filters: args.filter((arg) => !arg.startsWith('-') && !(arg in suites)),
  tally: createTally(process.env.TERRARIUM_TEST_REQUIRE ? allowedSkips() : undefined),
};
const chosen = named.length > 0 ? named : defaultSuites;

/** Patterns over `suite › test: reason`, one a line; `#` begins a comment. */
function allowedSkips() {
  return readFileSync(path.join(root, '.ci/allowed-skips'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => new RegExp(line));
}

/** One command whose success is one test. */
async function step(name, command) {
  const output = [];
  const start = performance.now();
  const ended = await runLines(command, {}, (line) => output.push(line));
  const outcome = ended === '' ? 'passed' : 'failed';
  context.tally.add('build', { name, outcome, ms: performance.now() - start, error: [ended, ...output].join('\n') });
  return outcome === 'passed';
}

async function build() {
  context.tally.begin('build');
  const node = process.execPath;
  return (
    (await step('the stage builds', [node, 'scripts/stage.mjs'])) &&
    (await step('everything bundles', [node, 'scripts/build.mjs', '--tests']))
  );
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stopPrograms);

// What takes minutes on a machine's first run begins while quicker suites run.
for (const name of chosen) suites[name].prepare?.();
const builds = chosen.some((name) => suites[name].built);
if (!builds || args.includes('--no-build') || (await build())) {
  // Without files node --test would look for some by itself, in folders that are not meant.
  const meant = chosen.filter(
    (name) => testFiles(root, name).length === 0 || chosenFiles(name, context.filters).length > 0,
  );
  for (const name of meant) await suites[name].run(context);
  if (meant.length === 0)
    context.tally.add('tests', {
      name: context.filters.join(' '),
      outcome: 'failed',
      error: 'no file has that in its path',
    });
}
process.exitCode = context.tally.finish();
