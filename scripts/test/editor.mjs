// Tests in a real editor: VS Code's own server from the editor bed, driven through a browser.
import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import * as path from 'node:path';
import { ensureEditorBed } from '../editor/bed.mjs';
import { findChromium } from '../editor/browser.mjs';
import { delegateGroups } from './delegation.mjs';
import { contained, ensureUser, makePublicFolder, removeFolder } from './identities.mjs';
import { chosenFiles, nodeTest, root, runSuite, runSuiteTwiceAtMost } from './program.mjs';

const asRoot = process.getuid?.() === 0;
const results = path.join(root, 'test-results');

/** What every suite in the editor needs, or the reason why there is none. */
async function prepare(tally, suite, files) {
  if (findChromium() === undefined) {
    tally.begin(suite);
    for (const name of files)
      tally.add(suite, { name, outcome: 'skipped', reason: 'no Chromium found (apt-get install chromium)' });
    return undefined;
  }
  await mkdir(results, { recursive: true });
  return ensureEditorBed((text) => console.log(`${suite}: ${text}`));
}

/** Stories of a person who has been given neither cgroups nor a range of ids. */
const undelegated = (file) => path.basename(file).startsWith('undelegated');

/** Clicks through the packaged extension as a person does. The server is an ordinary user's, also when root tests. */
export async function runEditorSuite({ tally, filters }) {
  const suite = 'editor';
  const files = chosenFiles('editor', filters);
  const bed = await prepare(tally, suite, files);
  if (bed === undefined) return;
  const folder = await makePublicFolder();
  try {
    execFileSync(process.execPath, ['scripts/package.mjs', `--out=${folder}`, `linux-${process.arch}`], { cwd: root });
    const vsix = (await readdir(folder)).find((name) => name.endsWith('.vsix'));
    if (vsix === undefined) throw new Error('scripts/package.mjs made no .vsix');
    execFileSync('chmod', ['a+r', path.join(folder, vsix)]);
    const env = {
      ...process.env,
      TERRARIUM_EDITOR_BED: bed,
      TERRARIUM_EDITOR_HOMES: folder,
      TERRARIUM_EDITOR_VSIX: path.join(folder, vsix),
      TERRARIUM_TEST_RESULTS: results,
    };
    const poor = files.filter(undelegated);
    const rich = files.filter((file) => !undelegated(file));
    if (rich.length > 0) {
      const user = asRoot ? ensureUser('terrarium-test', true) : undefined;
      const delegation = user && (await delegateGroups(user));
      try {
        await runStories(tally, suite, rich, env, user, delegation?.groups);
      } finally {
        await delegation?.remove();
      }
    }
    if (poor.length > 0 && asRoot) {
      await runStories(tally, `${suite} (undelegated)`, poor, env, ensureUser('terrarium-norange', false));
    } else {
      for (const name of poor)
        tally.add(suite, { name, outcome: 'skipped', reason: 'only root can become a user without cgroups' });
    }
  } finally {
    await removeFolder(folder);
  }
}

/**
 * Runs test files, one story after the other: two editors at a time would be slow enough to time out.
 * @param {{uid: number, gid: number} | undefined} user  whose server it is, when root tests
 * @param {string[]} [groups]  cgroups that are delegated to the user
 */
async function runStories(tally, suite, files, env, user, groups) {
  const whose = user && { TERRARIUM_EDITOR_USER: `${user.uid}:${user.gid}` };
  for (const file of files) {
    const commandOf = (chosen) => {
      const command = nodeTest(root, chosen, { concurrency: 1, timeoutMs: 480_000 });
      return user ? contained(command, { uid: 0, gid: 0 }, groups) : command;
    };
    let homes;
    await runSuiteTwiceAtMost(tally, suite, [file], commandOf, async () => {
      // The second try finds nothing of the first.
      homes = homes === undefined ? env.TERRARIUM_EDITOR_HOMES : await makePublicFolder();
      return { env: { ...env, ...whose, TERRARIUM_EDITOR_HOMES: homes } };
    });
    if (homes !== env.TERRARIUM_EDITOR_HOMES) await removeFolder(homes);
  }
}

/** The Mocha tests that run inside the extension host, with the editor bed standing in for VS Code's executable. */
export async function runExtensionHostSuite({ tally, filters }) {
  const suite = 'extension-host';
  const files = chosenFiles('extension-host', filters);
  const bed = await prepare(tally, suite, files);
  if (bed === undefined) return;
  const command = [process.execPath, path.join(root, 'node_modules/@vscode/test-cli/out/bin.mjs')];
  const env = {
    ...process.env,
    TERRARIUM_EDITOR_BED: bed,
    TERRARIUM_VSCODE: path.join(root, 'scripts/editor/codeShim.mjs'),
  };
  await runSuite(tally, suite, asRoot ? contained(command, { uid: 0, gid: 0 }) : command, { env });
}
