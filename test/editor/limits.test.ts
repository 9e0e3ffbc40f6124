import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { countControls, focusedName, tabTo, unnamedControls } from './support/accessible.js';
import { terrariumIn } from './support/command.js';
import { findInit, heldLimit, heldRates, readsOf } from './support/kernel.js';
import { beginStory } from './support/story.js';
import { patienceMs, until } from './support/until.js';
import {
  answerQuickInput,
  answerSteps,
  runCommand,
  typeInTerminal,
  waitForTerminal,
  webviewFrame,
} from './support/workbench.js';

/** The form of limits, by keyboard alone once it is open, with the kernel's files as the truth. */
const { editor, chapter } = beginStory({ settings: { 'workbench.colorTheme': 'Default Dark Modern' } });
let form: Frame;
let init = 0;
/** What the kernel has for no limit: `max` of cgroup v2 is no number. */
let unlimited = 0;
const MiB = 1024 * 1024;

chapter('the form opens with the cursor’s keys in it, and every section it has', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Create Container with Choices');
  const inLab = { choice: 'New Group', question: 'The name of the new group', answer: 'lab' };
  await answerSteps(page, [undefined, undefined, undefined, undefined, undefined, inLab, undefined, undefined]);
  await waitForTerminal(page, /[#$] *$/, 60_000);
  await typeInTerminal(page, 'echo "in $(readlink /proc/self/ns/pid)"\n');
  const [, namespace = ''] = /in (pid:\[\d+\])/.exec(await waitForTerminal(page, /in pid:\[\d+\]/)) ?? [];
  init = findInit(namespace);
  assert.notEqual(readlinkSync(`/proc/${init}/ns/pid`), readlinkSync('/proc/self/ns/pid'));
  unlimited = heldLimit(init);

  await runCommand(page, 'Terrarium: Edit Limits');
  form = await webviewFrame(page, /^Limits/);
  await form.getByRole('textbox', { name: /memory\.max/ }).waitFor();
  for (const title of ['Memory', 'CPU', 'Processes', 'Of each process']) {
    await form.getByRole('heading', { name: title, level: 2, exact: true }).waitFor();
  }
  await tabTo(page, form, /memory\.max/);
});

chapter('what is typed is checked at once, previewed, and restored by Escape', async () => {
  const { page } = editor;
  await retype('100 lightyears');
  await form.getByText(/Unknown unit/).waitFor();
  await page.keyboard.press('Escape');
  await form.getByText(/Unknown unit/).waitFor({ state: 'hidden' });
  await retype('100 MB');
  const preview = form.getByRole('region', { name: 'What Apply will do' });
  await preview.getByText('← 100000000').first().waitFor();
  assert.equal(heldLimit(init), unlimited, 'a preview writes nothing');
});

chapter('Enter applies: the kernel holds it, and the form says what was rounded', async () => {
  const { page } = editor;
  await page.keyboard.press('Enter');
  await until(() => heldLimit(init) === 99_999_744);
  await form
    .getByRole('status')
    .getByText(/was rounded to .*\(99999744\)/)
    .waitFor();
  await form.getByText('Last minutes').waitFor();
});

chapter('a disk is chosen and limited', async (t) => {
  const { page } = editor;
  const disk = form.getByRole('combobox', { name: 'Device to limit: Disk speed' });
  await tabTo(page, form, /^Disks/);
  await page.keyboard.press('Enter');
  await disk.waitFor();
  if (!(await disk.isEnabled())) return t.skip('no disks can be limited here: no controller for them is delegated');
  await tabTo(page, form, /^Device to limit: Disk speed/);
  const [, name = ''] = /^(\S+)/.exec(await disk.locator('option').last().innerText()) ?? [];
  await page.keyboard.type(name);
  const device = await disk.inputValue();
  assert.equal(device, readFileSync(`/sys/block/${name}/dev`, 'utf8').trim());
  await tabTo(page, form, /^Add the chosen device: Disk speed/);
  await page.keyboard.press('Enter');
  // The cursor goes to the first of its fields.
  await until(async () => (await focused()) === `Read per s of ${name}`);
  await page.keyboard.type('10 MB/s');
  await tabTo(page, form, new RegExp(`^Reads per s of ${name}`), 2);
  await page.keyboard.type('500');
  assert.deepEqual(heldRates(init), []);
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.deepEqual(heldRates(init), [`${device} rbps=10000000`, `${device} riops=500`]);
  assert.equal(await focused(), `Reads per s of ${name}`, 'the cursor stays');

  // Written otherwise than the form writes it.
  await retype('400 iops');
  await page.keyboard.press('Enter');
  await until(() => heldRates(init).includes(`${device} riops=400`));
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.equal(await focused(), `Reads per s of ${name}`, 'the cursor stays');
  await editor.screenshot('limits-disks');

  await retype('');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Enter');
  await until(() => heldRates(init).length === 1);
  assert.deepEqual(heldRates(init), [`${device} rbps=10000000`]);
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();

  await tabTo(page, form, new RegExp(`^Remove the limits of ${name}`), 3);
  await page.keyboard.press('Enter');
  await until(async () => (await focused()) === 'Device to limit: Disk speed');
  await tabTo(page, form, /^Apply$/);
  await page.keyboard.press('Enter');
  await until(() => heldRates(init).length === 0);
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
});

chapter('every control has a name', async () => {
  await form.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
  assert.deepEqual(await unnamedControls(form), []);
  assert.ok((await countControls(form)) > 20, 'the walk sees the controls');
  // The walk finds one that has none.
  await form.evaluate(`document.querySelector('main').append(document.createElement('button'))`);
  assert.equal((await unnamedControls(form)).length, 1);
  await form.evaluate(`document.querySelector('main > button').remove()`);
});

chapter('a trial is in force at once and rolled back on demand', async () => {
  const { page } = editor;
  await form.getByRole('textbox', { name: /memory\.max/ }).focus();
  await retype('200 MiB');
  await tabTo(page, form, /^Try for 30 s$/);
  await page.keyboard.press('Enter');
  await until(() => heldLimit(init) === 200 * MiB);
  await form.getByText(/rolls back in \d+ s/).waitFor();
  await tabTo(page, form, /^Roll Back$/);
  await page.keyboard.press('Enter');
  await until(() => heldLimit(init) === 99_999_744);
  await form.getByText(/rolls back in/).waitFor({ state: 'hidden' });
});

chapter('a trial that nobody keeps ends by itself, and that is said', async () => {
  const { page } = editor;
  await form.getByRole('textbox', { name: /pids\.max/ }).focus();
  await retype('77');
  await tabTo(page, form, /^Try for 30 s$/);
  await page.keyboard.press('Space');
  await form.getByText(/rolls back in \d+ s/).waitFor();
  await form
    .getByRole('status')
    .getByText(/Rolled back: Processes 77 →/)
    .waitFor({ timeout: 60_000 });
  assert.doesNotMatch(await form.getByRole('textbox', { name: /pids\.max/ }).inputValue(), /77/);
});

chapter('Undo names what it takes back, and does', async () => {
  const { page } = editor;
  await form.getByRole('textbox', { name: /pids\.max/ }).focus();
  await retype('50');
  await page.keyboard.press('Enter');
  await form.getByRole('button', { name: 'Undo: back Processes to' }).waitFor();
  await tabTo(page, form, /^Undo: back Processes/);
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Undone').waitFor();
  await form
    .getByText(/Undone: Processes 50 →/)
    .first()
    .waitFor();
});

chapter('a change from elsewhere is shown, and what was typed stays', async () => {
  await form.getByRole('textbox', { name: /memory\.max/ }).focus();
  await retype('300 MB');
  terrariumIn(editor.home, ['limits', await containerName(), 'pids.max=123']);
  await form
    .getByRole('status')
    .getByText(/Changed elsewhere: Processes max → 123/)
    .waitFor();
  await until(async () => (await form.getByRole('textbox', { name: /pids\.max/ }).inputValue()) === '123');
  assert.equal(await form.getByRole('textbox', { name: /memory\.max/ }).inputValue(), '300 MB');
  await editor.page.keyboard.press('Escape');
});

chapter('another helper: the form reads and writes on', async () => {
  const { page } = editor;
  const before = helpers();
  await runCommand(page, 'Terrarium: Restart Helper');
  // What is asked of the one that is being ended is answered by nobody.
  await until(() => helpers().length > 0 && !helpers().some((pid) => before.includes(pid)));
  const processes = form.getByRole('textbox', { name: /pids\.max/ });
  await processes.focus();
  await retype('124');
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.equal(await processes.inputValue(), '124');
  const drawn = await form
    .getByText(/in use · .*highest/)
    .first()
    .textContent();
  assert.match(drawn ?? '', /[KM]iB/);
});

/** The form of the group, asked for by name. A page that takes the focus meanwhile closes the question: then it is asked again. */
async function openGroupForm(): Promise<Frame> {
  const { page } = editor;
  const option = page.getByRole('option', { name: /lab.*1 container, running/ });
  for (const end = Date.now() + patienceMs; ; ) {
    await runCommand(page, 'Terrarium: Edit Limits of Group');
    try {
      await option.click({ timeout: 5000 });
      break;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
  return webviewFrame(page, /^Limits: lab/);
}

chapter('a limit of its group is set in the form of the group, and named in that of the container', async () => {
  const { page } = editor;
  const lab = await openGroupForm();
  await lab.getByRole('textbox', { name: /memory\.max/ }).waitFor();
  await tabTo(page, lab, /memory\.max/);
  await retype('60 MiB');
  await page.keyboard.press('Enter');
  await lab.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.equal(heldLimit(init, 1), 60 * MiB);
  assert.equal(heldLimit(init), 99_999_744);
  await editor.screenshot('limits-group');
  await runCommand(page, 'View: Close Editor');
  form = await webviewFrame(page, /^Limits/);
  await form.getByText(/group-lab above allows only 60 MiB/).waitFor();
  const again = await openGroupForm();
  await again.getByRole('button', { name: 'Undo: back Memory to max' }).waitFor();
  await tabTo(page, again, /^Undo: back Memory/);
  await page.keyboard.press('Enter');
  await again.getByRole('status').getByText('Undone').waitFor();
  assert.equal(heldLimit(init, 1), unlimited);
  await runCommand(page, 'View: Close Editor');
  form = await webviewFrame(page, /^Limits/);
  await form.getByRole('textbox', { name: /memory\.max/ }).waitFor();
});

chapter('a tighter limit of all containers together is named in the form of one', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Edit Limits of All Containers');
  const name = new RegExp(`^Limits: (?!${await containerName()})`);
  const all = await webviewFrame(page, name);
  const memory = all.getByRole('textbox', { name: /memory\.max/ });
  await memory.waitFor();
  await until(() => memory.isEnabled());
  await memory.focus();
  await retype('50 MiB');
  await page.keyboard.press('Enter');
  await all.getByRole('status').getByText('Applied 1 limit').waitFor();
  assert.equal(heldLimit(init, 2), 50 * MiB);
  await editor.screenshot('limits-all-containers');
  await runCommand(page, 'View: Close Editor');
  form = await webviewFrame(page, /^Limits/);
  await form.getByText(/above allows only 50 MiB/).waitFor();
  await runCommand(page, 'Terrarium: Edit Limits of All Containers');
  const again = await webviewFrame(page, name);
  await again.getByRole('button', { name: 'Undo: back Memory to max' }).focus();
  await page.keyboard.press('Enter');
  await again.getByRole('status').getByText('Undone').waitFor();
  await runCommand(page, 'View: Close Editor');
  form = await webviewFrame(page, /^Limits/);
  await form.getByRole('textbox', { name: /memory\.max/ }).waitFor();
  await form.getByText(/above allows only 50 MiB/).waitFor({ state: 'hidden' });
});

chapter('use is read from the kernel while it is shown, by the form or the overview, and only then', async () => {
  const { page } = editor;
  const toggleSideBar = 'View: Toggle Primary Side Bar Visibility';
  await runCommand(page, toggleSideBar);
  await page.locator('.part.sidebar').waitFor({ state: 'hidden' });
  const byForm = await readsInTwoSeconds();
  await runCommand(page, 'Terrarium: Show Overview of Containers');
  await (await webviewFrame(page, /^Containers: Overview/)).getByRole('grid').waitFor();
  const byOverview = await readsInTwoSeconds();
  await runCommand(page, 'File: New Untitled Text File');
  await page.getByRole('tab', { name: /^Untitled-1/, selected: true }).waitFor();
  let byNone = Number.POSITIVE_INFINITY;
  // What was under way ends; what goes on once a second does not.
  await until(async () => {
    byNone = await readsInTwoSeconds();
    return byNone * 4 < Math.min(byForm, byOverview);
  });
  for (const title of [/^Containers: Overview/, /^Limits/]) {
    await runCommand(page, 'View: Close Editor');
    form = await webviewFrame(page, title);
    await until(async () => (await readsInTwoSeconds()) > byNone * 3 + 8);
  }
  await runCommand(page, toggleSideBar);
});

chapter('the samples can be had as a table', async () => {
  const { page } = editor;
  await tabTo(page, form, /^Show as Table$/);
  await page.keyboard.press('Enter');
  const table = form.getByRole('table', { name: /^Samples/ });
  await table.getByRole('columnheader', { name: 'Memory: in use' }).waitFor();
  assert.match((await table.getByRole('row').nth(1).textContent()) ?? '', /[KM]iB/);
  await editor.screenshot('limits-table');
  await page.keyboard.press('Enter');
  await table.waitFor({ state: 'hidden' });
});

chapter('a limit of CPU throttles, and a kill for memory is marked when it happens', async () => {
  const { page } = editor;
  await form.getByRole('textbox', { name: /cpu\.max$/ }).focus();
  await retype('20 %');
  await page.keyboard.press('Enter');
  await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  await typeInTerminal(page, 'timeout 120 sh -c "while :; do :; done" &\n');
  await until(async () => !/^0 s/.test((await form.locator('dt:text-is("slowed down") + dd').textContent()) ?? '0 s'));
  await typeInTerminal(page, 'tail /dev/zero\n');
  await waitForTerminal(page, /Killed/, 60_000);
  await form
    .getByRole('listitem')
    .filter({ hasText: /out of memory/i })
    .first()
    .waitFor();
});

chapter('it looks right in light, dark and high contrast, narrow and wide', async () => {
  const { page } = editor;
  await form.getByRole('textbox', { name: /memory\.max/ }).focus();
  await retype('1 MiB');
  await form.getByRole('region', { name: 'What Apply will do' }).waitFor();
  await runCommand(page, 'View: Hide Panel');
  await runCommand(page, 'Notifications: Clear All Notifications');
  await page.setViewportSize({ width: 1600, height: 900 });
  for (const [theme, name] of [
    ['Light Modern', 'light'],
    ['Dark High Contrast', 'high-contrast'],
    ['Light High Contrast', 'high-contrast-light'],
    ['Dark Modern', 'dark'],
  ] as const) {
    await runCommand(page, 'Preferences: Color Theme');
    await answerQuickInput(page, theme);
    // The page forbids eval, which waiting for a function would need.
    await until(async () => (await form.evaluate('document.body.dataset.vscodeThemeKind')) === `vscode-${name}`);
    // Two samples, so that graphs are drawn in the theme's colours.
    await delay(2500);
    await editor.screenshot(`limits-${name}`);
  }
  await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
  await page.setViewportSize({ width: 450, height: 900 });
  await until(async () => (await form.evaluate<number>('innerWidth')) < 450);
  assert.equal(await form.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing is cut off');
  await editor.screenshot('limits-narrow');
  await page.setViewportSize({ width: 1000, height: 2800 });
  await form.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
  await delay(1500);
  await editor.screenshot('limits-all');
});

chapter('what does not run has limits for its next start; what is removed is gone', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Stop');
  await form.getByText('limits take effect at the next start').waitFor({ timeout: 30_000 });
  const memory = form.getByRole('textbox', { name: /memory\.max/ });
  assert.equal(await memory.inputValue(), '1 MiB', 'a draft survives');
  await runCommand(page, 'Terrarium: Remove…');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^(Stop and )?Remove/ })
    .click();
  await form.getByText('This container has been removed').waitFor();
  assert.equal(await memory.isEnabled(), false);
  await editor.screenshot('limits-gone');
  await tabTo(page, form, /^Close$/);
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: /^Limits/ }).waitFor({ state: 'detached' });
});

/** Pids of the helpers of this editor. */
const helpers = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.includes(editor.home) && command.includes('dist/helper.cjs');
    } catch (error) {
      // It has ended meanwhile.
      if (!/ENOENT|ESRCH/.test(String(error))) throw error;
      return false;
    }
  });

/** How often the helper reads: pages are drawn from what it reads once a second. */
async function readsInTwoSeconds(): Promise<number> {
  const before = readsOf(helpers());
  await delay(2000);
  return readsOf(helpers()) - before;
}

/** The name of what has the focus in the form. */
const focused = () => form.evaluate<string>(focusedName);

/** Of the one container, as its form is called. */
async function containerName(): Promise<string> {
  return ((await form.getByRole('heading', { level: 1 }).textContent()) ?? '').replace('Limits of ', '').trim();
}

/** Puts other text into the field that has the focus. VS Code answers Control+A in a webview later than keys that follow. */
async function retype(text: string): Promise<void> {
  await editor.page.keyboard.press('Home');
  await editor.page.keyboard.press('Shift+End');
  await editor.page.keyboard.type(text);
}
