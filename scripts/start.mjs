// `npm start`: builds Terrarium and opens VS Code with it. Where `code` is not installed, VS Code's own server runs on
// loopback instead, and a browser shows it; Ctrl-C ends it.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { cacheFolder, ensureEditorBed } from './editor/bed.mjs';
import { workbenchUrl } from './editor/browser.mjs';
import { codeArguments } from './editor/codeArguments.mjs';
import { installExtension, preparePlace, startServer } from './editor/server.mjs';
import { quietSettings } from './editor/settings.mjs';
import { onPath, root } from './test/program.mjs';

const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });

run('scripts/stage.mjs');
if (onPath('code')) {
  run('scripts/build.mjs');
  console.log('opening VS Code with Terrarium');
  const options = { checkout: root, cache: cacheFolder(), isRoot: process.getuid?.() === 0 };
  const code = spawn('code', codeArguments(options), { stdio: 'inherit' });
  code.once('exit', (status) => {
    process.exitCode = status ?? 1;
  });
} else {
  await startInBrowser();
}

/** The packaged extension in VS Code's server. Everything it keeps is in the cache folder, and is there next time. */
async function startInBrowser() {
  const bed = await ensureEditorBed((text) => console.log(`no \`code\` on PATH: ${text}`));
  const place = { bed, home: path.join(cacheFolder(), 'start') };
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(path.join(cacheFolder(), 'vsix-'));
  try {
    execFileSync(process.execPath, ['scripts/package.mjs', `--out=${scratch}`, `linux-${process.arch}`], { cwd: root });
    const [vsix] = await readdir(scratch);
    await preparePlace(place, quietSettings);
    await installExtension(place, path.join(scratch, vsix));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  // The person's own folders and systemd, not the ones that tests get.
  const keys = ['HOME', 'TMPDIR', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_RUNTIME_DIR'];
  const own = Object.fromEntries(keys.map((key) => [key, process.env[key]]));
  const server = await startServer(place, { token: randomBytes(16).toString('hex'), env: own });
  console.log(`\nVS Code with Terrarium:\n\n  ${workbenchUrl(server)}\n\nCtrl-C ends it.`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, async () => {
      await server.stop();
      process.exit(0);
    });
  }
}
