import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { beginStory } from './support/story.js';
import {
  answerFileDialog,
  answerQuickInput,
  answerSteps,
  chooseInMenu,
  collapse,
  expand,
  notification,
  openTerrarium,
  runCommand,
  terminalText,
  treeItem,
  typeInTerminal,
  waitForTerminal,
  webviewFrame,
} from './support/workbench.js';

/** The actions of the side bar beyond the main job, in the order of one sitting. */
const { editor, chapter } = beginStory({
  workspace: 'side-bar',
  settings: { 'terminal.integrated.enablePersistentSessions': true },
});
const home = process.env.TERRARIUM_EDITOR_HOMES ?? '';
const container = (state = '') => treeItem(editor.page, new RegExp(`^Container \\S+, ${state}`));

chapter('the keyboard alone launches a container', async () => {
  const { page } = editor;
  const launch = page.locator('.sidebar').getByRole('button', { name: 'Launch Container' }).first();
  await launch.waitFor({ timeout: 60_000 });
  await launch.focus();
  await page.keyboard.press('Enter');
  await page
    .locator('.quick-input-widget')
    .getByRole('option', { name: /This machine's own/ })
    .waitFor();
  await page.keyboard.press('Enter');
  await container('running').waitFor();
  await waitForTerminal(page, /[#$] ?$/);
});

chapter('processes that come and go are seen without a refresh', async () => {
  const { page } = editor;
  await expand(container());
  await expand(treeItem(page, /^Processes of/));
  await typeInTerminal(page, 'sleep 4321 &\n');
  const row = treeItem(page, /^Process \d+ inside, \d+ on this machine: sleep 4321/);
  await row.waitFor();
  await row.hover();
  await row.getByRole('button', { name: 'Kill Process' }).click();
  await row.waitFor({ state: 'detached' });
});

chapter('a command is run in it, and its exit code is shown', async () => {
  const { page } = editor;
  await chooseInMenu(editor.page, container(), 'Run Command…');
  await answerQuickInput(page, 'echo from-$((40 + 2)); exit 3');
  const text = await waitForTerminal(page, /exit code: 3/);
  assert.match(text, /from-42/);
  await page.locator('.statusbar', { hasText: 'exited with 3' }).waitFor();
  // It stays until a key is pressed.
  await typeInTerminal(page, 'q');
  await waitForTerminal(page, /[#$] ?$/);
});

chapter(
  'after a reload of the window the terminal is still attached, and attaching again shows the same one',
  async () => {
    const { page } = editor;
    await runCommand(page, 'Terrarium: Attach Terminal');
    await typeInTerminal(page, 'kept=before-reload; echo set-$kept\n');
    await waitForTerminal(page, /set-before-reload/);
    await editor.reload();
    await openTerrarium(page);
    await container('running').waitFor({ timeout: 60_000 });
    await waitForTerminal(page, /set-before-reload/, 60_000);
    await typeInTerminal(page, 'echo still-$kept\n');
    await waitForTerminal(page, /still-before-reload/);
    await container('running').click();
    await runCommand(page, 'Terrarium: Attach Terminal');
    await page.locator('.terminal-wrapper.active.focus, .terminal-wrapper.active :focus').waitFor();
    await typeInTerminal(page, 'echo again-$kept\n');
    await waitForTerminal(page, /again-before-reload/);
  },
);

chapter('a terminal that is closed takes its shell with it, not the container', async () => {
  const { page } = editor;
  await expand(container());
  await expand(treeItem(page, /^Processes of/));
  const shells = treeItem(page, /^Process \d+ inside, \d+ on this machine: .*bash|: .*\bsh\b/);
  await shells.first().waitFor();
  await runCommand(page, 'Terminal: Kill the Active Terminal Instance');
  await shells.first().waitFor({ state: 'detached' });
  await container('running').waitFor();
});

chapter('it is renamed by F2, stopped and started by its buttons', async () => {
  const { page } = editor;
  await container().click();
  await page.keyboard.press('F2');
  await answerQuickInput(page, 'renamed');
  await treeItem(page, /^Container renamed, running/).waitFor();
  await container().hover();
  await container().getByRole('button', { name: 'Stop' }).click();
  await container('stopped').waitFor();
  assert.equal(await page.locator('.notification-toast').count(), 0, 'nothing pops up for what was asked for');
  await container().hover();
  await container().getByRole('button', { name: 'Start' }).click();
  await container('running').waitFor();
});

chapter('what is refused says what and why in one notification', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Create Container with Choices');
  await answerSteps(page, [undefined, 'no-such-program-here', ...Array<undefined>(6).fill(undefined)]);
  const toast = notification(page, /no-such-program-here/);
  await toast.waitFor();
  await editor.screenshot('refused');
  await toast.getByRole('button', { name: 'Show How Far It Got' }).click();
  const preview = await webviewFrame(page, /no-such|start-1|Ledger/i);
  await preview.getByText('ENOENT').first().waitFor();
  await runCommand(page, 'View: Close All Editors');
  // Nothing is left of what was not started.
  await treeItem(page, /^Container /)
    .nth(1)
    .waitFor({ state: 'detached' });
  await runCommand(page, 'Notifications: Clear All Notifications');
});

const importing = 'an archive is imported and launched from';
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
if (busybox === undefined) test(importing, { skip: 'no busybox on this machine to make a root file system of' });
else chapter(importing, () => importAndLaunch(busybox));

chapter('several that are selected are removed at once, after a question', async () => {
  const { page } = editor;
  const rows = treeItem(page, /^Container /);
  // A click opens a line, and what is below it takes the next ones out of sight.
  for (const row of await rows.all()) await collapse(row);
  const count = await rows.count();
  await rows.first().click();
  await rows.first().press('ArrowLeft');
  if (count > 1) await rows.last().click({ modifiers: ['Control'] });
  await page.keyboard.press('Delete');
  const dialog = page.getByRole('dialog').filter({ hasText: /Remove/ });
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await rows.first().waitFor({ state: 'detached' });
  await page.locator('.sidebar').getByRole('button', { name: 'Launch Container' }).first().waitFor();
  assert.doesNotMatch(await terminalText(page), /busybox/);
});

async function importAndLaunch(busybox: string): Promise<void> {
  const { page } = editor;
  const tree = path.join(home, 'tiny');
  mkdirSync(path.join(tree, 'bin'), { recursive: true });
  execFileSync('cp', ['-L', busybox, path.join(tree, 'bin/busybox')]);
  execFileSync('ln', ['-sf', 'busybox', path.join(tree, 'bin/sh')]);
  execFileSync('tar', ['-czf', path.join(home, 'Tiny Root.tar.gz'), '-C', tree, '.']);
  chmodSync(path.join(home, 'Tiny Root.tar.gz'), 0o644);
  await runCommand(page, 'Terrarium: Import Image from Archive…');
  await answerFileDialog(page, 'Archive with a Root File System', path.join(home, 'Tiny Root.tar.gz'), 'Import');
  await page.locator('.quick-input-widget', { hasText: 'Name of the image' }).waitFor();
  assert.equal(await page.locator('.quick-input-widget input').inputValue(), 'tiny-root');
  await page.keyboard.press('Enter');
  const image = treeItem(page, /^Image tiny-root/);
  await image.waitFor({ timeout: 60_000 });
  await image.hover();
  await image.getByRole('button', { name: 'Launch' }).click();
  await treeItem(page, /^Container \S+, running, root tiny-root/).waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  await typeInTerminal(page, 'echo /bin/*\n');
  assert.match(await waitForTerminal(page, /busybox/), /\/bin\/busybox \/bin\/sh/);
}
