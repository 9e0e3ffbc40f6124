import type { Frame, Page } from 'playwright-core';

const controls =
  'button|textbox|checkbox|combobox|listbox|link|radio|switch|progressbar|spinbutton|slider|searchbox|menuitem|tab';

/** What can be operated in a frame and has no name that a screen reader could say, as lines of its accessibility tree. */
export async function unnamedControls(frame: Frame): Promise<string[]> {
  const tree = await frame.locator('body').ariaSnapshot();
  return tree.split('\n').filter((line) => new RegExp(`^\\s*- (?:${controls})(?! ")`).test(line));
}

/** How many controls there are in all: a walk that finds none proves nothing. */
export async function countControls(frame: Frame): Promise<number> {
  const tree = await frame.locator('body').ariaSnapshot();
  return tree.split('\n').filter((line) => new RegExp(`^\\s*- (?:${controls})\\b`).test(line)).length;
}

/**
 * Presses Tab until the focus in the frame is on what has this name.
 * @throws when it has not come there after `most` presses
 */
export async function tabTo(page: Page, frame: Frame, name: RegExp, most = 120): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press('Tab');
    const focused = await frame.evaluate<string>(focusedName);
    if (name.test(focused)) return;
    seen.push(focused);
  }
  throw new Error(`Tab never reached ${name}: ${[...new Set(seen)].join(' | ')}`);
}

/** To be run in the page: the name of what has the focus, through the components' shadows. */
export const focusedName = `(() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent?.trim() ?? at?.textContent?.trim() ?? '';
})()`;
