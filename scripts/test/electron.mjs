// The extension-host tests in a VS Code that @vscode/test-electron downloads.
import * as path from 'node:path';
import { downloadAndUnzipVSCode } from '@vscode/test-electron';
import { onPath, root, runSuite } from './program.mjs';

const suite = 'electron';

/** VS Code's executable, from the cache or downloaded; or why it cannot be had. */
async function findVsCode() {
  try {
    return { executable: await downloadAndUnzipVSCode({ cachePath: path.join(root, '.vscode-test') }) };
  } catch (error) {
    return { reason: `VS Code cannot be downloaded here: ${error instanceof Error ? error.message : error}` };
  }
}

/** Runs test/extension-host in VS Code itself, with a display of its own where there is none. */
export async function runElectronSuite({ tally }) {
  const { executable, reason } = await findVsCode();
  if (executable === undefined) {
    tally.begin(suite);
    tally.add(suite, { name: 'tests in VS Code', outcome: 'skipped', reason });
    return;
  }
  const command = [process.execPath, path.join(root, 'node_modules/@vscode/test-cli/out/bin.mjs')];
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY && onPath('xvfb-run')) command.unshift('xvfb-run', '-a');
  await runSuite(tally, suite, command, { env: { ...process.env, TERRARIUM_VSCODE: executable } });
}
