// Installs the editor that tests and `npm start` use, once, outside the checkout: VS Code's own server as the npm
// package code-server has it. Its postinstall wants to compile for minutes with headers that few machines have; the
// two native modules that the server needs are built here alone.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { onPath, root, runLines } from '../test/program.mjs';

const source = path.join(root, 'test/editor/bed');
const files = ['package.json', 'package-lock.json', '.npmrc'];

/** Where things are kept that are made once and serve many runs. */
export const cacheFolder = () =>
  process.env.TERRARIUM_TEST_CACHE ??
  (process.getuid?.() === 0
    ? '/var/cache/terrarium-test'
    : path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'terrarium-test'));

/** @param {string} bed */
export const bedNode = (bed) => path.join(bed, `node_modules/node-linux-${process.arch}/bin/node`);

/**
 * The folder of a ready editor bed, installed when it is not there yet (about a minute, 800 MB).
 * @param {(text: string) => void} say  Told what takes time.
 */
export async function ensureEditorBed(say) {
  const recipe = createHash('sha256').update(readFileSync(import.meta.filename));
  for (const file of files) recipe.update(readFileSync(path.join(source, file)));
  const bed = path.join(cacheFolder(), `editor-${recipe.digest('hex').slice(0, 12)}`);
  if (existsSync(bed)) return bed;

  const missing = ['npm', 'make', 'g++', 'python3'].filter((program) => !onPath(program));
  if (missing.length > 0) throw new Error(`the editor needs ${missing.join(', ')} (apt-get install g++ make python3)`);
  say('installing the editor, once: about a minute, 800 MB');
  await mkdir(cacheFolder(), { recursive: true });
  const folder = await mkdtemp(`${bed}.`);
  try {
    for (const file of files) await copyFile(path.join(source, file), path.join(folder, file));
    await npm(folder, ['ci'], folder);
    const server = path.join(folder, 'node_modules/code-server/lib/vscode');
    // Not `npm ci`: the shrinkwrap that it ships does not agree with its package.json.
    await npm(server, ['install', '--omit=dev', '--ignore-scripts'], folder);
    await npm(server, ['rebuild', '--ignore-scripts=false', '@vscode/spdlog', '@vscode/native-watchdog'], folder);
    const native = ['node-pty', '@vscode/spdlog', '@vscode/native-watchdog', '@parcel/watcher'];
    await run([bedNode(folder), '-e', native.map((name) => `require('${name}')`).join(';')], { cwd: server });
    await run(['chmod', '-R', 'a+rX', folder], {});
    await rename(folder, bed).catch((error) => {
      // Another run was quicker.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return bed;
}

/** npm with the bed's Node: node-gyp takes its headers from there, and nothing from the network. */
function npm(cwd, args, bed) {
  const node = path.dirname(path.dirname(bedNode(bed)));
  const env = { ...process.env, npm_config_nodedir: node, npm_config_audit: 'false', npm_config_fund: 'false' };
  env.PATH = existsSync(node) ? `${node}/bin:${process.env.PATH}` : process.env.PATH;
  return run(['npm', ...args], { cwd, env });
}

async function run(command, options) {
  const output = [];
  const ended = await runLines(command, options, (line) => output.push(line));
  if (ended !== '') throw new Error(`${command.join(' ')}: ${ended}\n${output.slice(-30).join('\n')}`);
}
