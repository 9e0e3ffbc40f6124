import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { findInit, heldLimit } from './support/kernel.js';
import { beginStory } from './support/story.js';
import { until } from './support/until.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapse,
  collapseView,
  expand,
  openTerrarium,
  treeItem,
  typeInTerminal,
  waitForTerminal,
  webviewFrame,
} from './support/workbench.js';

/** The main job: launch, attach, look, limit, reload, stop, remove. One story, in order. */
const { editor, chapter } = beginStory({ settings: { 'terminal.integrated.enablePersistentSessions': true } });
let initPid = 0;

/** One of the folders below a container. */
const section = (name: string) => treeItem(editor.page, new RegExp(`^${name} of container`));
/** The one container's row, by the state that it is read out with. */
const row = (state: RegExp) => editor.page.locator('.sidebar').getByRole('treeitem', { level: 1, name: state });
const container = () => row(/running/);

chapter('Enter, Enter: a container on this machine’s own root runs, with a terminal in it', async () => {
  const { page } = editor;
  await page.locator('.welcome-view-content').first().getByRole('button', { name: 'Launch Container' }).click();
  await answerQuickInput(page);
  await container().waitFor({ timeout: 30_000 });
  await waitForTerminal(page, /[#$] *$/, 30_000);
  await typeInTerminal(
    page,
    'tty; stty size; id -u; readlink /proc/self/ns/pid; echo "pid one is $(cat /proc/1/comm)"\n',
  );
  const text = await waitForTerminal(page, /pid one is init/);
  assert.match(text, /\/dev\/pts\/\d+/);
  const size = /^(\d+) (\d+)$/m.exec(text);
  assert.ok(size !== null && Number(size[1]) > 5 && Number(size[2]) > 40, `a real size, not ${size?.[0]}`);
  const inside = /pid:\[(\d+)\]/.exec(text)?.[1];
  assert.notEqual(`pid:[${inside}]`, readlinkSync('/proc/self/ns/pid'));
  // The kernel has a process 1 of that namespace, which is not ours.
  initPid = findInit(`pid:[${inside}]`);
  assert.ok(initPid > 0);
  await editor.screenshot('running');
});

chapter('job control works: Ctrl-C ends a sleep, Ctrl-Z stops one', async () => {
  const { page } = editor;
  await typeInTerminal(page, 'sleep 1000\n');
  await until(() => processes('sleep\u00001000').length === 1);
  await page.keyboard.press('Control+c');
  await until(() => processes('sleep\u00001000').length === 0);
  await typeInTerminal(page, 'echo status $?\n');
  await waitForTerminal(page, /status 130/);
  await typeInTerminal(page, 'sleep 1001\n');
  await until(() => processes('sleep\u00001001').length === 1);
  await page.keyboard.press('Control+z');
  await waitForTerminal(page, /Stopped\s+sleep 1001/);
  assert.equal(stateOf(processes('sleep\u00001001')[0] ?? 0), 'T');
  await typeInTerminal(page, 'kill -9 %1\n');
  await until(() => processes('sleep\u00001001').length === 0);
});

chapter('the tree shows processes with both pids, namespaces, mounts, limits and capabilities', async () => {
  const { page } = editor;
  // Rows that are out of sight are not in the page.
  await collapseView(page, 'Images');
  await collapseView(page, 'Root File System');
  await expand(container());
  await expand(section('Processes'));
  await treeItem(page, new RegExp(`\\b${initPid}\\b`))
    .first()
    .waitFor();
  await expand(section('Namespaces'));
  const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/${initPid}/ns/net`))?.[1] ?? 'none';
  await treeItem(page, new RegExp(inode)).waitFor();
  await editor.screenshot('tree');
  await collapse(section('Namespaces'));
  await expand(section('Mounts'));
  await treeItem(page, /\/proc/)
    .first()
    .waitFor();
  await collapse(section('Mounts'));
  await collapse(section('Namespaces'));
  await expand(section('Limits'));
  await treeItem(page, /^Limit Memory/).waitFor();
  await collapse(section('Limits'));
  await expand(section('Capabilities'));
  await treeItem(page, /^Capabilities bounding/).waitFor();
  await collapse(section('Capabilities'));
  await collapse(section('Processes'));
});

chapter('a file of the container is its own: the host does not have it', async () => {
  const { page } = editor;
  await typeInTerminal(page, 'echo kept > /root/kept; mkdir /etc/made-inside; echo "made $?"\n');
  await waitForTerminal(page, /made 0/);
  assert.ok(!readdirSync('/etc').includes('made-inside'));
});

chapter('the terminal is still attached after a window reload, to the same shell', async () => {
  const { page } = editor;
  await typeInTerminal(page, 'marker=still-here; echo set\n');
  await waitForTerminal(page, /^set$/m);
  await editor.reload();
  await page.locator('.terminal-wrapper.active').waitFor({ timeout: 60_000 });
  // What was on the screen is painted again once the terminal is connected.
  await waitForTerminal(page, /^set$/m, 60_000);
  await typeInTerminal(page, 'echo "it is $marker"\n');
  await waitForTerminal(page, /it is still-here/, 30_000);
  assert.equal(findInit(readlinkSync(`/proc/${initPid}/ns/pid`)), initPid, 'the container was not restarted');
});

chapter('how it was made: the ledger as a document, and as a script', async () => {
  const { page } = editor;
  await openTerrarium(page);
  await chooseInMenu(editor.page, container(), 'Show How It Was Made');
  await answerQuickInput(page, 'start-1');
  const preview = await webviewFrame(page, /Ledger|start-1/);
  await preview.getByText('pivot_root(2)').first().waitFor();
  await editor.screenshot('ledger');
});

chapter('limits: what is applied in the form is what the kernel holds', async () => {
  const { page } = editor;
  await runOnContainer('Edit Limits');
  const form = await webviewFrame(page, /^Limits/);
  const memory = form.getByRole('textbox', { name: /memory\.max/ });
  await memory.waitFor();
  const remedy = form.getByRole('button', { name: /copy/i }).first();
  // Fields are disabled until the report is there, and stay so where nothing is delegated: then it says what to do.
  await until(async () => (await memory.isEnabled()) || (await remedy.isVisible()));
  if (await memory.isEnabled()) {
    await memory.fill('100 lightyears');
    await form
      .getByText(/Unknown unit/)
      .first()
      .waitFor();
    await memory.fill('100 MiB');
    await form.getByRole('button', { name: 'Apply' }).click();
    await until(() => heldLimit(initPid) === 100 * 1024 * 1024);
    await form.getByRole('status').getByText('Applied 1 limit').waitFor();
  }
  await expand(container());
  await expand(section('Processes'));
  await expand(section('Namespaces'));
  await treeItem(page, /^Namespace mount/).waitFor();
  await editor.screenshot('limits');
});

chapter('pause stops it, resume lets it run on', async () => {
  await runOnContainer('Pause');
  await row(/paused/).waitFor();
  assert.match(stateOf(initPid), /^[TD]$|^S$/);
  await chooseInMenu(editor.page, row(/paused/), 'Resume');
  await container().waitFor();
});

chapter('stop ends every process; start again finds what was written; remove leaves nothing', async () => {
  const { page } = editor;
  await runOnContainer('Stop');
  await row(/stopped|exited|ended/).waitFor();
  assert.throws(() => readFileSync(`/proc/${initPid}/stat`), /ENOENT/);
  await chooseInMenu(editor.page, row(/stopped|exited|ended/), 'Start');
  await container().waitFor();
  await runOnContainer('Attach Terminal');
  await waitForTerminal(page, /[#$] *$/, 30_000);
  await typeInTerminal(page, 'cat /root/kept; ls -d /etc/made-inside\n');
  await waitForTerminal(page, /^kept$[\s\S]*^\/etc\/made-inside$/m);
  await runOnContainer('Remove…');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^(Stop and )?Remove/ })
    .click();
  await row(/running|stopped|exited|ended/).waitFor({ state: 'detached' });
  assert.deepEqual(readdirSync(`${editor.home}/.local/share/terrarium/containers`), []);
  // The row goes when the folder does; the kernel takes the namespaces of what was killed down a moment later.
  const own = `${editor.home}/.local/share/terrarium/containers`;
  const mounted = () =>
    execFileSync('sh', ['-c', 'grep -l "$1" /proc/[0-9]*/mountinfo 2>/dev/null || true', 'sh', own]).toString();
  await until(() => mounted() === '');
});

async function runOnContainer(entry: string): Promise<void> {
  await openTerrarium(editor.page);
  await chooseInMenu(editor.page, container(), entry);
}

/** Processes by their whole command line, arguments with NULs between them. */
function processes(commandLine: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${commandLine}\0`;
      } catch (error) {
        if (!/ENOENT|ESRCH/.test(String(error))) throw error;
        return false;
      }
    })
    .map(Number);
}

const stateOf = (pid: number): string => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
