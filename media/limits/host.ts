import * as z from 'zod/mini';
import type { MessageFromForm } from '../../extension/limits/messages.js';
import { limitTarget } from '../../extension/limits/target.js';

declare function acquireVsCodeApi(): {
  postMessage(message: MessageFromForm): void;
  getState(): unknown;
  setState(state: SavedState): void;
};

// The policy of the page forbids eval, which the validator would otherwise try for speed.
z.config({ jitless: true });

/** Survives hiding the panel (the page is then thrown away) and a reload of the window. */
const savedState = z.object({
  target: limitTarget,
  drafts: z.record(z.string(), z.string()),
  /** What the person opened and closed, by section. */
  opened: z.record(z.string(), z.boolean()),
  asTable: z.boolean(),
});
export type SavedState = z.infer<typeof savedState>;

// The editor gives it once for each page.
const host = acquireVsCodeApi();

/** Tells the extension something. */
export const post = (message: MessageFromForm): void => host.postMessage(message);

/** What the page before this one saved, if there was one. */
export function loadState(): SavedState | undefined {
  const saved = savedState.safeParse(host.getState());
  return saved.success ? saved.data : undefined;
}

export const saveState = (state: SavedState): void => host.setState(state);
