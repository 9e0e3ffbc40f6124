import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import type { Server } from 'node:net';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../kernel/support/freePort.js';
import { beginStory } from './support/story.js';
import { patienceMs } from './support/until.js';
import {
  answerFileDialog,
  answerQuickInput,
  chooseInMenu,
  collapse,
  expand,
  leadsToTerminal,
  notification,
  openTerrarium,
  runCommand,
  terminalText,
  treeItem,
  typeInTerminal,
  waitForTerminal,
  webviewFrame,
} from './support/workbench.js';

/** Getting images and giving them away, in the order of one sitting. */
const home = process.env.TERRARIUM_EDITOR_HOMES ?? '';
const image = (name: string) => treeItem(editor.page, new RegExp(`^Image ${name}`));
const container = (root: string, state = 'running') =>
  treeItem(editor.page, new RegExp(`^Container \\S+, ${state}, root ${root}`));
const quickInput = () => editor.page.locator('.quick-input-widget');

const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
const { editor, chapter, workspace } = beginStory({
  workspace: 'images',
  prepare: (folder) => {
    if (busybox !== undefined) makeDockerArchive(path.join(folder, 'two.tar'), ['red', 'green']);
  },
  settings: { 'files.simpleDialog.enable': true },
});
const needs = (name: string, program: string, work: () => Promise<void>) => {
  const found = ['/usr/bin', '/bin', '/usr/sbin'].some((folder) => existsSync(path.join(folder, program)));
  if (found) chapter(name, work);
  else test(name, { skip: `${program} is not installed` });
};

/** A folder tree with a shell in it, and a file that tells it from others. */
function makeRoot(name: string): string {
  const tree = path.join(home, `root-${name}`);
  mkdirSync(path.join(tree, 'bin'), { recursive: true });
  cpSync(busybox ?? '', path.join(tree, 'bin/busybox'), { dereference: true });
  for (const applet of ['sh', 'ls', 'cat', 'echo']) symlinkSync('busybox', path.join(tree, 'bin', applet));
  writeFileSync(path.join(tree, 'which'), `${name}\n`);
  return tree;
}

/** A docker-archive as `docker save` writes one of several images. */
function makeDockerArchive(file: string, images: readonly string[]): void {
  const folder = path.join(home, 'docker-archive');
  mkdirSync(folder, { recursive: true });
  const manifest = images.map((name) => {
    const layer = path.join(folder, `${name}.tar`);
    execFileSync('tar', ['--owner=0', '--group=0', '--numeric-owner', '-cf', layer, '-C', makeRoot(name), '.']);
    const diffId = createHash('sha256').update(readFileSync(layer)).digest('hex');
    const config = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
      history: [{ created_by: `/bin/sh -c #(nop) ADD ${name}` }],
    });
    const digest = createHash('sha256').update(config).digest('hex');
    writeFileSync(path.join(folder, `${digest}.json`), config);
    return { Config: `${digest}.json`, RepoTags: [`example/${name}:1`], Layers: [`${name}.tar`] };
  });
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  execFileSync('tar', ['-cf', file, '-C', folder, '.']);
  chmodSync(file, 0o644);
}

/** Listens on loopback. @returns the port */
async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

/** Debian's registry on loopback, with an image that skopeo has pushed. */
async function startRegistry(): Promise<{ host: string; process: ChildProcess }> {
  const port = await freePort();
  const folder = path.join(home, 'registry');
  mkdirSync(folder, { recursive: true });
  const settings = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(path.join(folder, 'config.yml'), JSON.stringify(settings));
  const registry = spawn('docker-registry', ['serve', path.join(folder, 'config.yml')], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  for (const end = Date.now() + patienceMs; ; await delay(100)) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer?.ok) break;
    assert.ok(Date.now() < end, 'the registry answers');
  }
  const archive = path.join(workspace, 'two.tar');
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '--dest-tls-verify=false',
    `docker-archive:${archive}:docker.io/example/green:1`,
    `docker://${host}/example/green:1`,
  ]);
  return { host, process: registry };
}

