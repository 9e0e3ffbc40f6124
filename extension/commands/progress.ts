import { window } from 'vscode';

/** Runs something short with the progress bar of a view, of that of containers if no other is named; nothing pops up. */
export function inView<T>(work: () => Promise<T>, viewId = 'terrarium.containers'): Promise<T> {
  return Promise.resolve(window.withProgress({ location: { viewId } }, work));
}
