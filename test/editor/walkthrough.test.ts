import type { Locator } from 'playwright-core';
import { beginStory } from './support/story.js';
import { answerQuickInput, runCommand, treeItem, waitForTerminal, webviewFrame } from './support/workbench.js';

/** The guided tour, step by step, by its own buttons. */
const { editor, chapter } = beginStory();

/** Opens a step of the tour, where it is the only one, and answers its button. */
async function step(title: string, button: string): Promise<Locator> {
  const { page } = editor;
  await runCommand(page, 'View: Close All Editors');
  await runCommand(page, 'Welcome: Open Walkthrough');
  await answerQuickInput(page, 'Your first container');
  const line = page.locator('.gettingStartedContainer').getByRole('button', { name: title }).first();
  await line.waitFor({ timeout: 60_000 });
  if ((await line.getAttribute('aria-expanded')) !== 'true') await line.click();
  return page.locator('.getting-started-step.expanded').getByRole('button', { name: button, exact: true });
}

chapter('the side bar leads to it', async () => {
  const { page } = editor;
  await page.locator('.welcome-view-content').getByText('guided tour').click({ timeout: 60_000 });
  await page.locator('.gettingStartedContainer', { hasText: 'See what this machine can do' }).waitFor();
  await editor.screenshot('walkthrough');
});

chapter('Run Doctor shows what was tried', async () => {
  await (await step('See what this machine can do', 'Run Doctor')).click();
  await treeItem(editor.page, /^Identities: /).waitFor({ timeout: 60_000 });
});

chapter('Launch Container asks one question and runs one', async () => {
  await (await step('Launch a container', 'Launch Container')).click();
  await answerQuickInput(editor.page);
  await waitForTerminal(editor.page, /[#$] *$/, 30_000);
});

chapter('Attach Terminal opens one in it', async () => {
  await runCommand(editor.page, 'Terminal: Kill All Terminals');
  await (await step('Work in it', 'Attach Terminal')).click();
  await waitForTerminal(editor.page, /[#$] *$/, 30_000);
});

chapter('Show Containers goes to the tree', async () => {
  await runCommand(editor.page, 'View: Show Explorer');
  await (await step('Look inside', 'Show Containers')).click();
  await treeItem(editor.page, /^Container \S+, running/).waitFor();
});

chapter('Edit Limits opens the form', async () => {
  await (await step('Set limits while it runs', 'Edit Limits')).click();
  const form = await webviewFrame(editor.page, /^Limits/);
  await form.getByText('Memory').first().waitFor();
});

chapter('Show How It Was Made opens the ledger', async () => {
  await (await step('See how it was made', 'Show How It Was Made')).click();
  await answerQuickInput(editor.page, 'start-1');
  const preview = await webviewFrame(editor.page, /start-1|Ledger/i);
  await preview.getByText('pivotRoot').first().waitFor();
});
