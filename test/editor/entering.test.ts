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
  webviewFrame,
} from './support/workbench.js';

/** Somebody has made namespaces by hand, and wants a second shell in them. */
const { editor, chapter } = beginStory({ workspace: 'entering' });

chapter('a shell that Terrarium did not start is entered from the view, and a command is run in it', async () => {
  const { page } = editor;
  await runCommand(page, 'Terminal: Create New Terminal');
  await waitForTerminal(page, /[#$] ?$/);
  const made = 'hostname of-no-container; exec sleep 4321';
  await typeInTerminal(page, `unshare -Urmpf --uts --mount-proc sh -c '${made}'\n`);
  // Read anew until the shell is there: the kernel tells nobody.
  for (const view of ['Containers', 'Images', 'Root File System']) await collapseView(page, view);
  await page.locator('.sidebar .pane-header', { hasText: 'Namespaces' }).click();
  await expand(treeItem(page, /^UTS: \d+ namespace/));
  const uts = treeItem(page, /^UTS namespace \d+ of unshare: .*, 2 processes/);
  // Read anew until the shell is there: the kernel tells nobody.
  for (const end = Date.now() + patienceMs; !(await uts.isVisible()) && Date.now() < end; ) {
    await page.locator('.sidebar .pane-header', { hasText: 'Namespaces' }).hover();
    await page.locator('.sidebar').getByRole('button', { name: 'Refresh Namespaces' }).click();
    await uts.waitFor({ timeout: 2_000 }).catch(() => undefined);
  }
  await expand(uts);
  const row = treeItem(page, /^Process \d+ of \S+: sleep 4321/).first();
  const pid = /\d+/.exec((await row.getAttribute('aria-label')) ?? '')?.[0];
  await chooseInMenu(page, row, 'Enter');
  await page
    .locator('.terminal-tabs-entry, .single-terminal-tab', { hasText: `process-${pid}` })
    .first()
    .waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  await typeInTerminal(page, 'echo $(hostname) $(id -u) $(cat /proc/1/comm)\n');
  await waitForTerminal(page, /^of-no-container 0 sleep$/m);
  await editor.screenshot('namespaces-entered');
});

chapter('it is entered once more with options: no capabilities, and another folder', async () => {
  const { page } = editor;
  const row = treeItem(page, /^Process \d+ of \S+: sleep 4321/).first();
  await chooseInMenu(page, row, 'Enter with Options…');
  const step = (number: number) => page.locator('.quick-input-title', { hasText: `(${number}/6)` }).waitFor();
  await step(1);
  await editor.screenshot('namespaces-enter-options');
  await page.keyboard.press('Enter');
  await step(2);
  await answerQuickInput(page, '');
  await step(3);
  await answerQuickInput(page, 'None');
  await step(4);
  await answerQuickInput(page, 'Its Own Programs');
  await step(5);
  await answerQuickInput(page, '/usr');
  await step(6);
  await answerQuickInput(page, '');
  await waitForTerminal(page, /[#$] ?$/);
  await typeInTerminal(page, 'echo $(pwd) $(grep CapBnd /proc/self/status)\n');
  await waitForTerminal(page, /^\/usr CapBnd: 0000000000000000$/m);
});

chapter('how it was entered is shown, with how it is done by hand', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Show How a Process Was Entered…');
  const option = page.locator('.quick-input-widget').getByRole('option', { name: /^enter-2, process \d+/ });
  await option.waitFor();
  await answerQuickInput(page, 'enter-2');
  const preview = await webviewFrame(page, /Entered|enter-2/);
  await preview.getByRole('cell', { name: 'Capabilities', exact: true }).waitFor();
  await preview.getByRole('row', { name: 'Capabilities none', exact: true }).waitFor();
  await preview.getByText('nsenter').first().waitFor();
  await editor.screenshot('namespaces-entry');
});
