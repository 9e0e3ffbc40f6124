import { setTimeout as delay } from 'node:timers/promises';
import { beginStory } from './support/story.js';
import { patienceMs } from './support/until.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapseView,
  expand,
  runCommand,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Somebody takes a privilege away, wonders what a program is refused, and allows it. */
const { editor, chapter } = beginStory({ workspace: 'privileges' });

const container = () => treeItem(editor.page, /^Container \S+, running/);
const section = () => treeItem(editor.page, /^Capabilities of container/);

chapter('CAP_CHOWN is dropped at creation, with what that means, and what is refused is to be counted', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Create Container with Choices');
  const title = page.locator('.quick-input-title');
  for (let step = 1; ; step++) {
    await title.filter({ hasText: `(${step}/` }).waitFor();
    if (await page.locator('.quick-input-widget').getByText('What may its programs do?').isVisible()) break;
    if (await page.locator('.quick-input-widget').getByPlaceholder('What may its programs do?').isVisible()) break;
    await answerQuickInput(page);
    await title.filter({ hasText: `(${step + 1}/` }).waitFor();
  }
  await answerQuickInput(page, 'Choose');
  const input = page.locator('.quick-input-widget');
  await input.getByText('Without it: chown is refused to root inside').waitFor();
  await editor.screenshot('privileges-capabilities');
  await input.locator('input[type="text"]').fill('CAP_CHOWN');
  const row = input.getByRole('checkbox', { name: /^CAP_CHOWN, / });
  await row.waitFor();
  await row.click();
  await page.keyboard.press('Enter');
  await input.getByRole('option', { name: /Count What It Refuses/ }).waitFor();
  await editor.screenshot('privileges-filter');
  await answerQuickInput(page, 'Count What');
  await title.filter({ hasText: /\((\d+)\/\1\)/ }).waitFor();
  await answerQuickInput(page, 'locked');
  await container().waitFor({ timeout: 60_000 });
  await waitForTerminal(page, /[#$] ?$/, 60_000);
  await typeInTerminal(page, 'clear; touch /tmp/f; chown 1 /tmp/f\n');
  await waitForTerminal(page, /Operation not permitted/);
});

chapter('its sets are without it, what holds it beside them is below, and a refused call is shown', async () => {
  const { page } = editor;
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  await expand(container());
  await expand(section());
  await treeItem(page, /^Capabilities effective: (?!.*chown).*setuid/).waitFor();
  await treeItem(page, 'Refused system calls: none').waitFor();
  const confinement = treeItem(page, /^Confinement:/);
  await expand(confinement);
  await treeItem(page, /^masked paths: .*\/proc\/interrupts/).waitFor();
  await treeItem(page, /^read-only paths: .*\/proc\/sys/).waitFor();
  await treeItem(page, /^oom_score_adj: \d+/).waitFor();
  await typeInTerminal(page, 'clear; unshare -U true\n');
  await waitForTerminal(page, /Operation not permitted/);
  const refused = treeItem(page, 'Refused system calls: unshare');
  await refused.waitFor();
  // The section is read anew at each news, which may come between the click and the key.
  const call = treeItem(page, /^unshare was refused the system call unshare, once/);
  for (const end = Date.now() + patienceMs; !(await call.isVisible()); await delay(300)) {
    if (Date.now() > end) throw new Error('the refused call is not shown');
    await expand(refused);
  }
  await page
    .locator('.statusbar')
    .getByRole('button', { name: /Refused system calls: unshare/ })
    .waitFor();
  await editor.screenshot('privileges-refused');
});

chapter('it is allowed, and works after a restart', async () => {
  const { page } = editor;
  await chooseInMenu(page, treeItem(page, /^unshare was refused the system call unshare/), 'Allow…');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('it counts from the next start').waitFor();
  await editor.screenshot('privileges-allow');
  await dialog.getByRole('button', { name: 'Allow and Restart' }).click();
  await treeItem(page, 'Refused system calls: none').waitFor({ timeout: 60_000 });
  await chooseInMenu(page, container(), 'New Terminal');
  await waitForTerminal(page, /[#$] ?$/, 60_000);
  await typeInTerminal(page, 'clear; unshare -U true && echo allo""wed\n');
  await waitForTerminal(page, /allowed/);
});

chapter('a profile of one’s own begins as the default, and is checked while one types', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: New Seccomp Profile');
  await answerQuickInput(page, 'strict');
  await page.getByRole('tab', { name: /strict\.seccomp\.json/, selected: true }).waitFor();
  await page.locator('.view-lines').getByText('"SCMP_ACT_ERRNO"').first().waitFor();
  await page.locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  await page.keyboard.type('"sycalls": [],');
  await page.locator('.squiggly-error').first().waitFor();
  await editor.screenshot('privileges-profile');
});
