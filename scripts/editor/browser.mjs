// @ts-check
// The browser that plays the user, and the page it opens.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/** Path of an installed Chromium, or undefined; $CHROMIUM decides when set. */
export const findChromium = () => process.env.CHROMIUM ?? candidates.find((file) => existsSync(file));

/**
 * Starts a browser that keeps its files in a folder of its own.
 * @param {string} home
 */
export function launchBrowser(home) {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium found (apt-get install chromium)');
  // It shows our own pages only, and its sandbox does not work for root, nor in most containers.
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  const env = { PATH: process.env.PATH ?? '', HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, TMPDIR: home };
  return chromium.launch({ executablePath, headless: true, env, args });
}

/**
 * Address of the workbench of a server.
 * @param {import('./server.mjs').Server} server
 * @param {{folder?: string | undefined, payload?: [string, string][]}} [options]  `payload` is what VS Code's own
 *   integration tests pass; the server heeds it only with --enable-smoke-test-driver.
 */
export function workbenchUrl(server, { folder, payload = [] } = {}) {
  const url = new URL(server.url);
  if (folder === undefined) url.searchParams.set('ew', 'true');
  else url.searchParams.set('folder', folder);
  if (server.token !== '') url.searchParams.set('tkn', server.token);
  if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
  return url.toString();
}
