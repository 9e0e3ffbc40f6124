import { setTimeout as delay } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { beginStory } from './support/story.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapseView,
  notification,
  runCommand,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Somebody wants two containers that reach each other as if they were one machine. */
const { editor, chapter } = beginStory({ workspace: 'pods' });

/** Answers one question after the other by what is proposed, until what they are for is there. */
async function acceptAll(made: Locator): Promise<void> {
  const { page } = editor;
  const title = page.locator('.quick-input-title');
  await title.filter({ hasText: '(1/' }).waitFor();
  for (let answered = ''; !(await made.isVisible()); await delay(100)) {
    const asked = (await title.isVisible()) ? await title.textContent() : null;
    if (asked === null || asked === answered) continue;
    // Keys go to the question only once it has the focus.
    await page.locator('.quick-input-widget input:focus').waitFor();
    await page.keyboard.press('Enter');
    answered = asked;
  }
}

const pod = (state: string) => treeItem(editor.page, new RegExp(`^Pod web, ${state}`));

chapter('a pod is made by a name, and two questions with an answer to begin with', async () => {
  const { page } = editor;
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  await runCommand(page, 'Terrarium: New Pod…');
  await page.locator('.quick-input-title', { hasText: 'New Pod (1/3)' }).waitFor();
  await answerQuickInput(page, 'web');
  await page.locator('.quick-input-title', { hasText: '(2/3)' }).waitFor();
  await answerQuickInput(page);
  await page.locator('.quick-input-title', { hasText: '(3/3)' }).waitFor();
  await answerQuickInput(page);
  await pod('no containers, shares network, ipc, uts').waitFor();
});

chapter('containers are made in it from its line, and stand below it', async () => {
  const { page } = editor;
  for (const [count, containers] of ['1 of 1', '2 of 2'].entries()) {
    await chooseInMenu(page, count === 0 ? pod('no containers') : pod('1 of 1 running'), 'New Container in Pod…');
    await acceptAll(pod(`${containers} running`));
    await waitForTerminal(page, /[#$] ?$/);
  }
  await typeInTerminal(page, 'clear; hostname\n');
  await waitForTerminal(page, /^web$/m);
  const below = page.locator('.monaco-list-row[aria-level="2"]', { hasText: 'running' });
  await below.nth(1).waitFor();
  await editor.screenshot('pod');
});

chapter('a pod of what has no image is not exported, and it is said why', async () => {
  const { page } = editor;
  await chooseInMenu(page, pod('2 of 2 running'), 'Export as a Kubernetes Pod…');
  const dialog = page.locator('.quick-input-widget').filter({ hasText: 'Export as Kubernetes Pod' });
  await dialog.waitFor();
  await editor.screenshot('pod-export');
  await dialog.getByRole('button', { name: 'OK' }).click();
  await notification(page, /cannot be named by a Pod: its root is this machine's own/).waitFor();
  await editor.screenshot('pod-export-refused');
  await runCommand(page, 'Notifications: Clear All Notifications');
});

chapter('they are stopped together, and removed with it after a question that names them', async () => {
  const { page } = editor;
  await chooseInMenu(page, pod('2 of 2 running'), 'Stop All Containers of Pod');
  await pod('not running').waitFor();
  await chooseInMenu(page, pod('not running'), 'Remove Pod…');
  const dialog = page.getByRole('dialog', { name: /Remove the pod web/ });
  await dialog.waitFor();
  await editor.screenshot('pod-remove');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await pod('').waitFor({ state: 'detached' });
});
