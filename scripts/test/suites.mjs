// The suites of tests, by the name that `npm run test:NAME` has for them.
import { availableParallelism } from 'node:os';
import { runEditorSuite, runExtensionHostSuite } from './editor.mjs';
import { runElectronSuite } from './electron.mjs';
import { copyTree, forEachIdentity, makePublicFolder, publicNode, removeFolder } from './identities.mjs';
import { prepareMachine, runMachineSuite } from './machine.mjs';
import { chosenFiles, nodeTest, root, runLines, runSuite, runSuiteTwiceAtMost, testFiles } from './program.mjs';

async function check({ tally }) {
  tally.begin('check');
  const commands = {
    'biome: format and lint': ['npx', 'biome', 'ci', '--colors=off'],
    'tsc: types': ['npx', 'tsc', '-p', '.', '--pretty', 'false'],
    'tsc: types of webviews': ['npx', 'tsc', '-p', 'media', '--pretty', 'false'],
    'stage: tests under sanitizers': ['make', '--no-print-directory', '-C', 'native/stage', 'test'],
  };
  for (const [name, command] of Object.entries(commands)) {
    const output = [];
    const start = performance.now();
    const ended = await runLines(command, {}, (line) => output.push(line));
    const ms = performance.now() - start;
    if (ended === '') tally.add('check', { name, outcome: 'passed', ms });
    else tally.add('check', { name, outcome: 'failed', ms, error: [...output, ended].join('\n') });
  }
}

async function unit({ tally, filters }) {
  const files = chosenFiles('unit', filters);
  await runSuite(tally, 'unit', nodeTest(root, files, { concurrency: availableParallelism() }), {});
}

const once = (tally, suite, files, commandOf, options) => runSuite(tally, suite, commandOf(files), options, true);
const twiceAtMost = (tally, suite, files, commandOf, options) =>
  runSuiteTwiceAtMost(tally, suite, files, commandOf, async () => options);

/**
 * Kernel and security tests: the truth about a machine depends on who asks.
 * @param {number} lanes  how many of them at the same time: they share nothing but the machine, yet that is enough to
 *   disturb what measures time
 * @param {typeof once} runFiles
 */
const asEachIdentity =
  (kind, lanes, runFiles) =>
  async ({ tally, filters }) => {
    const files = chosenFiles(kind, filters);
    if (testFiles(root, kind).length === 0) return;
    const folder = await makePublicFolder();
    try {
      const node = await publicNode(folder);
      const tree = await copyTree(folder);
      const notRun = await forEachIdentity(folder, lanes, async (identity, wrap, env) => {
        // Timing of containers is part of what is tested: one file after another.
        const commandOf = (chosen) => wrap(nodeTest(tree, chosen, { concurrency: 1, node }));
        await runFiles(tally, `${kind} (${identity})`, files, commandOf, { cwd: tree, env });
      });
      for (const identity of notRun)
        tally.add(kind, { name: `as ${identity}`, outcome: 'skipped', reason: 'only root can become other users' });
    } finally {
      await removeFolder(folder);
    }
  };

/**
 * `built`: needs dist/. `prepare`: starts what takes long, without waiting for it.
 * @type {Record<string, {built: boolean, prepare?: () => void, run: (context: any) => Promise<void>}>}
 */
export const suites = {
  check: { built: true, run: check },
  unit: { built: true, run: unit },
  kernel: { built: true, run: asEachIdentity('kernel', 2, twiceAtMost) },
  security: { built: true, run: asEachIdentity('security', 3, once) },
  'extension-host': { built: true, run: runExtensionHostSuite },
  editor: { built: true, run: runEditorSuite },
  machine: { built: true, prepare: prepareMachine, run: runMachineSuite },
  electron: { built: true, run: runElectronSuite },
};

/** What `npm test` runs: the extension-host tests run in `electron` too, where VS Code itself can be had. */
export const defaultSuites = Object.keys(suites).filter((name) => name !== 'electron');
