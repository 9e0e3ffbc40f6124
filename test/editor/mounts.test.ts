import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { after, before } from 'node:test';
import { type Editor, openEditor } from './support/editor.js';
import { tellStory } from './support/story.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapseView,
  expand,
  openTerrarium,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Somebody needs a folder in a container that runs already. */
let editor: Editor;
const chapter = tellStory(() => editor);
const workspace = path.join(process.env.TERRARIUM_EDITOR_HOMES ?? '', 'mounts-workspace');
before(async () => {
  mkdirSync(workspace, { recursive: true, mode: 0o755 });
  editor = await openEditor({ folder: workspace, settings: { 'security.workspace.trust.enabled': false } });
  await openTerrarium(editor.page);
});
after(() => editor?.close());

const container = () => treeItem(editor.page, /^Container \S+, running/);
const mounts = () => treeItem(editor.page, /^Mounts of container/);

chapter('a tmpfs is added by questions, each with an answer to begin with', async () => {
  const { page } = editor;
  const launch = page.locator('.sidebar').getByRole('button', { name: 'Launch Container' }).first();
  await launch.waitFor({ timeout: 60_000 });
  await launch.click();
  await page
    .locator('.quick-input-widget')
    .getByRole('option', { name: /This machine's own/ })
    .waitFor();
  await page.keyboard.press('Enter');
  await container().waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  await expand(container());
  await expand(mounts());
  await chooseInMenu(page, container(), 'Add Mount…');
  const input = page.locator('.quick-input-widget');
  await input.getByRole('option', { name: /Memory/ }).waitFor();
  await answerQuickInput(page, 'Memory');
  await input.filter({ hasText: 'How large' }).waitFor();
  await answerQuickInput(page);
  await input.filter({ hasText: 'Where it appears' }).waitFor();
  await answerQuickInput(page, '/mnt/cache');
  await input.getByText('For later starts too').waitFor();
  await answerQuickInput(page);
  await treeItem(page, /^Mount \/mnt\/cache, tmpfs, writable, added until it ends/).waitFor();
  await editor.screenshot('mount-tmpfs');
});

chapter('what every container has is not offered to be removed', async () => {
  const { page } = editor;
  await treeItem(page, /^Mount \/proc,/)
    .first()
    .click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Copy' }).first().waitFor();
  assert.equal(await page.getByRole('menuitem', { name: 'Remove Mount' }).count(), 0);
  await page.keyboard.press('Escape');
});

chapter('it is removed again from its line', async () => {
  const { page } = editor;
  const row = treeItem(page, /^Mount \/mnt\/cache,/);
  await chooseInMenu(page, row, 'Remove Mount');
  await row.waitFor({ state: 'detached' });
  await typeInTerminal(page, 'clear; grep -c /mnt/cache /proc/self/mounts\n');
  await waitForTerminal(page, /^0$/m);
});
