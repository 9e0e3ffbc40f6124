import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
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
const site = path.join(workspace, 'site');
before(async () => {
  mkdirSync(site, { recursive: true, mode: 0o755 });
  writeFileSync(path.join(site, 'page'), 'of the workspace\n');
  editor = await openEditor({ folder: workspace, settings: { 'security.workspace.trust.enabled': false } });
  await openTerrarium(editor.page);
});
after(() => editor?.close());

const container = () => treeItem(editor.page, /^Container \S+, running/);
const mounts = () => treeItem(editor.page, /^Mounts of container/);

/** Drops a file of this machine on a row, as the explorer, or a window beside, has it dropped. */
async function drop(row: Locator, file: string): Promise<void> {
  const transfer = await editor.page.evaluateHandle(`(() => {
    const data = new DataTransfer();
    data.setData('text/uri-list', ${JSON.stringify(`file://${file}`)});
    return data;
  })()`);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await row.dispatchEvent(type, { dataTransfer: transfer });
    await delay(500);
  }
}

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

chapter('a folder that is dropped on a container is mounted in it, as it was answered', async () => {
  const { page } = editor;
  await drop(container(), site);
  const question = page.getByRole('dialog').filter({ hasText: `Mount ${site} in` });
  await question.waitFor();
  assert.doesNotMatch(await question.innerText(), /outside of the workspace/);
  await editor.screenshot('mount-dropped');
  await question.getByRole('button', { name: 'Read-Only' }).click();
  await treeItem(page, /^Mount \/mnt\/site, \S+, read-only, added until it ends/).waitFor();
  await typeInTerminal(page, 'cat /mnt/site/page; touch /mnt/site/new\n');
  await waitForTerminal(page, /of the workspace[\s\S]*Read-only file system/);
  await editor.screenshot('mount-added');
});
