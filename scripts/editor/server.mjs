// @ts-check
// Starts VS Code's own server from an installed editor bed, as this user or another. `npm start` and the tests share it.
import { execFile, spawn } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** @typedef {{uid: number, gid: number}} User */
/**
 * Where a server keeps everything; a short path, since it puts UNIX sockets there.
 * @typedef {{bed: string, home: string, user?: User | undefined}} Place
 */
/** @typedef {{url: string, host: string, token: string, output: () => string, stop: () => Promise<void>}} Server */

/** @param {string} bed */
const nodeOf = (bed) => path.join(bed, `node_modules/node-linux-${process.arch}/bin/node`);
/** @param {string} bed */
const serverOf = (bed) => path.join(bed, 'node_modules/code-server/lib/vscode/out/server-main.js');
/** @param {string} home */
const extensionsOf = (home) => path.join(home, 'extensions');

/** What the one who starts it leaves of its own must not reach the server: npm's and editors' variables above all. */
const inherited = ['PATH', 'LANG', 'CI', 'SHELL', 'TERM', 'NODE_V8_COVERAGE', 'DBUS_SESSION_BUS_ADDRESS'];

/** @param {Place} place @param {NodeJS.ProcessEnv} extra */
const environment = ({ home }, extra) => ({
  ...Object.fromEntries(inherited.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]))),
  HOME: home,
  TMPDIR: path.join(home, 'tmp'),
  XDG_CONFIG_HOME: path.join(home, '.config'),
  XDG_DATA_HOME: path.join(home, '.local/share'),
  XDG_CACHE_HOME: path.join(home, '.cache'),
  XDG_RUNTIME_DIR: path.join(home, 'run'),
  // No marketplace: nothing is asked of the network.
  EXTENSIONS_GALLERY: '{}',
  ...extra,
});

/** @param {Place} place */
const folders = ({ bed, home }) => [
  serverOf(bed),
  '--accept-server-license-terms',
  ...['--server-data-dir', path.join(home, 'server')],
  ...['--user-data-dir', path.join(home, 'data')],
  ...['--extensions-dir', extensionsOf(home)],
];

/**
 * Makes the folders of a place, owned by its user, with the user's settings in them.
 * @param {Place} place
 * @param {Record<string, unknown>} settings
 */
export async function preparePlace({ home, user }, settings) {
  const settingsFile = path.join(home, 'data/User/settings.json');
  const made = ['', 'tmp', 'run', 'data', 'data/User', 'extensions'].map((name) => path.join(home, name));
  for (const folder of made) await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(settingsFile, JSON.stringify(settings, undefined, 2));
  if (user) for (const file of [...made, settingsFile]) await chown(file, user.uid, user.gid);
}

/**
 * Installs a packaged extension.
 * @param {Place} place
 * @param {string} vsix
 */
export async function installExtension(place, vsix) {
  const { stdout } = await promisify(execFile)(nodeOf(place.bed), [...folders(place), '--install-extension', vsix], {
    cwd: place.home,
    env: environment(place, {}),
    ...place.user,
  });
  return stdout.trim();
}

/**
 * Starts the server on a free port of loopback.
 * @param {Place} place
 * @param {{token?: string, env?: NodeJS.ProcessEnv, args?: string[]}} [options]
 *   `token`: what a browser must know, else anybody on this machine may connect.
 * @returns {Promise<Server>}
 */
export async function startServer(place, { token = '', env = {}, args = [] } = {}) {
  const access = token === '' ? ['--without-connection-token'] : ['--connection-token', token];
  const quiet = ['--telemetry-level', 'off', '--disable-telemetry', '--force-disable-user-env'];
  const child = spawn(
    nodeOf(place.bed),
    [...folders(place), '--host', '127.0.0.1', '--port', '0', ...access, ...quiet, ...args],
    { cwd: place.home, env: environment(place, env), stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...place.user },
  );
  let output = '';
  /** @type {Promise<string>} */
  const port = new Promise((resolve, reject) => {
    /** @param {Buffer} data */
    const onData = (data) => {
      output += data.toString();
      const found = /Extension host agent listening on (\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the server ended with ${signal ?? code}\n${output}`)));
    setTimeout(() => reject(new Error(`the server did not start in 60 s\n${output}`)), 60_000).unref();
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGTERM');
    const late = await Promise.race([exited.then(() => false), delay(5000, true, { ref: false })]);
    if (late) process.kill(-child.pid, 'SIGKILL');
    await exited;
  };
  try {
    const host = `127.0.0.1:${await port}`;
    return { url: `http://${host}/`, host, token, output: () => output, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
