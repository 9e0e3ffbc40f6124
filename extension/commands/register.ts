import { commands, type Disposable } from 'vscode';
import type { Notifier } from '../errors/notifier.js';

/**
 * What a command is called with: from a tree the item and the selection, from source control all selected lines one
 * after another, else whatever the caller gave.
 */
export type Handler = (first: unknown, selection: unknown, ...more: unknown[]) => Promise<void> | void;

/**
 * Registers commands by id, each with what it does in words: what it throws becomes one notification that begins
 * with them. Keybindings know no items: their `args` name a view, whose selection is meant; `selections` gives it.
 */
export function registerCommands(
  notifier: Notifier,
  table: Readonly<Record<string, { doing: string; run: Handler }>>,
  selections: Readonly<Record<string, () => readonly unknown[]>>,
): Disposable[] {
  return Object.entries(table).map(([id, { doing, run }]) =>
    commands.registerCommand(id, async (first: unknown, selection: unknown, ...more: unknown[]) => {
      try {
        const selected = typeof first === 'string' ? selections[first]?.() : undefined;
        await run(selected ? selected[0] : first, selected ?? selection, ...more);
      } catch (error) {
        notifier.show(error, doing);
      }
    }),
  );
}
