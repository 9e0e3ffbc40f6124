/**
 * The files that the helper is a language server for. `terrarium.json` alone would be a name without a container's.
 * Of these schemes alone: what else an editor shows (a side of a diff, a file of a container) is not there to be launched.
 */
export const specificationFiles = ['file', 'untitled'].flatMap((scheme) => [
  { scheme, pattern: '**/*.terrarium.json' },
  { scheme, pattern: '**/*.seccomp.json' },
]);
