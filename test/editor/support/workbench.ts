import { setTimeout as delay } from 'node:timers/promises';
import type { Frame, Locator, Page } from 'playwright-core';
import { patienceMs } from './until.js';

/** Opens Terrarium's view container by its icon in the activity bar. */
export async function openTerrarium(page: Page): Promise<void> {
  const tab = page.locator('.activitybar').getByRole('tab', { name: /^Terrarium/ });
  await tab.waitFor({ timeout: 60_000 });
  if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
  await page.locator('.sidebar .composite.title', { hasText: /terrarium/i }).waitFor();
}

/** Opens the palette. While the workbench moves the focus, as after trust was given, a key may reach nobody. */
async function openPalette(page: Page): Promise<Locator> {
  const input = page.locator('.quick-input-widget input').first();
  for (const end = Date.now() + patienceMs; ; ) {
    await page.keyboard.press('F1');
    try {
      await input.waitFor({ timeout: 2000 });
      return input;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/** Runs a command by its title, as the palette shows it (`Terrarium: Run Container`). */
export async function runCommand(page: Page, title: string): Promise<void> {
  const option = page.getByRole('option', { name: title }).first();
  // It closes when something else takes the focus, as a page does that has just loaded; then it is opened again.
  for (const end = Date.now() + patienceMs; ; ) {
    const input = await openPalette(page);
    try {
      await input.fill(`>${title}`, { timeout: 3000 });
      await option.waitFor({ timeout: 3000 });
      break;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
  await option.click();
}

/** Answers the quick pick or input box that is open: picks the first entry when `text` is left out. */
export async function answerQuickInput(page: Page, text?: string): Promise<void> {
  const input = page.locator('.quick-input-widget input');
  await input.waitFor();
  if (text !== undefined) await input.fill(text);
  await page.keyboard.press('Enter');
}

/** A choice of a flow after which something is asked before the next step, by what the question says. */
export interface Digression {
  choice: string;
  question: string;
  answer: string;
}

/** Answers the questions of a flow one after another, waiting for each; undefined picks the first entry. */
export async function answerSteps(page: Page, answers: readonly (string | undefined | Digression)[]): Promise<void> {
  for (const [index, answer] of answers.entries()) {
    await page.locator('.quick-input-title', { hasText: `(${index + 1}/${answers.length})` }).waitFor();
    if (typeof answer !== 'object') {
      await answerQuickInput(page, answer);
      continue;
    }
    await answerQuickInput(page, answer.choice);
    await page.locator('.quick-input-message', { hasText: answer.question }).waitFor();
    await answerQuickInput(page, answer.answer);
  }
}

/** Opens a file of the workspace by its name, at a place when that is `name:line:column`. */
export async function openFile(page: Page, name: string): Promise<void> {
  const input = await openPalette(page);
  await input.fill(name);
  const [file = ''] = name.split(':');
  await page.locator('.quick-input-widget').getByRole('option', { name: file }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: file, selected: true }).waitFor();
}

/** A row of any tree in the side bar, by its accessible name. */
export const treeItem = (page: Page, name: string | RegExp): Locator =>
  page.locator('.sidebar').getByRole('treeitem', { name });

/** Opens a row's twistie, if it is closed. */
export async function expand(item: Locator): Promise<void> {
  if ((await item.getAttribute('aria-expanded')) === 'true') return;
  await item.click();
  await item.press('ArrowRight');
}

/** Closes a view of the side bar, if it is open, so that the others have room. */
export async function collapseView(page: Page, name: string): Promise<void> {
  const header = page.locator('.sidebar .pane-header', { hasText: name });
  if ((await header.getAttribute('aria-expanded')) === 'true') await header.locator('.title').click();
}

/** Closes a row, if it is open, so that what is below it comes into sight. */
export async function collapse(item: Locator): Promise<void> {
  if ((await item.getAttribute('aria-expanded')) === 'true') await item.click();
}

/** Chooses from the context menu of a row. */
export async function chooseInMenu(page: Page, row: Locator, item: string): Promise<void> {
  // Its accessible name goes on with the keys of the entry, where it has some.
  const entry = page.getByRole('menuitem', { name: new RegExp(`^${item}(?:[, ]+(?:Del|Delete|F2))?$`) });
  do await openMenu(page, row, entry, item);
  while (!(await choose(entry, item)));
}

async function openMenu(page: Page, row: Locator, entry: Locator, item: string): Promise<void> {
  for (const end = Date.now() + patienceMs; !(await entry.isVisible()); ) {
    if (Date.now() > end) throw new Error(`there is no menu with ${item}`);
    try {
      await row.click({ button: 'right', timeout: 5000 });
      await entry.waitFor({ timeout: 4000 });
    } catch (error) {
      if (!/Timeout/.test(String(error))) throw error;
      // One that was opened on what the row was before lacks the entry, and lets no click through.
      await page.keyboard.press('Escape');
    }
  }
}

/**
 * VS Code ignores clicks for half a second after it has opened a menu, so that the right button's release does not choose:
 * the click is repeated until the menu is gone. It goes without one when something else takes the focus at that moment, as a
 * page does that has just loaded: then the answer is false.
 */
async function choose(entry: Locator, item: string): Promise<boolean> {
  let clicked = false;
  for (const end = Date.now() + patienceMs; await entry.isVisible(); await delay(100)) {
    if (Date.now() > end) throw new Error(`the menu does not take ${item}`);
    try {
      await entry.click({ timeout: 1000 });
      clicked = true;
    } catch (error) {
      if (!/Timeout|detached/.test(String(error))) throw error;
      // Its log tells whether the menu went away by the click or before it.
      clicked ||= String(error).includes('performing click action');
    }
  }
  return clicked;
}

let lefts = 0;

/** Does what leads to another terminal than the one that shows, and waits until that one shows its prompt. */
export async function leadsToTerminal(page: Page, work: () => Promise<void>): Promise<void> {
  const mark = String(++lefts);
  await page.evaluate(`document.querySelector('.terminal-wrapper.active')?.setAttribute('data-left', '${mark}')`);
  await work();
  await page.locator(`.terminal-wrapper.active:not([data-left="${mark}"])`).waitFor();
  await waitForTerminal(page, /[#$] ?$/);
}

/**
 * Answers the editor's own dialog for files, which it has in a browser. It shows the folder that it begins in first, and
 * looks up what is typed: a button that is pressed meanwhile does nothing.
 * @param title  of the dialog
 * @param button  that takes what is typed
 */
export async function answerFileDialog(page: Page, title: string, file: string, button: string): Promise<void> {
  const dialog = page.locator('.quick-input-widget', { hasText: title });
  await dialog.getByRole('option', { name: '..' }).waitFor();
  const input = dialog.locator('input').first();
  const whileThere = (error: unknown) => {
    if (!/Timeout|detached/.test(String(error))) throw error;
  };
  for (const end = Date.now() + patienceMs; await dialog.isVisible(); ) {
    if (Date.now() > end) throw new Error(`${title} does not take ${file}`);
    if ((await input.inputValue({ timeout: 1000 }).catch(whileThere)) !== file)
      await input.fill(file, { timeout: 1000 }).catch(whileThere);
    await delay(300);
    if ((await input.inputValue({ timeout: 1000 }).catch(whileThere)) !== file) continue;
    await dialog.getByRole('button', { name: button }).click({ timeout: 1000 }).catch(whileThere);
    await dialog.waitFor({ state: 'hidden', timeout: 2000 }).catch(whileThere);
  }
}

/** A notification by its text; a driven browser without VS Code's test driver shows them as a person sees them. */
export const notification = (page: Page, text: string | RegExp): Locator =>
  page.locator('.notification-toast', { hasText: text });

/**
 * The frame with a webview's own document, by the webview's title.
 * @throws when it did not come up in time
 */
export async function webviewFrame(page: Page, title: string | RegExp, timeoutMs = patienceMs): Promise<Frame> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    for (const frame of page.frames()) if (await isWebview(frame, title)) return frame;
    if (Date.now() > end) throw new Error(`no webview with the title ${title}`);
    await delay(100);
  }
}

async function isWebview(frame: Frame, title: string | RegExp): Promise<boolean> {
  if (frame.parentFrame() === null) return false;
  try {
    const element = await frame.frameElement();
    if ((await element.getAttribute('id')) !== 'active-frame') return false;
    const own = (await element.getAttribute('title')) ?? '';
    return typeof title === 'string' ? own === title : title.test(own);
  } catch (error) {
    // A frame that is replaced meanwhile is looked for again.
    if (error instanceof Error && /detached|destroyed|closed|different document/.test(error.message)) return false;
    throw error;
  }
}

/** The whole buffer of the terminal that shows, with what has scrolled out of sight. */
export const terminalText = (page: Page): Promise<string> => page.evaluate<string>(readTerminal);

/** Runs in the page. VS Code hangs xterm.js's object on the element that wraps the terminal. */
const readTerminal = `(() => {
  const buffer = document.querySelector('.terminal-wrapper.active')?.xterm?.buffer.active;
  if (!buffer) return '';
  const row = (_, at) => buffer.getLine(at)?.translateToString(true) ?? '';
  return Array.from({ length: buffer.length }, row).join('\\n').trimEnd();
})()`;

/** Waits until the terminal shows something; answers with its whole text. */
export async function waitForTerminal(page: Page, pattern: RegExp, timeoutMs = patienceMs): Promise<string> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const text = await terminalText(page);
    if (pattern.test(text)) return text;
    if (Date.now() > end) throw new Error(`the terminal never showed ${pattern}: ${JSON.stringify(text)}`);
    await delay(100);
  }
}

/** Types into the terminal that shows; `\n` is the Enter key. */
export async function typeInTerminal(page: Page, text: string): Promise<void> {
  await page.locator('.terminal-wrapper.active .xterm').click();
  // The first keys go elsewhere until the terminal has the focus.
  await page.waitForFunction(`document.activeElement?.classList.contains('xterm-helper-textarea')`);
  await page.keyboard.type(text);
}
