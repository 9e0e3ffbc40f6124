import { chmodSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Editor, openEditor } from './editor.js';
import { openTerrarium } from './workbench.js';

/** How a story begins. */
export interface Opening {
  /** Name of a folder that is opened as workspace, made for this story; without, the window is empty. */
  workspace?: string;
  /** Puts into the workspace what the story needs. */
  prepare?: (workspace: string) => void;
  /** Whether the workspace is trusted, and Terrarium's views shown: so it is, unless that is what the story is about. */
  trusted?: boolean;
  settings?: Record<string, unknown>;
  /** Of the editor's server, beyond what it needs. */
  env?: () => Promise<NodeJS.ProcessEnv>;
  /** Why it cannot be told on this machine: all of it is skipped. */
  skip?: string | undefined;
}

export interface Story {
  /** Open while chapters run. */
  editor: Editor;
  chapter: (name: string, work: (t: TestContext) => Promise<void>) => void;
  /** Path of the workspace. */
  workspace: string;
}

/**
 * Opens an editor for tests that build on each other, in order: chapters of one story. A picture is taken where one fails,
 * and the chapters after it fail at once instead of waiting for what cannot come. To be called once in a file, before
 * its own hooks: what these need of the editor is there.
 */
export function beginStory(opening: Opening = {}): Story {
  const { skip, workspace: name, trusted = true } = opening;
  const workspace = path.join(process.env.TERRARIUM_EDITOR_HOMES ?? '', `${name}-workspace`);
  let opened: Editor | undefined;
  let broken: string | undefined;
  if (skip === undefined) {
    before(async () => {
      // node:test begins a file's own hook at once: what the opening needs may stand further down in the file.
      await setImmediate();
      if (name !== undefined) makePublic(workspace);
      opening.prepare?.(workspace);
      opened = await openEditor({
        ...(name === undefined ? {} : { folder: workspace }),
        settings: { ...(trusted ? { 'security.workspace.trust.enabled': false } : {}), ...opening.settings },
        ...(opening.env && { env: await opening.env() }),
      });
      if (trusted) await openTerrarium(opened.page);
    });
    after(() => opened?.close());
  }
  const editor = openedLater(() => opened);
  return {
    editor,
    workspace,
    chapter: (title, work) => {
      test(title, { ...(skip !== undefined && { skip }) }, async (t) => {
        if (broken !== undefined) throw new Error(`the story broke at: ${broken}`);
        try {
          await work(t);
        } catch (error) {
          broken = title;
          await editor.screenshot(`failed-${title.replace(/\W+/g, '-').slice(0, 40)}`);
          throw error;
        }
      });
    },
  };
}

/** The test writes there and the editor's user, who is somebody else when root tests. */
function makePublic(folder: string): void {
  mkdirSync(folder);
  chmodSync(folder, 0o777);
}

/** An editor that is named before it is open. */
function openedLater(find: () => Editor | undefined): Editor {
  const opened = (): Editor => {
    const editor = find();
    if (editor === undefined) throw new Error('the editor is not open: the story has not begun');
    return editor;
  };
  return {
    get page() {
      return opened().page;
    },
    get server() {
      return opened().server;
    },
    get home() {
      return opened().home;
    },
    reload: () => opened().reload(),
    screenshot: (name) => opened().screenshot(name),
    close: () => opened().close(),
  };
}
