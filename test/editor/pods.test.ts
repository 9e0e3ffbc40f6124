import assert from 'node:assert/strict';
import { chownSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { freePort } from '../kernel/support/freePort.js';
import { beginStory } from './support/story.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapse,
  collapseView,
  expand,
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

let port: number;

chapter('a pod is made by a name, and four questions with an answer to begin with', async () => {
  const { page } = editor;
  port = await freePort();
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  const input = page.locator('.quick-input-widget');
  const title = (number: number) => page.locator('.quick-input-title', { hasText: `New Pod (${number}/5)` });
  const step = (number: number) => title(number).waitFor();
  // Who wants a container in one before there is any is asked for the pod first.
  await runCommand(page, 'Terrarium: New Container in Pod…');
  await step(1);
  await page.keyboard.press('Escape');
  await title(1).waitFor({ state: 'hidden' });
  await runCommand(page, 'Terrarium: New Pod…');
  await step(1);
  await answerQuickInput(page, 'web');
  await step(2);
  await answerQuickInput(page);
  await step(3);
  await answerQuickInput(page, 'Outbound');
  await step(4);
  await editor.screenshot('pod-ports');
  await answerQuickInput(page, '8000');
  await input.getByText(/^HOST-PORT:CONTAINER-PORT, with \/udp/).waitFor();
  await answerQuickInput(page, `${port}:8000`);
  await step(5);
  await answerQuickInput(page, 'pond');
  await pod('no containers, shares network, ipc, uts, network outbound').waitFor();
});

chapter('containers are made in it from its line, and stand below it', async () => {
  const { page } = editor;
  for (const [count, containers] of ['1 of 1', '2 of 2'].entries()) {
    await chooseInMenu(page, count === 0 ? pod('no containers') : pod('1 of 1 running'), 'New Container in Pod…');
    await acceptAll(pod(`${containers} running`));
    await waitForTerminal(page, /[#$] ?$/);
  }
  await typeInTerminal(page, 'clear; hostname\n');
  await waitForTerminal(page, /^pond$/m);
  const below = page.locator('.monaco-list-row[aria-level="2"]', { hasText: 'running' });
  await below.nth(1).waitFor();
  await editor.screenshot('pod');
});

chapter('what one of them serves is at the port that was answered', async () => {
  const { page } = editor;
  await typeInTerminal(page, 'clear; mkdir /tmp/site; hostname > /tmp/site/index.html\n');
  await typeInTerminal(page, 'python3 -m http.server 8000 --directory /tmp/site &\n');
  await waitForTerminal(page, /Serving HTTP on/);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'pond\n');
});

const first = () => treeItem(editor.page, /^Container \S+, running/).first();
const link = (state: string) => treeItem(editor.page, new RegExp(`^Interface eth0, ${state}10\\.`));
const members = (link: string) =>
  treeItem(editor.page, new RegExp(`^Container \\S+ in the network, 10\\.[\\d.]+, running${link}$`));
const network = (state: string) => treeItem(editor.page, new RegExp(`^Network outbound, .*${state}$`));

chapter(
  'its link is cut, made narrow and made good again from its line, which is seen at every end of it',
  async () => {
    const { page } = editor;
    await page.locator('.sidebar .pane-header', { hasText: 'Networks' }).click();
    await expand(network('with a way out'));
    await members('').nth(1).waitFor();
    await expand(first());
    await expand(treeItem(page, /^Network of container/));
    await link('up, ').waitFor();
    const shape = async (choice: string) => {
      await chooseInMenu(page, pod('2 of 2 running'), 'Make Link Slow or Lossy…');
      await page.locator('.quick-input-title', { hasText: 'The Link of the pod web' }).waitFor();
      await answerQuickInput(page, choice);
    };
    await shape('Cut');
    await link('down, ').waitFor();
    await members(', cut').nth(1).waitFor();
    await editor.screenshot('pod-link-cut');
    await shape('Other Numbers');
    await page.locator('.quick-input-message', { hasText: 'Milliseconds later' }).waitFor();
    await answerQuickInput(page, '0 0 500');
    await link('up, slow or lossy, ').waitFor();
    await members(', 500 kbit/s').nth(1).waitFor();
    await editor.screenshot('pod-link-slow');
    await shape('Good');
    await link('up, ').waitFor();
    await members('').nth(1).waitFor();
    await collapse(first());
  },
);

interface WayOut {
  init: { pid: number };
  revivals: number[];
}

/** What is noted of the way out, and where. */
function wayOut(): { file: string; record: WayOut } {
  const runtime = path.join(editor.home, 'run/terrarium');
  const [folder = ''] = readdirSync(runtime).filter((name) => name.startsWith('network-'));
  const file = path.join(runtime, folder, 'outbound/outbound.json');
  return { file, record: JSON.parse(readFileSync(file, 'utf8')) as WayOut };
}

/** Notes that it came back as often as it does by itself: to wait for that takes a quarter of a minute. */
function noteRevivals(): void {
  const { file, record } = wayOut();
  const { uid, gid } = statSync(file);
  writeFileSync(`${file}.new`, JSON.stringify({ ...record, revivals: Array.from({ length: 5 }, () => Date.now()) }));
  chownSync(`${file}.new`, uid, gid);
  renameSync(`${file}.new`, file);
}

chapter('a way out that has ended too often is marked, and made again from the line of its network', async () => {
  const { page } = editor;
  noteRevivals();
  const { pid } = wayOut().record.init;
  process.kill(pid, 'SIGKILL');
  const row = network('its way out ended too often');
  await row.waitFor();
  await editor.screenshot('network-cut');
  await row.hover();
  await row.getByRole('button', { name: 'Reconnect Network' }).click();
  await network('with a way out').waitFor();
  const again = wayOut().record;
  assert.notEqual(again.init.pid, pid);
  assert.deepEqual(again.revivals, []);
  process.kill(again.init.pid, 0);
  await collapseView(page, 'Networks');
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
