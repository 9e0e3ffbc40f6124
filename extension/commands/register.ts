import { commands, type Disposable } from 'vscode';
import type { Notifier } from '../errors/notifier.js';

/** What a command is called with: from a tree the item and the selection, else whatever the caller gave. */
export type Handler = (first: unknown, selection: unknown) => Promise<void> | void;

/**
 * Registers commands by id, each with what it does in words: what it throws becomes one notification that begins
 * with them. `selected` gives the selection of the tree, for commands run by a key.
 */
export function registerCommands(
  notifier: Notifier,
  table: Readonly<Record<string, { doing: string; run: Handler }>>,
  selected: () => readonly unknown[],
): Disposable[] {
  return Object.entries(table).map(([id, { doing, run }]) =>
    commands.registerCommand(id, async (first: unknown, selection: unknown) => {
      try {
        // Keybindings know no items: `"args": "selection"` stands for what is selected in the tree.
        const [item, items] = first === 'selection' ? [selected()[0], selected()] : [first, selection];
        await run(item, items);
      } catch (error) {
        notifier.show(error, doing);
      }
    }),
  );
}
