import assert from 'node:assert/strict';
import { beginStory } from './support/story.js';

/** What somebody sees who has just installed it. */
const { editor, chapter } = beginStory();

chapter('the packaged extension adds its view container, with one obvious first action', async () => {
  const welcome = editor.page.locator('.sidebar .pane', { hasText: 'Containers' }).locator('.welcome-view-content');
  await welcome.first().waitFor({ timeout: 60_000 });
  await editor.screenshot('welcome');
  assert.deepEqual(await welcome.first().locator('.monaco-button').allInnerTexts(), ['Launch Container']);
});
