#!/usr/bin/env node
// @ts-check
// Stands in for VS Code's executable where it cannot be downloaded: takes the arguments that @vscode/test-electron
// passes, and runs the tests in the extension host of the editor bed ($TERRARIUM_EDITOR_BED).
// Exit status: 0 passed, 1 failed, 2 did not end in time.
import { mkdtemp, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { format } from 'node:util';
import { resultMark } from '../test/reporter.mjs';
import { launchBrowser, workbenchUrl } from './browser.mjs';
import { preparePlace, startServer } from './server.mjs';
import { quietSettings } from './settings.mjs';

const limitMs = 300_000;
const bed = process.env.TERRARIUM_EDITOR_BED;
if (bed === undefined) throw new Error('TERRARIUM_EDITOR_BED is not set');

/** @param {string} name */
const option = (name) =>
  process.argv.flatMap((arg) => (arg.startsWith(`--${name}=`) ? [path.resolve(arg.slice(name.length + 3))] : []));
const folder = process.argv.slice(2).find((arg) => !arg.startsWith('-'));

const home = await mkdtemp('/var/tmp/tt-');
const place = { bed, home };
await preparePlace(place, quietSettings);
const passed = ['VSCODE_TEST_OPTIONS', 'TERRARIUM_TEST_IDENTITY'];
const env = Object.fromEntries(passed.flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])));
const args = ['--enable-smoke-test-driver', '--disable-workspace-trust'];
const server = await startServer(place, { env, args });
const browser = await launchBrowser(path.join(home, 'tmp'));
try {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  /** @type {Promise<number>} */
  const ended = new Promise((resolve) => {
    void page.exposeFunction('codeAutomationExit', resolve);
    page.on('crash', () => resolve(2));
    setTimeout(() => resolve(2), limitMs).unref();
  });
  await page.exposeFunction('codeAutomationLog', (/** @type {string} */ level, /** @type {unknown[]} */ parts) => {
    const text = format(...parts);
    // Results come as `info`, among all that the workbench tells about itself.
    if (level !== 'info' || text.includes(resultMark)) console.log(text);
  });
  /** @param {string} file @returns {string} */
  const remote = (file) => `vscode-remote://${server.host}${file}`;
  /** @type {[string, string][]} */
  const payload = ['extensionDevelopmentPath', 'extensionTestsPath'].flatMap((name) =>
    option(name).map((file) => /** @type {[string, string]} */ ([name, remote(file)])),
  );
  await page.goto(workbenchUrl(server, { folder: folder && path.resolve(folder), payload }));
  const code = await ended;
  if (code === 2) console.error(`the tests did not end in ${limitMs / 1000} s\n${server.output()}`);
  process.exitCode = code === 0 || code === 2 ? code : 1;
} finally {
  await browser.close();
  await server.stop();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
}
