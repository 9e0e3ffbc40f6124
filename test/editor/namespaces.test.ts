import assert from 'node:assert/strict';
import { beginStory } from './support/story.js';
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

/** Somebody wonders what keeps a container apart from the machine, and looks. */
const { editor, chapter } = beginStory({ workspace: 'namespaces' });
/** Name of the container. */
let name: string;

/** Text of the editor that shows. */
const editorText = async (): Promise<string> =>
  (await editor.page.locator('.editor-instance .view-lines').first().innerText()).replaceAll('\u00a0', ' ');

chapter('a container of its own network namespace is found in the view, with its processes', async () => {
  const { page } = editor;
  const launch = page.locator('.sidebar').getByRole('button', { name: 'Launch Container' }).first();
  await launch.waitFor({ timeout: 60_000 });
  await launch.click();
  await page
    .locator('.quick-input-widget')
    .getByRole('option', { name: /This machine's own/ })
    .waitFor();
  await page.keyboard.press('Enter');
  const running = treeItem(page, /^Container \S+, running/);
  await running.waitFor();
  name = /^Container (\S+),/.exec((await running.getAttribute('aria-label')) ?? '')?.[1] ?? '';
  assert.notEqual(name, '');
  await waitForTerminal(page, /[#$] ?$/);
  for (const view of ['Containers', 'Images', 'Root File System']) await collapseView(page, view);
  await page.locator('.sidebar .pane-header', { hasText: 'Namespaces' }).click();
  await expand(treeItem(page, /^Network: \d+ namespaces/));
  const own = treeItem(page, new RegExp(`^Network namespace \\d+ of ${name}, \\d+ process`));
  await own.waitFor();
  await treeItem(page, /^Network namespace \d+ of this machine/).waitFor();
  await expand(own);
  await treeItem(page, /^Process \d+ of \S+ in \S+: /)
    .first()
    .waitFor();
  await editor.screenshot('namespaces-by-type');
});

chapter('arranged by owner, what the container owns stands below its user namespace', async () => {
  const { page } = editor;
  await page.locator('.sidebar .pane-header', { hasText: 'Namespaces' }).hover();
  await page.locator('.sidebar').getByRole('button', { name: 'Arrange Namespaces by Owner' }).click();
  const machine = treeItem(page, /^User namespace \d+ of this machine/);
  await expand(machine.first());
  // Below a zygote's, of which there is one for each helper that this user has: other windows have their own.
  const container = treeItem(page, new RegExp(`^User namespace \\d+ of ${name}`));
  const zygotes = treeItem(page, /^User namespace \d+ of terrarium zygote/);
  await zygotes.first().waitFor();
  for (let at = 0; at < (await zygotes.count()); at += 1) {
    await expand(zygotes.nth(at));
    await treeItem(page, /./).and(page.locator('[aria-level="3"]')).first().waitFor();
    if (await container.isVisible()) break;
    await collapse(zygotes.nth(at));
  }
  await expand(container);
  await treeItem(page, new RegExp(`^Network namespace \\d+ of ${name}`)).waitFor();
  await editor.screenshot('namespaces-by-owner');
  await page.locator('.sidebar .pane-header', { hasText: 'Namespaces' }).hover();
  await page.locator('.sidebar').getByRole('button', { name: 'Arrange Namespaces by Type' }).click();
  await treeItem(page, /^Network: \d+ namespaces/).waitFor();
});

chapter('a process of it is inspected as a document', async () => {
  const { page } = editor;
  await expand(treeItem(page, /^Network: \d+ namespaces/));
  await expand(treeItem(page, new RegExp(`^Network namespace \\d+ of ${name}, \\d+ process`)));
  // The shell: the init of ours is no program that was executed.
  const row = treeItem(page, /^Process \d+ of \S+ in \S+: \S*sh$/).first();
  const pid = /\d+/.exec((await row.getAttribute('aria-label')) ?? '')?.[0];
  await chooseInMenu(page, row, 'Inspect Process…');
  await page.getByRole('tab', { name: `process-${pid}.json`, selected: true }).waitFor();
  assert.match(await editorText(), new RegExp(`"pid": ${pid}`));
  await chooseInMenu(page, row, 'Show Environment');
  await page.getByRole('tab', { name: `process-${pid}.env`, selected: true }).waitFor();
  assert.match(await editorText(), /^PATH=/m);
  await chooseInMenu(page, row, 'Show Open Files');
  await page.getByRole('tab', { name: `process-${pid}-files.txt`, selected: true }).waitFor();
  assert.match(await editorText(), /^FD +FLAGS/);
});

chapter('the container is compared with the machine', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Compare With…');
  const widget = page.locator('.quick-input-widget');
  await widget.getByRole('option', { name: /container, process \d+/ }).waitFor();
  await answerQuickInput(page, 'container, process');
  await widget.locator('.quick-input-title', { hasText: /Compare \S+ with/ }).waitFor();
  await widget
    .getByRole('option', { name: /This machine/ })
    .first()
    .waitFor();
  await answerQuickInput(page, 'This machine');
  const preview = await webviewFrame(page, /-host\.md/);
  await preview.getByRole('heading', { name: /and This machine/ }).waitFor();
  await preview.getByRole('heading', { name: 'Namespaces' }).waitFor();
  await preview.getByRole('cell', { name: 'network', exact: true }).waitFor();
  await preview.getByRole('cell', { name: 'no_new_privs', exact: true }).waitFor();
  await editor.screenshot('namespaces-comparison');
});

chapter('the container is inspected as one JSON document', async () => {
  const { page } = editor;
  await collapseView(page, 'Namespaces');
  await page.locator('.sidebar .pane-header', { hasText: 'Containers' }).click();
  const container = treeItem(page, /^Container \S+, running/);
  await chooseInMenu(page, container, 'Inspect as JSON');
  await page.getByRole('tab', { name: `${name}.json`, selected: true }).waitFor();
  const text = await editorText();
  for (const field of ['"ociVersion": "1.1.0"', '"status": "running"', `"name": "${name}"`]) {
    assert.ok(text.includes(field), `${field} in ${text}`);
  }
  await editor.screenshot('inspect-container');
});

chapter('a process shows what it uses of the CPU while one looks, and a signal ends it alone', async () => {
  const { page } = editor;
  await expand(treeItem(page, /^Container \S+, running/));
  await expand(treeItem(page, /^Processes of/));
  await typeInTerminal(page, "sh -c 'while :; do :; done' &\n");
  const row = treeItem(page, /^Process \d+ inside, \d+ on this machine: sh -c while/);
  await row.filter({ hasText: /[1-9]\d+ % CPU/ }).waitFor({ timeout: 60_000 });
  await editor.screenshot('processes-cpu');
  await chooseInMenu(page, row, 'Send Signal…');
  await answerQuickInput(page, 'SIGTERM');
  await row.waitFor({ state: 'detached' });
  await treeItem(page, /^Container \S+, running/).waitFor();
  await collapseView(page, 'Containers');
});

chapter('another one is created with its queues and this machine’s host name, and shows whose they are', async () => {
  const { page } = editor;
  const widget = page.locator('.quick-input-widget');
  const title = page.locator('.quick-input-title');
  await runCommand(page, 'Terrarium: Create Container with Choices');
  for (let step = 1; ; step++) {
    await title.filter({ hasText: `(${step}/` }).waitFor();
    if (await widget.getByPlaceholder('Which namespaces are not to be as usual?').isVisible()) break;
    await answerQuickInput(page);
    await title.filter({ hasText: `(${step + 1}/` }).waitFor();
  }
  for (const type of ['UTS', 'IPC']) {
    const row = widget.getByRole('checkbox', { name: new RegExp(`\\b${type}, `) });
    await row.waitFor();
    await row.click();
  }
  await editor.screenshot('namespaces-choice');
  await page.keyboard.press('Enter');
  await widget.getByPlaceholder('UTS: whose namespace?').waitFor();
  await answerQuickInput(page, "This Machine's");
  await widget.getByPlaceholder('IPC: whose namespace?').waitFor();
  await editor.screenshot('namespaces-whose');
  await answerQuickInput(page, name);
  // Until then the title is still that of the last question, and an answer would be one too many.
  await widget.getByPlaceholder('IPC: whose namespace?').waitFor({ state: 'hidden' });
  for (;;) {
    const position = await title.innerText();
    if (/\((\d+)\/\1\)/.test(position)) break;
    await answerQuickInput(page);
    await title.filter({ hasNotText: position }).waitFor();
  }
  await answerQuickInput(page, 'joiner');
  // A list draws only the lines that there is room for.
  await collapseView(page, 'Namespaces');
  await page.locator('.sidebar .pane-header', { hasText: 'Containers' }).click();
  const joiner = treeItem(page, /^Container joiner, running/);
  await joiner.waitFor({ timeout: 60_000 });
  await expand(joiner);
  await expand(treeItem(page, 'Namespaces of container joiner'));
  await treeItem(page, /^Namespace uts, the host's, /).waitFor();
  await treeItem(page, new RegExp(`^Namespace ipc, joined, with ${name}, `)).waitFor();
  await treeItem(page, /^Namespace pid, its own, /).waitFor();
  await editor.screenshot('namespaces-joined');
});