/** A registry that lets in who knows the password, in front of one that lets in everybody. */
async function guard(behind: string): Promise<{ host: string; attempts: string[]; close(): void }> {
  const attempts: string[] = [];
  const server = createHttpServer((incoming, outgoing) => {
    const [scheme, encoded = ''] = (incoming.headers.authorization ?? '').split(' ');
    const who = scheme === 'Basic' ? Buffer.from(encoded, 'base64').toString() : '';
    if (who !== '') attempts.push(who);
    if (who !== 'somebody:secret') {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const { authorization: _, ...headers } = incoming.headers;
    const forwarded = request(
      `http://${behind}${incoming.url}`,
      { method: incoming.method ?? 'GET', headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(forwarded);
  });
  const host = `127.0.0.1:${await listening(server)}`;
  return { host, attempts, close: () => server.close() };
}

let registry: ChildProcess | undefined;
let registryHost = '';
after(() => registry?.kill());

needs('an archive of several images is imported from the explorer, after a choice', 'busybox', async () => {
  const { page } = editor;
  await page
    .locator('.activitybar')
    .getByRole('tab', { name: /^Explorer/ })
    .click();
  const row = treeItem(page, /^two\.tar/);
  await row.waitFor();
  await chooseInMenu(page, row, 'Import Image from Archive…');
  const choice = quickInput().getByRole('option', { name: /example\/red:1.*linux\// });
  await choice.waitFor();
  await editor.screenshot('images-choice');
  await choice.click();
  await quickInput().filter({ hasText: 'Name of the image' }).waitFor();
  assert.equal(await quickInput().locator('input').inputValue(), 'example/red:1');
  await page.keyboard.press('Enter');
  await notification(page, /Imported example\/red:1/)
    .getByRole('button', { name: 'Launch' })
    .click();
  await openTerrarium(page);
  await container('example/red:1').waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  await typeInTerminal(page, 'cat /which\n');
  await waitForTerminal(page, /^red$/m);
});

needs('an image shows its layers, and what each adds', 'busybox', async () => {
  const { page } = editor;
  await expand(image('example/red:1'));
  const layer = treeItem(page, /^Layer 1, .*ADD red/);
  await expand(layer);
  await treeItem(page, /^which, file/).waitFor();
  await expand(treeItem(page, /^bin, directory/));
  await treeItem(page, /^busybox, file/).waitFor();
  await editor.screenshot('images-layers');
  await image('example/red:1').click();
  await page.keyboard.press('ArrowLeft');
});

needs('an image is pulled from a registry', 'docker-registry', async () => {
  const { page } = editor;
  const { host, process: server } = await startRegistry();
  registry = server;
  registryHost = host;
  await runCommand(page, 'Terrarium: Pull Image…');
  await quickInput().locator('input').fill(`${host}/example/green:1`);
  await quickInput()
    .getByRole('option', { name: `${host}/example/green:1` })
    .waitFor();
  await page.keyboard.press('Enter');
  await image(`${host}/example/green:1`).waitFor({ timeout: 60_000 });
  await runCommand(page, 'Notifications: Clear All Notifications');
});

needs(
  'a registry that asks who one is gets what is typed once, and what is kept the next time',
  'docker-registry',
  async () => {
    const { page } = editor;
    const { host, attempts, close } = await guard(registryHost);
    try {
      await runCommand(page, 'Terrarium: Pull Image…');
      await quickInput().locator('input').fill(`${host}/example/green:1`);
      await quickInput()
        .getByRole('option', { name: `${host}/example/green:1` })
        .waitFor();
      await page.keyboard.press('Enter');
      await quickInput().filter({ hasText: 'User name' }).waitFor();
      await answerQuickInput(page, 'somebody');
      await quickInput().filter({ hasText: 'Password or access token of somebody' }).waitFor();
      assert.equal(await quickInput().locator('input').getAttribute('type'), 'password');
      await answerQuickInput(page, 'wrong');
      await quickInput().filter({ hasText: 'refused these credentials' }).waitFor();
      await answerQuickInput(page, 'somebody');
      await quickInput().filter({ hasText: 'Password or access token' }).waitFor();
      await answerQuickInput(page, 'secret');
      await image(`${host}/example/green:1`).waitFor({ timeout: 60_000 });
      await notification(page, /Keep the credentials/)
        .getByRole('button', { name: 'Keep' })
        .click();
      await runCommand(page, 'Notifications: Clear All Notifications');
      const before = attempts.length;
      await runCommand(page, 'Terrarium: Pull Image…');
      await quickInput().locator('input').fill(`${host}/example/green:1`);
      await quickInput()
        .getByRole('option', { name: `${host}/example/green:1` })
        .first()
        .waitFor();
      await page.keyboard.press('Enter');
      await image(`${host}/example/green:1-2`).waitFor({ timeout: 60_000 });
      assert.ok(attempts.slice(before).includes('somebody:secret'), 'what was kept is used');
      assert.ok(!attempts.slice(before).includes('somebody:wrong'));
      await runCommand(page, 'Notifications: Clear All Notifications');
      // Both go again: they are the image of before by other names, so that nothing is freed yet.
      await treeItem(page, new RegExp(`^Image ${host}/example/green:1,`)).click();
      await image(`${host}/example/green:1-2`).click({ modifiers: ['Control'] });
      await page.keyboard.press('Delete');
      const dialog = page.getByRole('dialog').filter({ hasText: /Remove 2 images/ });
      await dialog.getByText(/Frees nothing yet/).waitFor();
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await image(`${host}/example/green:1-2`).waitFor({ state: 'detached' });
    } finally {
      close();
    }
  },
);

needs('an image is built from programs of this machine', 'bash', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Build Image from Programs…');
  await quickInput().filter({ hasText: 'Which programs?' }).or(quickInput()).locator('input').first().waitFor();
  for (const program of ['bash', 'ls']) {
    await quickInput().locator('input.input, .quick-input-box input').first().fill(program);
    const option = quickInput()
      .getByRole('checkbox', { name: new RegExp(`^${program}, /`) })
      .first();
    await option.click();
  }
  await editor.screenshot('images-build');
  await page.keyboard.press('Enter');
  await page.locator('.quick-input-title', { hasText: '(2/3)' }).waitFor();
  await answerQuickInput(page);
  await quickInput().filter({ hasText: 'Name of the image' }).waitFor();
  await quickInput().locator('input').first().fill('built');
  await page.keyboard.press('Enter');
  await image('built').waitFor({ timeout: 60_000 });
  const told = await webviewFrame(page, /built/);
  await told.getByText('the program /usr/bin/bash').first().waitFor();
  await editor.screenshot('images-built');
  await notification(page, /Built built/)
    .getByRole('button', { name: 'Launch' })
    .click();
  await container('built').waitFor();
  await typeInTerminal(page, 'ls / && type cat\n');
  assert.match(await waitForTerminal(page, /type: cat: not found/), /\bbin\b|\busr\b/);
});

needs('what was changed in a container becomes an image, and is there in a container of it', 'busybox', async () => {
  const { page } = editor;
  await leadsToTerminal(page, () => chooseInMenu(page, container('example/red:1'), 'Attach Terminal'));
  await typeInTerminal(page, 'echo changed > /committed\n');
  await chooseInMenu(page, container('example/red:1'), 'Commit to Image…');
  await answerQuickInput(page, 'committed');
  await quickInput().filter({ hasText: 'What was changed' }).waitFor();
  await answerQuickInput(page, 'a file');
  await image('committed').waitFor({ timeout: 60_000 });
  await notification(page, /Committed to committed/)
    .getByRole('button', { name: 'Launch' })
    .click();
  // The clicks have opened it; what is below its lines is out of sight.
  await collapse(container('example/red:1'));
  await container('committed').waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  await typeInTerminal(page, 'cat /committed\n');
  await waitForTerminal(page, /^changed$/m);
});

needs('an image is exported as a bundle', 'busybox', async () => {
  const { page } = editor;
  const destination = path.join(workspace, 'bundle');
  // Several were selected before.
  await image('committed').click();
  await chooseInMenu(page, image('committed'), 'Export…');
  await quickInput()
    .getByRole('option', { name: /OCI Bundle/ })
    .click();
  await answerFileDialog(page, 'Export as OCI Bundle', destination, 'OK');
  await notification(page, /Exported committed/).waitFor({ timeout: 60_000 });
  assert.ok(existsSync(path.join(destination, 'config.json')));
  assert.equal(readFileSync(path.join(destination, 'rootfs/committed'), 'utf8'), 'changed\n');
  assert.ok(statSync(path.join(destination, 'rootfs/bin/busybox')).size > 100_000);
  await runCommand(page, 'Notifications: Clear All Notifications');
});

needs('an image is removed after a question that says what is freed', 'docker-registry', async () => {
  const { page } = editor;
  const row = treeItem(page, new RegExp(`^Image ${registryHost}/example/green:1`));
  await row.click();
  await page.keyboard.press('Delete');
  const dialog = page.getByRole('dialog').filter({ hasText: /Remove image/ });
  await dialog.getByText(/Frees .* on disk/).waitFor();
  await editor.screenshot('images-remove');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await row.waitFor({ state: 'detached' });
  assert.doesNotMatch(await terminalText(page), /Traceback|core dumped/);
});
