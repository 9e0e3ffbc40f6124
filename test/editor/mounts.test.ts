import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { terrariumIn } from './support/command.js';
import { beginStory } from './support/story.js';
import { patienceMs } from './support/until.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapse,
  collapseView,
  expand,
  runCommand,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Somebody needs folders in a container that runs already. */
const { editor, chapter } = beginStory({
  workspace: 'mounts',
  prepare: (folder) => {
    mkdirSync(path.join(folder, 'site'));
    writeFileSync(path.join(folder, 'site/page'), 'of the workspace\n');
  },
});

const container = () => treeItem(editor.page, /^Container \S+, running/);
const mounts = () => treeItem(editor.page, /^Mounts of container/);

/** Answers where a mount appears, with what is proposed unless something else is said, and takes what is ticked. */
async function answerWhere(place?: string): Promise<void> {
  const input = editor.page.locator('.quick-input-widget');
  await input.filter({ hasText: 'Where it appears' }).waitFor();
  await answerQuickInput(editor.page, place);
  await input.getByText('For later starts too').waitFor();
  await answerQuickInput(editor.page);
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
  await answerWhere('/mnt/cache');
  const made = treeItem(page, /^Mount \/mnt\/cache, tmpfs, writable, added until it ends/);
  await made.waitFor();
  await expand(made);
  for (const line of [/^Source: tmpfs/, /^Options: rw,nosuid,nodev/, /^File system options: .*size=65536k/]) {
    await treeItem(page, line).waitFor();
  }
  await treeItem(page, /^Propagation: private/).waitFor();
  await editor.screenshot('mount-tmpfs');
  await collapse(made);
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

chapter('what a process inside mounts and unmounts is seen when it happens', async () => {
  const { page } = editor;
  const name = (await container().getAttribute('aria-label'))?.split(/[ ,]/)[1] ?? '';
  const inside = (work: string) =>
    terrariumIn(editor.home, ['exec', '--cap', 'CAP_SYS_ADMIN', name, '--', 'sh', '-c', work]);
  // What nobody asked for comes last: out of sight, rows are not drawn.
  await page.locator('.sidebar .monaco-list', { has: page.getByRole('treeitem', { name: /^Container / }) }).focus();
  await page.keyboard.press('End');
  await treeItem(page, /^Operations of container/).waitFor();
  inside('mkdir /mnt/wet && mount -t tmpfs -o size=64k reed /mnt/wet');
  const mounted = treeItem(page, /^Mount \/mnt\/wet, tmpfs, writable/);
  await mounted.waitFor();
  await editor.screenshot('mount-inside');
  inside('umount /mnt/wet');
  await mounted.waitFor({ state: 'detached' });
  await page.keyboard.press('Home');
  await mounts().waitFor();
});

/**
 * Moves the mouse to the corner of a place, as a person does who drags: the editor hears of it only while it moves. To the
 * corner, for an icon's badge is another place, and to leave one for the other begins anew.
 */
async function moveTo(place: Locator): Promise<void> {
  // Looked up each time: a view that has just come up still moves.
  const box = await place.boundingBox();
  assert.ok(box !== null, 'the place to drag to is in sight');
  for (const x of [8, 9]) await editor.page.mouse.move(box.x + x, box.y + 8, { steps: 2 });
}

/** Drags over places, one after the other, until something is so. */
async function dragOver(places: readonly Locator[], until: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + patienceMs; ; await delay(100)) {
    for (const place of places) await moveTo(place);
    if (await until()) return;
    if (Date.now() > end) throw new Error('dragging over it does nothing');
  }
}

chapter('a folder that is dragged from the explorer onto a container is mounted, where and how is asked', async () => {
  const { page } = editor;
  await page
    .locator('.activitybar')
    .getByRole('tab', { name: /^Explorer/ })
    .click();
  const folder = page.locator('.explorer-folders-view').getByRole('treeitem', { name: 'site' });
  await folder.hover();
  await page.mouse.down();
  const icon = page.locator('.activitybar').getByRole('tab', { name: /^Terrarium/ });
  await dragOver([icon], () => container().isVisible());
  const lit = page.locator('.sidebar .monaco-list-row.drop-target');
  // A tree that is drawn anew forgets what it lit, until something else was dragged over.
  await dragOver([treeItem(page, /^Processes of container/), container()], async () => (await lit.count()) > 0);
  await editor.screenshot('mount-dragged');
  await page.mouse.up();
  await page.locator('.quick-input-title', { hasText: /^Mount site in / }).waitFor();
  await answerWhere();
  await treeItem(page, /^Mount \/mnt\/site, \S+, read-only, added until it ends/).waitFor();
  await typeInTerminal(page, 'clear; cat /mnt/site/page; touch /mnt/site/new\n');
  await waitForTerminal(page, /of the workspace[\s\S]*Read-only file system/);
  await editor.screenshot('mount-dropped');
});

chapter('volumes are made below the images and mounted from there, and other windows’ doings are seen', async () => {
  const { page } = editor;
  await page.locator('.sidebar .pane-header', { hasText: 'Images' }).click();
  await runCommand(page, 'Terrarium: New Volume…');
  await answerQuickInput(page, 'notes');
  const unused = treeItem(page, /^Volume notes, unused/);
  await unused.waitFor();
  await chooseInMenu(page, unused, 'Mount Volume in Container…');
  await page.locator('.quick-input-title', { hasText: /^Mount notes in / }).waitFor();
  await answerWhere();
  const used = treeItem(page, /^Volume notes, used by /);
  await used.waitFor();
  const mounted = treeItem(page, /^Mount \/mnt\/notes, /);
  await mounted.waitFor();
  await expand(used);
  await treeItem(page, /^Size: \d+ (B|KiB)/).waitFor();
  await treeItem(page, /has it at \/mnt\/notes$/).waitFor();
  await editor.screenshot('volumes');
  // What the command line does is another helper's doing.
  const name = (await container().getAttribute('aria-label'))?.split(/[ ,]/)[1] ?? '';
  terrariumIn(editor.home, ['umount', name, '/mnt/notes']);
  await mounted.waitFor({ state: 'detached' });
  await unused.waitFor();
  terrariumIn(editor.home, ['volume', 'create', 'spare']);
  const spare = treeItem(page, /^Volume spare, unused/);
  await chooseInMenu(page, spare, 'Remove Volume…');
  const question = page.getByRole('dialog').filter({ hasText: 'Remove volume spare?' });
  await question.getByText(/gone for good/).waitFor();
  await question.getByRole('button', { name: 'Remove' }).click();
  await spare.waitFor({ state: 'detached' });
});
