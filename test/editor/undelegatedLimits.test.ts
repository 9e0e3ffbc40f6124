import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { countControls, focusedName, tabTo, unnamedControls } from './support/accessible.js';
import { findInit, heldOpenFiles } from './support/kernel.js';
import { beginStory } from './support/story.js';
import {
  answerQuickInput,
  collapseView,
  expand,
  runCommand,
  treeItem,
  typeInTerminal,
  waitForTerminal,
  webviewFrame,
} from './support/workbench.js';

/** The form of limits of a person to whom no cgroup is delegated: limits of each process alone. One story, in order. */
const { editor, chapter } = beginStory({ settings: { 'workbench.colorTheme': 'Default Dark Modern' } });
let form: Frame;
let init = 0;
/** Of the container's init, as it was born: the soft and the hard limit. */
let born: [number, number];

chapter('a container runs without a cgroup of its own', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Launch Container');
  await answerQuickInput(page);
  await waitForTerminal(page, /[#$] *$/, 60_000);
  await typeInTerminal(page, 'echo "in $(readlink /proc/self/ns/pid)"\n');
  const [, namespace = ''] = /in (pid:\[\d+\])/.exec(await waitForTerminal(page, /in pid:\[\d+\]/)) ?? [];
  init = findInit(namespace);
  assert.notEqual(init, 0);
  born = heldOpenFiles(init);
});

chapter('the form says why there are no limits of the container, and begins with those of each process', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Edit Limits');
  form = await webviewFrame(page, /^Limits/);
  await form.getByText('only limits of each process can be set. They take effect at once').waitFor();
  await form.getByText(/no group of it belongs to you|belongs to someone else|no cgroups/i).waitFor();
  const remedy = form.getByRole('region', { name: 'What to do', exact: true });
  assert.notEqual((await remedy.innerText()).trim(), '');
  const titles = await form.getByRole('heading', { level: 2 }).allInnerTexts();
  assert.equal(titles[0], 'Of each process');
  const open = await form.evaluate(
    '[...document.querySelectorAll("details[open] > summary > h2")].map((one) => one.textContent)',
  );
  assert.deepEqual(open, ['Of each process']);
  await form.getByText('These hold for each process, not for the container').waitFor();
  await editor.screenshot('limits-undelegated');
});

chapter('nothing is shown as a limit of the container', async () => {
  await form.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
  assert.equal(await form.getByRole('group', { name: 'Presets' }).count(), 0);
  const edited = await form.evaluate<[string, string, boolean][]>(`[...document.querySelectorAll(
    'vscode-textfield, vscode-textarea')].map((one) => [one.label, one.value, one.disabled])`);
  const isOfProcess = ([name]: [string, string, boolean]) => /RLIMIT_/.test(name);
  const ofProcesses = edited.filter(isOfProcess);
  const ofContainer = edited.filter((one) => !isOfProcess(one));
  assert.ok(ofProcesses.length >= 4 && ofProcesses.every(([, , disabled]) => !disabled), String(ofProcesses));
  assert.ok(
    ofContainer.some(([name]) => /memory\.max/.test(name)),
    String(ofContainer),
  );
  assert.deepEqual(
    ofContainer.filter(([, value, disabled]) => value !== '' || !disabled),
    [],
  );
  assert.deepEqual(await unnamedControls(form), []);
  assert.ok((await countControls(form)) > 10, 'the walk sees the controls');
  await editor.screenshot('limits-undelegated-all');
});

chapter('open files are limited by keyboard, in every process and nowhere else', async () => {
  const { page } = editor;
  await tabTo(page, form, /RLIMIT_NOFILE/);
  await retype('256');
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.deepEqual(heldOpenFiles(init), [256, born[1]]);
  assert.match(await form.evaluate<string>(focusedName), /RLIMIT_NOFILE/, 'the cursor stays');
  await editor.screenshot('limits-undelegated-applied');
  await typeInTerminal(page, 'echo "soft $(ulimit -Sn)"\n');
  await waitForTerminal(page, /^soft 256$/m);
});

chapter('the tree shows it as what it is', async () => {
  const { page } = editor;
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  await expand(treeItem(page, /^Container \S+, running/).first());
  await expand(treeItem(page, /^Limits of container/));
  await treeItem(page, /^Limit Open files of each process: 256/).waitFor();
  await editor.screenshot('limits-undelegated-tree');
});

chapter('Undo gives the processes back what they had', async () => {
  const { page } = editor;
  await form.getByRole('button', { name: /^Undo: back Open files/ }).focus();
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Undone').waitFor();
  assert.deepEqual(heldOpenFiles(init), born);
});

/** Puts other text into the field that has the focus. */
async function retype(text: string): Promise<void> {
  await editor.page.keyboard.press('Home');
  await editor.page.keyboard.press('Shift+End');
  await editor.page.keyboard.type(text);
}
