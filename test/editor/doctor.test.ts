import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beginStory } from './support/story.js';
import {
  collapseView,
  expand,
  notification,
  openFile,
  runCommand,
  treeItem,
  webviewFrame,
} from './support/workbench.js';

/** The Machine view: what was tried, group by group, and where a failure leads to. */
/** No range of ids goes that far: on every machine the launch is refused, and for the same reason. */
const unmapped = { name: 'nobody-knows', args: ['/bin/true'], user: '2000000000' };
const { editor, chapter } = beginStory({
  workspace: 'doctor',
  prepare: (workspace) =>
    writeFileSync(path.join(workspace, 'unmapped.terrarium.json'), JSON.stringify(unmapped, undefined, 2)),
});

const groups = ['Kernel', 'Identities', 'File systems', 'Namespaces', 'Resources', 'Network', 'Security', 'Programs'];

chapter('the doctor shows what was tried, group by group', async () => {
  const { page } = editor;
  for (const view of ['Containers', 'Images', 'Root File System']) await collapseView(page, view);
  await runCommand(page, 'Terrarium: Run Doctor');
  await treeItem(page, /^Kernel: /).waitFor({ timeout: 60_000 });
  await editor.screenshot('doctor');
  // Rows that are out of sight are not there: what is open is closed.
  await page.locator('.pane', { hasText: 'Machine' }).last().getByRole('button', { name: 'Collapse All' }).click();
  for (const group of groups) {
    await treeItem(page, new RegExp(`^${group}: (all \\d+|\\d+ of \\d+) work`)).waitFor({ timeout: 60_000 });
  }
  // Containers run in this editor's tests: nothing may be said to make that impossible.
  assert.equal(await treeItem(page, /no container can run/).count(), 0);
});

chapter('a line says what was tried, and opens its section of the documentation', async () => {
  const { page } = editor;
  await expand(treeItem(page, /^Kernel: /));
  const line = treeItem(page, /^New mount calls: works/);
  await expand(line);
  await treeItem(page, /^Tried: Made a tmpfs with fsopen.*\d ms/).waitFor();
  await treeItem(page, /^Needed for: every mount/).waitFor();
  await line.hover();
  await line.getByRole('button', { name: 'Open Documentation' }).click();
  const preview = await webviewFrame(page, /mount-api/);
  await preview.getByRole('heading', { name: 'mount-api' }).waitFor();
  assert.equal(await preview.getByRole('heading').count(), 1);
  await runCommand(page, 'View: Close All Editors');
});

chapter('a failure leads to the line that tries the same', async () => {
  const { page } = editor;
  await openFile(page, 'unmapped.terrarium.json');
  await runCommand(page, 'Terrarium: Launch This Specification');
  const asked = page.getByRole('dialog').filter({ hasText: 'reaches outside of its container' });
  const refused = notification(page, /2000000000 does not exist in the container/);
  await asked.or(refused).first().waitFor({ timeout: 30_000 });
  if (await asked.isVisible()) await asked.getByRole('button', { name: 'Launch' }).click();
  await refused.waitFor({ timeout: 30_000 });
  await refused.hover();
  await refused.getByRole('button', { name: 'Show in Doctor' }).click();
  const line = treeItem(page, /^A range of user and group ids: /);
  await line.waitFor({ timeout: 60_000 });
  await page.locator('[role=treeitem][aria-selected=true]', { hasText: 'A range of user and group ids' }).waitFor();
  assert.equal(await line.getAttribute('aria-expanded'), 'true');
  await editor.screenshot('doctor-line');
});
