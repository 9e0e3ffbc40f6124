import { window } from 'vscode';

/** Runs something short with the progress bar of the view of containers; nothing pops up. */
export function inView<T>(work: () => Promise<T>): Promise<T> {
  return Promise.resolve(window.withProgress({ location: { viewId: 'terrarium.containers' } }, work));
}
