import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { terrariumIn } from './support/command.js';
import { beginStory } from './support/story.js';
import {
  answerFileDialog,
  answerQuickInput,
  chooseInMenu,
  expand,
  leadsToTerminal,
  notification,
  openTerrarium,
  runCommand,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Files of a container: seen, changed, compared and put back, in the order of one sitting. */
const home = process.env.TERRARIUM_EDITOR_HOMES ?? '';
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
const { editor, chapter, workspace } = beginStory({
  workspace: 'explorer',
  prepare: (folder) => {
    writeFileSync(path.join(folder, 'letter.txt'), 'from the workspace\n');
    makeArchive(path.join(folder, 'glass.tar'));
  },
  skip: busybox === undefined ? 'no busybox on this machine to make a root file system of' : undefined,
});

const file = (name: string) => treeItem(editor.page, new RegExp(`^File ${name},`));
const folder = (name: string) => treeItem(editor.page, new RegExp(`^Folder ${name},`));
/** Opens or closes one of the views of the side bar. */
const togglePane = (name: string) => editor.page.locator('.sidebar .pane-header', { hasText: name }).click();
const modal = (text: RegExp) => editor.page.getByRole('dialog').filter({ hasText: text });
const tab = (name: string) => editor.page.locator('.tab.active', { hasText: name });
/** A line of the source control view. */
const changed = (name: string, folder: string) =>
  editor.page.locator('.scm-view').getByRole('treeitem', { name: new RegExp(`^${name}, .*/${folder}$`) });
const editorText = () => editor.page.locator('.editor-group-container.active .view-lines').last();

/** A root with a shell, accounts, links, a FIFO, and a folder with more entries than are drawn at once. */
function makeArchive(archive: string): void {
  const tree = path.join(home, 'explorer-root');
  for (const name of ['bin', 'etc', 'many', 'usr/lib', 'srv', 'proc', 'sys', 'dev', 'tmp', 'run']) {
    mkdirSync(path.join(tree, name), { recursive: true });
  }
  cpSync(busybox ?? '', path.join(tree, 'bin/busybox'), { dereference: true });
  for (const applet of ['sh', 'ls', 'cat', 'stat', 'mkdir']) symlinkSync('busybox', path.join(tree, 'bin', applet));
  symlinkSync('usr/lib', path.join(tree, 'lib'));
  writeFileSync(path.join(tree, 'usr/lib/library.txt'), 'in a folder behind a link\n');
  writeFileSync(path.join(tree, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(path.join(tree, 'etc/group'), 'root:x:0:\n');
  writeFileSync(path.join(tree, 'etc/motd'), 'the glass is clean\n');
  writeFileSync(path.join(tree, 'etc/retired'), 'no longer needed\n');
  for (let number = 0; number < 1500; number++) writeFileSync(path.join(tree, `many/entry-${number}`), '');
  execFileSync('mkfifo', [path.join(tree, 'srv/fifo')]);
  execFileSync('tar', ['--owner=0', '--group=0', '--numeric-owner', '-cf', archive, '-C', tree, '.']);
}

const terrarium = (...args: string[]): string => terrariumIn(editor.home, args);

chapter('the files of an image are shown, and it says that they cannot be changed', async () => {
  const { page } = editor;
  // Rows that are out of sight are not drawn.
  await page.setViewportSize({ width: 1280, height: 1100 });
  terrarium('import', path.join(workspace, 'glass.tar'), '--name', 'glass');
  const image = treeItem(page, /^Image glass/);
  await image.waitFor({ timeout: 60_000 });
  await togglePane('Containers');
  await image.click();
  await page.locator('.sidebar').getByText('Images do not change.').waitFor();
  await expand(folder('etc'));
  await file('motd').waitFor();
  assert.match((await file('motd').getAttribute('aria-label')) ?? '', /19 B, mode -rw-r--r--, owner root/);
  await editor.screenshot('files-image');
});

chapter('a link to a folder is opened like one, and a folder with many entries comes in pages', async () => {
  const { page } = editor;
  await expand(treeItem(page, /^Link lib, to usr\/lib/));
  await file('library.txt').waitFor();
  await treeItem(page, /^Link lib, to usr\/lib/).press('ArrowLeft');
  await expand(folder('many'));
  await file('entry-0').waitFor();
  await folder('many').press('End');
  await treeItem(page, /^500 more entries/).click();
  await treeItem(page, /^500 more entries/).waitFor({ state: 'detached' });
  await runCommand(page, 'Terrarium: Go to Path…');
  await answerPath('/many/entry-1400');
  await file('entry-1400').waitFor();
  await tab('entry-1400').waitFor();
  await runCommand(page, 'View: Close All Editors');
  await runCommand(page, 'Terrarium: Go to Path…');
  await answerPath('/etc/motd');
  await tab('motd').waitFor();
  await runCommand(page, 'View: Close All Editors');
});

chapter('the files of a container follow its selection', async () => {
  const { page } = editor;
  await togglePane('Containers');
  const image = treeItem(page, /^Image glass/);
  await image.hover();
  await image.getByRole('button', { name: 'Launch' }).click();
  await treeItem(page, /^Container \S+, running, root glass/).waitFor({ timeout: 30_000 });
  await togglePane('Images');
  await waitForTerminal(page, /[#$] ?$/);
  await treeItem(page, /^Container \S+, running, root glass/).click();
  await page
    .locator('.pane-header', { hasText: /Root File System/i })
    .getByText('running')
    .waitFor();
  await folder('etc').waitFor();
  await editor.screenshot('files-container');
});

chapter('a file is edited in the editor and read in the terminal', async () => {
  const { page } = editor;
  await expand(folder('etc'));
  await file('motd').dblclick();
  await editorText().getByText('the glass is clean').waitFor();
  await editorText().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('edited in the editor\n');
  await page.keyboard.press('Control+s');
  await page.locator('.tab.active.dirty').waitFor({ state: 'detached' });
  await typeInTerminal(page, 'cat /etc/motd; stat -c "%a %u:%g" /etc/motd\n');
  const text = await waitForTerminal(page, /644 0:0/);
  assert.match(text, /edited in the editor\s+the glass is clean/);
});

chapter('what is written inside is seen in the tree without a refresh', async () => {
  const { page } = editor;
  await typeInTerminal(page, 'echo hello > /etc/from-inside\n');
  await file('from-inside').waitFor();
});

chapter('it is renamed by F2, its mode is changed, and it is deleted, by the keyboard alone', async () => {
  const { page } = editor;
  await file('from-inside').click();
  // A click shows the file and leaves the focus in the tree.
  await tab('from-inside').waitFor();
  await page.keyboard.press('F2');
  await answerQuickInput(page, 'renamed');
  await page.getByRole('treeitem', { name: /^File renamed,/, selected: true }).waitFor();
  await file('from-inside').waitFor({ state: 'detached' });
  await runCommand(page, 'Terrarium: Change Mode…');
  await page.locator('.quick-input-widget input').fill('u+x,go-r');
  await page.locator('.quick-input-widget', { hasText: '-rwx------' }).waitFor();
  await editor.screenshot('files-mode');
  await page.keyboard.press('Enter');
  await treeItem(page, /^File renamed, .*mode -rwx------/).waitFor();
  await typeInTerminal(page, 'stat -c "mode %a" /etc/renamed\n');
  await waitForTerminal(page, /mode 700/);
  await file('renamed').click();
  await runCommand(page, 'Terrarium: Set Capabilities…');
  await page.locator('.quick-input-widget input').fill('cap_net_bind_service=ep');
  await page.locator('.quick-input-widget', { hasText: 'Listen on ports below 1024' }).waitFor();
  await editor.screenshot('files-capabilities');
  await page.keyboard.press('Enter');
  await treeItem(page, /^File renamed, .*capabilities/).waitFor();
  const label = (await treeItem(page, /^Container \S+, running, root glass/).getAttribute('aria-label')) ?? '';
  const [, container = ''] = /^Container (\S+),/.exec(label) ?? [];
  assert.equal(terrarium('caps', 'get', `${container}:/etc/renamed`).trim(), 'cap_net_bind_service=ep');
  await file('renamed').click();
  await runCommand(page, 'Terrarium: Show Capabilities');
  await notification(page, /renamed: cap_net_bind_service=ep.*no_new_privs is on: they give nothing/).waitFor();
  await editor.screenshot('files-show-capabilities');
  await file('renamed').click();
  await page.keyboard.press('Delete');
  await modal(/Delete renamed\?/).waitFor();
  await page.keyboard.press('Enter');
  await file('renamed').waitFor({ state: 'detached' });
  await typeInTerminal(page, 'ls /etc/renamed; echo "gone $?"\n');
  await waitForTerminal(page, /gone [12]/);
});

chapter('a file is made, copied by keys, and one of the image is deleted', async () => {
  const { page } = editor;
  await folder('srv').click();
  await runCommand(page, 'Terrarium: New File…');
  await answerQuickInput(page, 'made.txt');
  await file('made.txt').waitFor();
  await file('motd').click();
  await page.keyboard.press('Control+c');
  await folder('srv').click();
  await page.keyboard.press('Control+v');
  await page
    .getByRole('treeitem', { name: /^File motd,/ })
    .nth(1)
    .waitFor();
  await file('retired').click();
  await page.keyboard.press('Delete');
  await modal(/Delete retired\?/).waitFor();
  await page.keyboard.press('Enter');
  await file('retired').waitFor({ state: 'detached' });
});

chapter('a file of the workspace is uploaded', async () => {
  const { page } = editor;
  await folder('srv').click();
  await runCommand(page, 'Terrarium: Upload…');
  await answerFileDialog(page, 'Upload to /srv', path.join(workspace, 'letter.txt'), 'Upload');
  await file('letter.txt').waitFor();
  await typeInTerminal(page, 'cat /srv/letter.txt; stat -c "owner %u" /srv/letter.txt\n');
  assert.match(await waitForTerminal(page, /owner 0/), /from the workspace/);
});

chapter('a file is downloaded', async () => {
  const { page } = editor;
  await file('made.txt').click();
  await runCommand(page, 'Terrarium: Download…');
  await answerFileDialog(page, 'Download made.txt', `${workspace}/`, 'Download');
  await page.locator('.statusbar', { hasText: 'Downloaded 1 file' }).waitFor();
  assert.equal(readFileSync(path.join(workspace, 'made.txt'), 'utf8'), '');
});

chapter('a file is copied by dropping it on a folder, after a question', async () => {
  await file('letter.txt').dragTo(folder('tmp'));
  await modal(/Move or copy letter.txt to \/tmp/)
    .getByRole('button', { name: 'Copy' })
    .click();
  await expand(folder('tmp'));
  await file('letter.txt').nth(1).waitFor();
});

chapter('a path is gone to, and text is found', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Go to Path…');
  await answerPath('/etc/passwd');
  await editorText().getByText('root:x:0:0').waitFor();
  await folder('etc').click();
  await runCommand(page, 'Terrarium: Search in Files…');
  await answerQuickInput(page, 'glass is');
  const hit = page.locator('.quick-input-widget').getByRole('option', { name: /the glass is clean/ });
  await hit.waitFor();
  await editor.screenshot('files-search');
  await page.keyboard.press('Enter');
  await tab('motd').waitFor();
});

chapter('a terminal is opened in a folder', async () => {
  const { page } = editor;
  await leadsToTerminal(page, () => chooseInMenu(page, folder('srv'), 'Open Terminal Here'));
  await typeInTerminal(page, 'pwd\n');
  await waitForTerminal(page, /^\/srv$/m);
});

chapter('what the container changed is listed as source control, with letters in the tree', async () => {
  const { page } = editor;
  await chooseInMenu(page, treeItem(page, /^Container \S+, running/), 'Show Changes');
  await changed('motd', 'etc').waitFor();
  await changed('retired', 'etc').waitFor();
  await changed('letter.txt', 'srv').waitFor();
  await editor.screenshot('changes-list');
  await changed('motd', 'etc').click();
  await page.locator('.diff-editor, .monaco-diff-editor').waitFor();
  await page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
  await editor.screenshot('changes-diff');
  await openTerrarium(page);
  // Closed since the search; the letter is drawn, its meaning is in the label.
  await expand(folder('etc'));
  await file('motd').first().locator('[aria-label*="Modified: content"]').waitFor();
  await editor.screenshot('files-changes');
  await openViews('Source Control');
});

chapter('one change is reverted', async () => {
  const { page } = editor;
  const row = changed('motd', 'etc');
  await row.hover();
  await row.getByRole('button', { name: 'Revert…' }).click();
  await modal(/Revert .*motd/)
    .getByRole('button', { name: 'Revert' })
    .click();
  await row.waitFor({ state: 'detached' });
  await typeInTerminal(page, 'cat /etc/motd; echo "back"\n');
  const text = await waitForTerminal(page, /back\s/);
  assert.match(text, /the glass is clean/);
  assert.doesNotMatch(text.slice(text.lastIndexOf('cat /etc/motd')), /edited in the editor/);
});

chapter('all changes are reverted, and the list goes with its container', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Revert All…');
  await modal(/Revert \d+ changes/)
    .getByRole('button', { name: 'Revert' })
    .click();
  await changed('retired', 'etc').waitFor({ state: 'detached' });
  await typeInTerminal(page, 'cat /etc/retired; ls /srv; echo "all back"\n');
  const text = await waitForTerminal(page, /all back\s/);
  assert.match(text.slice(text.lastIndexOf('cat /etc/retired')), /no longer needed/);
  assert.doesNotMatch(text.slice(text.lastIndexOf('ls /srv')), /letter/);
  await openTerrarium(page);
  await expand(folder('etc'));
  await file('retired').waitFor();
});

chapter('it is readable in a dark theme, too', async () => {
  const { page } = editor;
  await runCommand(page, 'Preferences: Toggle between Light/Dark Themes');
  await page.locator('.monaco-workbench.vs-dark').waitFor();
  await editor.screenshot('files-dark');
});

chapter(
  'a folder of it is a folder of the workspace as long as it is there, without setting up the window',
  async () => {
    const { page } = editor;
    const label = await treeItem(page, /^Container \S+, running/).getAttribute('aria-label');
    const name = /^Container (\S+),/.exec(label ?? '')?.[1] ?? '';
    terrarium('exec', name, '--', 'sh', '-c', 'mkdir /etc/.vscode && echo {} > /etc/.vscode/settings.json');
    await folder('.vscode').waitFor();
    const loaded = page.waitForEvent('load', { timeout: 60_000 });
    await chooseInMenu(page, folder('etc'), 'Add to Workspace as Folder');
    // The second folder makes it a workspace of several, for which the window is loaded anew.
    await loaded;
    await page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
    await openViews('Explorer');
    const added = treeItem(page, `${name}:/etc`);
    await added.waitFor().catch(async (error: unknown) => {
      if (!/Timeout/.test(String(error))) throw error;
      // A busy editor may show a workspace that it has just made without its folders, and start no extension for them.
      await editor.reload();
      await openViews('Explorer');
      await added.waitFor({ timeout: 60_000 });
    });
    await expand(added);
    // The window has a new extension host and a new helper: the first of them to be asked is this folder.
    await treeItem(page, /^motd/).waitFor({ timeout: 60_000 });
    assert.equal(await treeItem(page, /vscode/).count(), 0);
    await editor.screenshot('files-workspace');
    terrarium('rm', '-f', name);
    await added.waitFor({ state: 'detached' });
  },
);

/** Opens views of the editor's own by their icon, which would close them when they are open. */
async function openViews(name: string): Promise<void> {
  const tab = editor.page.locator('.activitybar').getByRole('tab', { name: new RegExp(`^${name}`) });
  await tab.waitFor();
  if ((await tab.getAttribute('aria-expanded')) !== 'true') await tab.click();
}

async function answerPath(text: string): Promise<void> {
  const { page } = editor;
  const input = page.locator('.quick-input-widget input');
  await input.waitFor();
  await input.fill(text);
  const name = text.slice(text.lastIndexOf('/') + 1);
  await page
    .locator('.quick-input-widget')
    .getByRole('option', { name: new RegExp(`^${name}`) })
    .first()
    .waitFor();
  await page.keyboard.press('Enter');
}
