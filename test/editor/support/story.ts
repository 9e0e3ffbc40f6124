import { type TestContext, test } from 'node:test';
import type { Editor } from './editor.js';

/**
 * Tests that build on each other, in order: chapters of one story. A picture is taken where one fails, and the chapters
 * after it fail at once instead of waiting for what cannot come.
 */
export function tellStory(editor: () => Editor): (name: string, work: (t: TestContext) => Promise<void>) => void {
  let broken: string | undefined;
  return (name, work) => {
    test(name, async (t) => {
      if (broken !== undefined) throw new Error(`the story broke at: ${broken}`);
      try {
        await work(t);
      } catch (error) {
        broken = name;
        await editor().screenshot(`failed-${name.replace(/\W+/g, '-').slice(0, 40)}`);
        throw error;
      }
    });
  };
}
