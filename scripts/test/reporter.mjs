// A node:test reporter that a machine reads: one line of JSON per leaf test, behind a mark that tells it from what
// tests print. The same lines come from this process, from another user's and from inside a virtual machine.
import { basename } from 'node:path';

export const resultMark = '\u0001result ';

/**
 * One finished leaf test, or a failure that belongs to no leaf (a hook, a file that ran nothing).
 * @typedef {object} Result
 * @property {string} name  Names of the suites around it and its own, joined by ` › `.
 * @property {'passed' | 'failed' | 'skipped'} outcome
 * @property {string} [file]  Absolute path of the test file.
 * @property {number} [ms]
 * @property {string} [reason]  Of a skip.
 * @property {string} [error]  Stack, or message, with expected and actual.
 */

/** Text of a failure: what the test threw, not the runner's wrapper around it. */
function describe(error) {
  const thrown = error?.code === 'ERR_TEST_FAILURE' && error.cause !== undefined ? error.cause : error;
  if (!(thrown instanceof Error)) return String(thrown?.message ?? thrown);
  const causes = thrown.cause === undefined ? '' : `\ncause: ${describe(thrown.cause)}`;
  return `${thrown.stack ?? thrown.message}${causes}`;
}

/** Turns node:test's events into results. `children[n]` counts what ended at nesting n since its parent began. */
function resultOf(type, data, names, children) {
  const { nesting, name, details, file } = data;
  const leaf = (children[nesting + 1] ?? 0) === 0 && details.type !== 'suite';
  children[nesting + 1] = 0;
  children[nesting] = (children[nesting] ?? 0) + 1;
  const full = [...names.slice(0, nesting), name].join(' › ');
  const ms = details.duration_ms;
  const failed = (error) => ({ name: full, outcome: 'failed', file, ms, error });

  // A file is reported as a test of its own only when it ran none, or ended badly outside of them.
  const isFile = nesting === 0 && file !== undefined && basename(name) === basename(file);
  if (type === 'test:fail') {
    if (data.todo !== undefined && data.todo !== false) return failed('marked as to be done');
    // A parent fails with its children: they have been counted.
    if (details.error?.failureType === 'subtestsFailed') return undefined;
    return failed(describe(details.error));
  }
  if (isFile) return failed('the file ran no test');
  if (!leaf) return undefined;
  if (data.todo !== undefined && data.todo !== false) return failed('marked as to be done');
  if (data.skip !== undefined && data.skip !== false) {
    const reason = typeof data.skip === 'string' ? data.skip.trim() : '';
    return reason === '' ? failed('skipped without a reason') : { name: full, outcome: 'skipped', file, reason };
  }
  return { name: full, outcome: 'passed', file, ms };
}

export default async function* reporter(source) {
  const names = [];
  const children = [];
  for await (const { type, data } of source) {
    switch (type) {
      case 'test:start':
        names[data.nesting] = data.name;
        break;
      case 'test:pass':
      case 'test:fail': {
        const result = resultOf(type, data, names, children);
        if (result) yield `${resultMark}${JSON.stringify(result)}\n`;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield data.message;
        break;
    }
  }
}
