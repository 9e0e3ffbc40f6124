import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Frame, Locator } from 'playwright-core';
import { beginStory } from './support/story.js';
import { patienceMs, until } from './support/until.js';
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
  webviewFrame,
} from './support/workbench.js';

/** The machine's control groups in the side bar, and the overview of what runs: one story, in order. */
const { editor, chapter } = beginStory();
let overview: Frame;
/** The folder of the container's own group; of v1 that of the memory controller. */
let folder = '';
let byHand = '';
/** Name of the container that holds some memory. */
let hungry = '';

after(() => {
  if (byHand !== '' && existsSync(byHand)) rmdirSync(byHand);
});

const container = () => treeItem(editor.page, /^Container \S+, running/).first();

chapter('a container runs', async () => {
  const { page } = editor;
  await page.locator('.welcome-view-content').first().getByRole('button', { name: 'Launch Container' }).click();
  await answerQuickInput(page);
  await container().waitFor({ timeout: 30_000 });
  await typeInTerminal(page, 'echo "at $(grep -m1 -E ":memory:|^0::" /proc/self/cgroup)"\n');
  await waitForTerminal(page, /^at /m);
});

chapter('its group is in the tree of the machine’s, by its name', async () => {
  const { page } = editor;
  const row = (await container().getAttribute('aria-label')) ?? '';
  const [, name = ''] = /^Container (\S+),/.exec(row) ?? [];
  const pid = /pid (\d+)/.exec(row)?.[1];
  folder = memoryFolder(Number(pid));
  for (const view of ['Containers', 'Images', 'Root File System']) await collapseView(page, view);
  await page.locator('.sidebar .pane-header', { hasText: 'Control Groups' }).click();
  await openFolder(path.dirname(folder));
  const group = treeItem(page, new RegExp(`^Control group ${name}, .*\\bcontainer, `));
  await bring(group);
  assert.match((await group.getAttribute('aria-label')) ?? '', /writable/);
  await editor.screenshot('control-groups');
});

chapter('its limits are in its own tree, and each opens the form at its field', async () => {
  const { page } = editor;
  await page.locator('.sidebar .pane-header', { hasText: 'Control Groups' }).locator('.title').click();
  await page.locator('.sidebar .pane-header', { hasText: 'Containers' }).locator('.title').click();
  await expand(container());
  await expand(treeItem(page, /^Limits of container/));
  await treeItem(page, /^Limit Processes: \d+, no limit/).click();
  const form = await webviewFrame(page, /^Limits/);
  const field = form.getByRole('textbox', { name: /pids\.max/ });
  await until(async () => (await form.evaluate('document.activeElement?.localName')) === 'vscode-textfield');
  // The form selects what is in a field that it opens at, which may come between two keys.
  await field.fill('50');
  await until(async () => (await field.inputValue()) === '50');
  await form.getByRole('button', { name: 'Apply', exact: true }).click();
  // Without a refresh, and with the share of it.
  await treeItem(page, /^Limit Processes: \d+ of 50 \(\d+ %\)/).waitFor();
  await treeItem(page, /^All limits/).waitFor();
  await editor.screenshot('container-limits');
  await collapse(treeItem(page, /^Limits of container/));
});

chapter('from a container one gets to its control group', async () => {
  const { page } = editor;
  await page.locator('.sidebar .pane-header', { hasText: 'Control Groups' }).locator('.title').click();
  await page.locator('.sidebar').getByRole('button', { name: 'Collapse All' }).last().click();
  await treeItem(page, containerGroup).waitFor({ state: 'detached' });
  await chooseInMenu(page, container(), 'Show Control Group');
  const row = treeItem(page, containerGroup);
  await row.waitFor();
  await until(async () => (await row.getAttribute('aria-selected')) === 'true');
  await collapseView(page, 'Containers');
});

chapter('its processes are shown with their users', async () => {
  const { page } = editor;
  await chooseInMenu(page, treeItem(page, containerGroup), 'Show Processes');
  await treeItem(page, /^Process \d+ of user .*: /)
    .first()
    .waitFor();
  await editor.screenshot('control-groups-processes');
});

