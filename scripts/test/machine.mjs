// Tests of cgroup v2 with systemd's delegation, inside a virtual machine that test/machine/cgroup2-machine makes.
import { spawn, spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { cacheFolder } from '../editor/bed.mjs';
import { copyTree, makePublicFolder, removeFolder } from './identities.mjs';
import { chosenFiles, nodeTest, onPath, root, runSuite } from './program.mjs';

const script = path.join(root, 'test/machine/cgroup2-machine');
const suite = 'machine';

/** Why this machine cannot make the virtual one, or undefined. */
function obstacle() {
  if (process.getuid?.() !== 0) return 'only root can make the cgroup v2 machine';
  if (!onPath('apt-get')) return 'the cgroup v2 machine is made of Debian packages, and there is no apt-get';
  if (process.arch !== 'x64') return 'the cgroup v2 machine is made for x64 only';
  return undefined;
}

const environment = () => ({
  ...process.env,
  CGROUP2_MACHINE_CACHE: process.env.CGROUP2_MACHINE_CACHE ?? path.join(cacheFolder(), 'machine'),
});

/** Begins to build kernel and root file system, which takes minutes the first time; a later start waits for it. */
export function prepareMachine() {
  if (obstacle() !== undefined) return;
  spawn(script, ['-b'], { env: environment(), stdio: 'ignore' }).unref();
}

/** Runs the tests of test/machine as an ordinary user of a machine with systemd and cgroup v2 only. */
export async function runMachineSuite({ tally, filters }) {
  const files = chosenFiles('machine', filters);
  const reason = obstacle();
  if (reason !== undefined) {
    tally.begin(suite);
    for (const file of files) tally.add(suite, { name: file, outcome: 'skipped', reason });
    return;
  }
  // Built here, and waited for, so that a failure to build is told apart from a failure inside.
  const built = spawnSync(script, ['-b'], { env: environment(), stdio: ['ignore', 'inherit', 'inherit'] });
  if (built.status !== 0) {
    tally.add(suite, { name: 'the machine is built', outcome: 'failed', error: `${script} -b failed, see above` });
    return;
  }
  const folder = await makePublicFolder();
  try {
    const tree = await copyTree(folder);
    // Everything in it takes several times as long as outside.
    const inside = nodeTest('/src', files, { node: 'node', concurrency: 1, timeoutMs: 900_000 });
    const command = [script, '-w', tree, '--', 'env', 'TERRARIUM_TEST_IDENTITY=range', ...inside];
    await runSuite(tally, suite, command, { env: environment() });
  } finally {
    await removeFolder(folder);
  }
}
