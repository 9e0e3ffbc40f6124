// A second try for test files that depend on more than what is tested, such as which window of a browser has the focus, or
// what else a small machine does. The second one decides; the first is told at the end of the output all the same.
/** So many files of a suite may fail for such a reason: when it is more, that is none. */
const accidents = 2;

/** Whether a result is of a file. */
export const isOf = (result, file) => result.file?.endsWith(`/${file}`) ?? false;

/**
 * Which files are worth a second try: none when they are too many, or when it is not known which ones failed.
 * @param {import('./reporter.mjs').Result[]} results
 * @param {string} ended  Empty when it ended well.
 */
export function filesToRepeat(files, results, ended) {
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  if (ended === '' && failures.length === 0 && results.length > 0) return [];
  // Of one file it is clear which one failed, whatever it said.
  if (files.length === 1) return files;
  const failed = files.filter((file) => failures.some((failure) => isOf(failure, file)));
  const areAllKnown = failures.every((failure) => failed.some((file) => isOf(failure, file)));
  return areAllKnown && failed.length <= accidents ? failed : [];
}
