// @ts-check
import * as path from 'node:path';

/**
 * What VS Code's `code` is called with to open a window with the extension of a checkout. Of root it wants a folder of
 * its own for its data and no sandbox, and says so.
 * @param {{checkout: string, cache: string, isRoot: boolean}} options
 */
export function codeArguments({ checkout, cache, isRoot }) {
  return [
    '--new-window',
    `--extensionDevelopmentPath=${checkout}`,
    ...(isRoot ? ['--no-sandbox', `--user-data-dir=${path.join(cache, 'code')}`] : []),
  ];
}
