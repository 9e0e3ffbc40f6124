import type { CommandContext } from './context.js';
import { changingCommands } from './files/changing.js';
import { openingCommands } from './files/opening.js';
import type { Handler } from './register.js';

/** Commands on files in root file systems. */
export function fileCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  return { ...openingCommands(context), ...changingCommands(context) };
}
