import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Editor, openEditor } from './support/editor.js';
import { openTerrarium } from './support/workbench.js';

let editor: Editor;
before(async () => {
  editor = await openEditor();
});
after(() => editor?.close());

test('the packaged extension adds its view container, with one obvious first action', async () => {
  await openTerrarium(editor.page);
  const welcome = editor.page.locator('.sidebar .pane', { hasText: 'Containers' }).locator('.welcome-view-content');
  await welcome.first().waitFor({ timeout: 60_000 });
  await editor.screenshot('welcome');
  assert.deepEqual(await welcome.first().locator('.monaco-button').allInnerTexts(), ['Launch Container']);
});
