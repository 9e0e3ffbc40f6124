/** What a grammar finds wrong with a value, as it is told to a person: each thing once, where it is. Pure. */
import type { ZodError } from 'zod';
import type { Path } from './document.js';
import type { Misgiving } from './problems.js';

type Issue = ZodError['issues'][number];

/** The misgivings that an issue of zod stands for. */
export function misgivingsOf(issue: Issue, above: Path = []): Misgiving[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const problem = (message: string, key?: string): Misgiving => ({
    path,
    severity: 'error',
    message,
    ...(key === undefined ? {} : { key }),
  });
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => problem(`There is no field "${key}" here`, key));
  // The name is what is wrong; the issue inside says how.
  if (issue.code === 'invalid_key') {
    const key = path.at(-1);
    const how = issue.issues.map(({ message }) => message).join('; ');
    return [{ path: path.slice(0, -1), key: String(key), severity: 'error', message: how }];
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Meant is the alternative that the value fits until somewhere inside it; of several the one with the fewest strange fields.
    const [meant] = issue.errors
      .filter((issues) => issues.some((one) => one.path.length > 0 || hasKeys(one)))
      .sort((one, other) => strangeFields(one) - strangeFields(other));
    if (meant !== undefined) return meant.flatMap((one) => misgivingsOf(one as Issue, path));
    return [problem(issue.errors.flatMap((issues) => issues.map(({ message }) => message)).join('; or '))];
  }
  return [problem(issue.message)];
}

const hasKeys = (issue: { code?: string | undefined }): boolean => issue.code === 'unrecognized_keys';

/** Fields of the value that the alternative has not, at its top. */
function strangeFields(
  issues: readonly { code?: string | undefined; path: readonly unknown[]; keys?: unknown }[],
): number {
  return issues.reduce(
    (sum, issue) =>
      sum + (hasKeys(issue) && issue.path.length === 0 && Array.isArray(issue.keys) ? issue.keys.length : 0),
    0,
  );
}