chapter('the overview shows what runs, sorted by memory with the keyboard', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Launch Container');
  await answerQuickInput(page);
  await until(async () => (await badge()) === '2');
  await waitForTerminal(page, /[#$] *$/);
  await typeInTerminal(
    page,
    'x=$(head -c 60000000 /dev/zero | tr "\\0" a); printf "kept %s\\n" "$(printf %s "$x" | wc -c)"\n',
  );
  await waitForTerminal(page, /^kept 60000000/m);
  await runCommand(page, 'View: Toggle Panel Visibility');
  await page.locator('.part.panel').waitFor({ state: 'hidden' });
  // By the button, which also waits until the workbench has moved the focus.
  const header = page.locator('.sidebar .pane-header', { hasText: 'Containers' });
  if ((await header.getAttribute('aria-expanded')) !== 'true') await header.locator('.title').click();
  await header.hover();
  await header.getByRole('button', { name: 'Show Overview of Containers' }).click();
  overview = await webviewFrame(page, /^Containers: Overview/);
  await collapseView(page, 'Containers');
  const grid = overview.getByRole('grid');
  await grid.waitFor();
  const memory = grid.getByRole('columnheader', { name: 'Memory', exact: true });
  await memory.getByRole('button').focus();
  await page.keyboard.press('Enter');
  await until(async () => (await memory.getAttribute('aria-sort')) === 'descending');
  const rows = grid.locator('tbody').getByRole('row');
  assert.equal(await rows.count(), 2);
  await until(async () => /\b[5-9]\d(\.\d)? MiB/.test(await rows.first().innerText()));
  hungry = (await rows.first().getByRole('rowheader').innerText()).trim();
  await page.keyboard.press('Enter');
  await until(async () => (await memory.getAttribute('aria-sort')) === 'ascending');
  await until(async () => (await rows.last().getByRole('rowheader').innerText()).trim() === hungry);
  // The numbers are the kernel's.
  const name = (await rows.first().getByRole('rowheader').innerText()).trim();
  assert.notEqual(name, hungry);
});

chapter('arrows go from row to row, Enter opens the form of that container', async () => {
  const { page } = editor;
  const rows = overview.getByRole('grid').locator('tr[data-key]');
  await rows.first().focus();
  await page.keyboard.press('End');
  await focusIs('This machine');
  await page.keyboard.press('ArrowUp');
  await focusIs('All containers');
  await page.keyboard.press('ArrowUp');
  await focusIs(hungry);
  // A second later all is drawn anew, and the focus is where it was.
  await delay(2500);
  await focusIs(hungry);
  await page.keyboard.press('Tab');
  assert.equal(
    await overview.evaluate('document.activeElement.getAttribute("aria-label")'),
    `Edit limits of ${hungry}`,
  );
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await webviewFrame(page, new RegExp(`^Limits.*${hungry}`));
  await showOverview();
  const sorted = overview.getByRole('columnheader', { name: 'Memory', exact: true });
  await until(async () => (await sorted.getAttribute('aria-sort')) === 'ascending');
});

chapter('every control of it has a name', async () => {
  await overview.getByRole('grid').waitFor();
  const unnamed = await overview.evaluate<string[]>(`[...document.querySelectorAll('button, [tabindex], table')]
    .filter((one) => !(one.getAttribute('aria-label') ?? one.textContent ?? '').trim())
    .map((one) => one.outerHTML)`);
  assert.deepEqual(unnamed, []);
  const buttons = await overview.getByRole('button').count();
  assert.ok(buttons >= 4 + 3 * 2, `${buttons} buttons`);
});

chapter('it can be read in dark, light and high contrast, wide and narrow', async () => {
  const { page } = editor;
  for (const [theme, name, kind] of [
    ['Light Modern', 'light', 'vscode-light'],
    ['Dark Modern', 'dark', 'vscode-dark'],
    ['Dark High Contrast', 'high-contrast', 'vscode-high-contrast'],
  ] as const) {
    await runCommand(page, 'Preferences: Color Theme');
    await answerQuickInput(page, theme);
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await overview.locator(`body.${kind}`).waitFor();
    await editor.screenshot(`overview-${name}`);
  }
  await page.setViewportSize({ width: 820, height: 800 });
  await until(async () => (await overview.evaluate<number>('document.documentElement.clientWidth')) < 720);
  assert.equal(
    await overview.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
    false,
  );
  await editor.screenshot('overview-narrow');
  await page.setViewportSize({ width: 1280, height: 800 });
});

chapter('a group that is made by hand appears without a refresh, and its limit is edited in the form', async () => {
  const { page } = editor;
  const parent = path.dirname(path.dirname(folder));
  byHand = path.join(parent, 'by-hand');
  mkdirSync(byHand);
  // As its owner would have made it.
  const { uid, gid } = statSync(parent);
  for (const name of ['', ...readdirSync(byHand)]) chownSync(path.join(byHand, name), uid, gid);
  await collapse(treeItem(page, /^Control group all containers/));
  const row = treeItem(page, /^Control group by-hand/);
  await bring(row);
  await chooseInMenu(page, row, 'Edit Limits');
  const form = await webviewFrame(page, /^Limits.*by-hand/);
  const memory = form.getByRole('textbox', { name: /memory\.max/ });
  await memory.fill('64 MiB');
  await form.getByRole('button', { name: 'Apply', exact: true }).click();
  const file = path.join(byHand, byHand.startsWith('/sys/fs/cgroup/memory/') ? 'memory.limit_in_bytes' : 'memory.max');
  await until(() => readFileSync(file, 'utf8').trim() === String(64 * 1024 * 1024));
  await expand(row);
  await treeItem(page, /^Limit Memory: .*64 MiB/).waitFor();
  await editor.screenshot('control-groups-limit');
});

chapter('a container is stopped from its row; without any there is a way to launch one', async () => {
  const { page } = editor;
  await showOverview();
  await overview.getByRole('button', { name: `Stop ${hungry}` }).click();
  const stop = overview.getByRole('button', { name: /^Stop / });
  await until(async () => (await badge()) === '1' && (await stop.count()) === 1);
  await stop.click();
  await overview.getByRole('button', { name: 'Launch Container' }).waitFor();
  await editor.screenshot('overview-empty');
  assert.equal(await page.locator('.notification-toast').count(), 0);
});

const containerGroup = /^Control group \S+, .*\bcontainer, /;

async function showOverview(): Promise<void> {
  await runCommand(editor.page, 'Terrarium: Show Overview of Containers');
  overview = await webviewFrame(editor.page, /^Containers: Overview/);
}

async function focusIs(title: string): Promise<void> {
  const focused = () => overview.evaluate<string>('document.activeElement?.querySelector(".title")?.textContent ?? ""');
  for (const end = Date.now() + patienceMs; (await focused()) !== title; await delay(50)) {
    if (Date.now() > end) {
      const element = await overview.evaluate<string>('document.activeElement?.outerHTML.slice(0, 200) ?? ""');
      throw new Error(`${title} never got the focus, but ${element}`);
    }
  }
}

/** How many containers run, as the icon of the view says. */
async function badge(): Promise<string> {
  return (await editor.page.locator('.activitybar .badge-content').allTextContents()).join('');
}

/** Opens the rows down to a folder. */
async function openFolder(target: string): Promise<void> {
  const { page } = editor;
  const mount = target.startsWith('/sys/fs/cgroup/memory') ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';
  await expand(treeItem(page, new RegExp(`^Hierarchy .*${mount}$`)));
  for (const name of path.relative(mount, target).split('/')) {
    const item = treeItem(page, new RegExp(`^Control group (.*, )?${name.replaceAll('.', '\\.')}(,|$)`));
    await item.waitFor();
    await expand(item);
  }
}

/** Scrolls down until a row is there: those that are out of sight are not in the page. */
async function bring(row: Locator): Promise<void> {
  const { page } = editor;
  const box = await page.locator('.sidebar .pane-header', { hasText: 'Control Groups' }).boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + 100, box.y + 100);
  await until(async () => {
    if (await row.isVisible()) return true;
    await page.mouse.wheel(0, 60);
    await delay(100);
    return false;
  });
}

/** Where a process's memory is counted. */
function memoryFolder(pid: number): string {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const [, v1] = /^\d+:memory:(.*)$/m.exec(groups) ?? [];
  return v1 === undefined ? `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1]}` : `/sys/fs/cgroup/memory${v1}`;
}
