import { mkdtemp, readdir, rm } from 'node:fs/promises';
import * as path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, workbenchUrl } from '../../../scripts/editor/browser.mjs';
import {
  installExtension,
  type Place,
  preparePlace,
  type Server,
  startServer,
} from '../../../scripts/editor/server.mjs';
import { testSettings } from '../../../scripts/editor/settings.mjs';
import { patienceMs } from './until.js';
import { runCommand } from './workbench.js';

/** A running editor with the packaged extension installed, and a browser that shows it. */
export interface Editor {
  page: Page;
  server: Server;
  /** Home of the user that the server runs as. */
  home: string;
  /** Reloads the window, as a person does, and waits until it is there again. */
  reload(): Promise<void>;
  /** Saves a picture to test-results/ of the checkout. */
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run npm run test:editor`);
  return value;
}

/** The user whom the server runs as: not root's, since that is not who uses Terrarium. */
function serverUser(): { uid: number; gid: number } | undefined {
  const [uid, gid] = (process.env.TERRARIUM_EDITOR_USER ?? '').split(':').map(Number);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** An extension folder as VS Code's own installer leaves it. */
export async function installPackage(): Promise<{ folder: string; bed: string }> {
  const place = await makePlace({});
  const extensions = path.join(place.home, 'extensions');
  const folder = (await readdir(extensions)).find((name) => name.startsWith('terrarium.terrarium-'));
  if (folder === undefined) throw new Error(`nothing was installed in ${extensions}`);
  return { folder: path.join(extensions, folder), bed: place.bed };
}

async function makePlace(settings: Record<string, unknown>): Promise<Place> {
  const home = await mkdtemp(path.join(required('TERRARIUM_EDITOR_HOMES'), 'e-'));
  const place = { bed: required('TERRARIUM_EDITOR_BED'), home, user: serverUser() };
  await preparePlace(place, { ...testSettings, ...settings });
  await installExtension(place, required('TERRARIUM_EDITOR_VSIX'));
  return place;
}

/**
 * Starts an editor as an ordinary user. One for each test file: it takes about ten seconds and 1 GB.
 * @param options.folder  opened as workspace
 * @param options.settings  beyond the ones that keep the editor quiet
 * @param options.env  of the server, beyond what it needs
 */
export async function openEditor(
  options: { folder?: string; settings?: Record<string, unknown>; env?: NodeJS.ProcessEnv } = {},
): Promise<Editor> {
  const place = await makePlace(options.settings ?? {});
  const browserHome = await mkdtemp(path.join(required('TERRARIUM_EDITOR_HOMES'), 'b-'));
  const server = await startServer(place, { env: options.env ?? {} });
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await server.stop();
    await rm(browserHome, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    browser = await launchBrowser(browserHome);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    await page.goto(workbenchUrl(server, { folder: options.folder }), { timeout: 3 * patienceMs });
    await whenPainted(page);
    return {
      page,
      server,
      home: place.home,
      close,
      reload: async () => {
        // The command, not the browser's button: it lets the workbench save what is open.
        const loaded = page.waitForEvent('load', { timeout: 3 * patienceMs });
        await runCommand(page, 'Developer: Reload Window');
        await loaded;
        await whenPainted(page);
      },
      screenshot: async (name) => {
        await page.screenshot({ path: path.join(required('TERRARIUM_TEST_RESULTS'), `${name}.png`) });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function whenPainted(page: Page): Promise<void> {
  await page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 3 * patienceMs });
}
