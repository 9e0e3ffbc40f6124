import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beginStory } from './support/story.js';
import { patienceMs } from './support/until.js';
import { notification, openFile, openTerrarium, runCommand, treeItem, waitForTerminal } from './support/workbench.js';

/** A specification file that somebody else wrote: help while it is read, and nothing started before it is trusted. */
const specification = {
  name: 'from-file',
  args: ['/bin/sh'],
  terminal: true,
  mounts: [{ destination: '/work', source: '.', options: ['rbind', 'ro'] }],
};
const files: Record<string, string> = {
  'other.jsonc': '// A comment\n{ "name": "no container" }\n',
  'web.terrarium.json': `// Ours\n${JSON.stringify(specification, undefined, 2)}\n`,
  'wrong.terrarium.json': '{\n  "user": "nosuch-user",\n  "capabilities": { "add": [""] }\n}\n',
  '.vscode/tasks.json': JSON.stringify({
    version: '2.0.0',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of VS Code
    tasks: [{ label: 'sneaky', type: 'shell', command: 'echo ${command:terrarium.launchSpecification}' }],
  }),
};

const { editor, chapter, workspace } = beginStory({
  workspace: 'specification',
  prepare: (folder) => {
    mkdirSync(path.join(folder, '.vscode'));
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  },
  trusted: false,
});

/** Containers that there are, running or not. */
function containers(): string[] {
  const made = `${editor.home}/.local/share/terrarium/containers`;
  return existsSync(made) ? readdirSync(made) : [];
}

/** Helpers that this editor has started. */
function helpers(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return commandLine.includes('dist/helper.cjs') && commandLine.includes(editor.home);
    } catch (error) {
      if (/ENOENT|ESRCH/.test(String(error))) return false;
      throw error;
    }
  });
}

const lens = () => editor.page.locator('.codelens-decoration').getByText('Launch');

/** Nothing was started, and somebody was told why. */
async function refused(): Promise<void> {
  const { page } = editor;
  await notification(page, 'not trusted launch no containers').waitFor();
  await runCommand(page, 'Notifications: Clear All Notifications');
  await notification(page, 'not trusted').waitFor({ state: 'detached' });
  assert.deepEqual(containers(), []);
}

chapter('JSON of another name starts no helper, a specification does', async () => {
  await openFile(editor.page, 'other.jsonc');
  await editor.page.locator('.view-line', { hasText: 'no container' }).waitFor();
  await delay(3000);
  assert.deepEqual(helpers(), []);
  await openFile(editor.page, 'web.terrarium.json');
  await lens().waitFor({ timeout: 60_000 });
  assert.equal(helpers().length, 1);
});

chapter('in a workspace that is not trusted the lens starts nothing and says so', async () => {
  await lens().click();
  await refused();
});

chapter('neither does the palette, nor the button above the editor', async () => {
  const { page } = editor;
  await runCommand(page, 'Terrarium: Launch This Specification');
  await refused();
  await page.locator('.editor-actions').getByRole('button', { name: 'Launch This Specification' }).click();
  await refused();
});

chapter('nor a task of the workspace: the editor wants trust for those', async () => {
  const { page } = editor;
  await runCommand(page, 'Tasks: Run Task');
  const dialog = page.getByRole('dialog').filter({ hasText: /trust/i });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  assert.deepEqual(containers(), []);
});

chapter('what a launch would refuse is underlined, and words are offered once each', async () => {
  const { page } = editor;
  await openFile(page, 'wrong.terrarium.json');
  await page.locator('.squiggly-error').first().waitFor();
  await runCommand(page, 'Problems: Focus on Problems View');
  await page.getByRole('treeitem', { name: /There is no user "nosuch-user"/ }).waitFor();
  await openFile(page, 'wrong.terrarium.json:3:30');
  await runCommand(page, 'Trigger Suggest');
  const offered = page.locator('.suggest-widget .monaco-list-row');
  await offered.filter({ hasText: 'CAP_AUDIT_CONTROL' }).waitFor();
  const labels = await offered.evaluateAll((rows: { getAttribute(name: string): string | null }[]) =>
    rows.map((row) => row.getAttribute('aria-label')?.split(',')[0] ?? ''),
  );
  assert.ok(labels.length > 5, labels.join());
  assert.equal(new Set(labels).size, labels.length, `offered twice: ${labels}`);
  await editor.screenshot('specification');
  await page.keyboard.press('Escape');
  await runCommand(page, 'View: Close All Editors');
});

chapter('once it is trusted, what it reaches is shown and agreed to, and then it runs', async () => {
  const { page } = editor;
  await runCommand(page, 'Workspaces: Manage Workspace Trust');
  await page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
  await openFile(page, 'web.terrarium.json');
  const dialog = page.getByRole('dialog').filter({ hasText: 'reaches outside of its container' });
  await lens().waitFor({ timeout: 60_000 });
  // A click that meets the lens while its line is still moving is lost.
  for (const end = Date.now() + patienceMs; !(await dialog.isVisible()); await delay(1000)) {
    assert.ok(Date.now() < end, 'the lens asks nothing');
    await lens().click();
  }
  assert.match((await dialog.textContent()) ?? '', new RegExp(`${workspace}, to read, as /work`));
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(containers(), []);
  await lens().click();
  await dialog.getByRole('button', { name: 'Launch' }).click();
  await waitForTerminal(page, /[#$] *$/, 30_000);
  await openTerrarium(page);
  await treeItem(page, /^Container from-file, running/).waitFor();
  assert.equal(containers().length, 1);
});
