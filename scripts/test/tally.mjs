// Counts results of all suites, prints them as they come and sums them up in one last line.
import { resultMark } from './reporter.mjs';

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
/** The whole error stands where the test ran. */
const brief = (error) => (error.length > 900 ? `${error.slice(0, 900)} …` : error);
const indent = (text) => text.replace(/^/gm, '      ');

/** The result that a line of output holds, if it is one: a test that printed no end of line may stand before it. */
export function resultIn(line) {
  const at = line.indexOf(resultMark);
  return at < 0 ? undefined : JSON.parse(line.slice(at + resultMark.length));
}

/**
 * A count over suites.
 * @param {RegExp[] | undefined} allowedSkips  When given, a skip that none of them matches (as `suite › test: reason`)
 *   counts as failed: a machine that can run everything must not pass by skipping.
 */
export function createTally(allowedSkips) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const firstFailures = [];
  const skips = new Map();

  /** @param {string} suite @param {import('./reporter.mjs').Result} result */
  function add(suite, result) {
    const name = `${suite} › ${result.name}`;
    const { outcome, error } = refuseSkip(name, result);
    total[outcome] += 1;
    const time = result.ms === undefined ? '' : paint(2, ` (${Math.round(result.ms)} ms)`);
    if (outcome === 'passed') console.log(`  ${paint(32, '✓')} ${result.name}${time}`);
    if (outcome === 'skipped') {
      skips.set(result.reason, [...(skips.get(result.reason) ?? []), name]);
      console.log(`  ${paint(33, '-')} ${result.name} ${paint(2, `skipped: ${result.reason}`)}`);
    }
    if (outcome === 'failed') {
      failures.push({ name, error });
      console.log(`  ${paint(31, '✗')} ${result.name}${time}\n${indent(error ?? 'failed')}`);
    }
  }

  function refuseSkip(name, result) {
    if (result.outcome !== 'skipped' || allowedSkips === undefined) return result;
    const text = `${name}: ${result.reason}`;
    if (allowedSkips.some((allowed) => allowed.test(text))) return result;
    return { outcome: 'failed', error: `skipped, but this run must not skip it: ${result.reason}` };
  }

  return {
    add,
    /** How many tests have been counted. */
    get count() {
      return total.passed + total.failed + total.skipped;
    },
    get failed() {
      return total.failed;
    },
    /** Announces a suite. */
    begin(suite) {
      console.log(`\n${paint(1, suite)}`);
    },
    /** Takes a line of a suite's output: a result of the reporter, or what a test printed. */
    line(suite, text) {
      const result = resultIn(text);
      if (result === undefined) {
        console.log(text);
        return;
      }
      if (!text.startsWith(resultMark)) console.log(text.slice(0, text.indexOf(resultMark)));
      add(suite, result);
    },
    /** Notes that a test failed once, and that another try decides. */
    failedOnce(suite, { name, error }) {
      firstFailures.push(`${suite} › ${name}`);
      console.log(`  ${paint(33, '↻')} ${name}\n${indent(error ?? 'failed')}`);
    },
    /** Prints skips by reason, failures and the last line. @returns {number} the exit code */
    finish() {
      if (skips.size > 0) {
        console.log(`\n${paint(33, 'Skipped')}`);
        for (const [reason, names] of skips) {
          console.log(`  ${reason}`);
          for (const name of names) console.log(`    ${name}`);
        }
      }
      if (firstFailures.length > 0) {
        console.log(`\n${paint(33, 'Failed once, and were tried again')}`);
        for (const name of firstFailures) console.log(`  ${name}`);
      }
      // Last, and in short: whoever has only the end of the output must see what failed, and why.
      if (failures.length > 0) {
        console.log(`\n${paint(31, 'Failed')}`);
        for (const { name, error } of failures) console.log(`  ${name}\n${indent(brief(error ?? 'failed'))}`);
      }
      console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
      return total.failed > 0 || total.passed + total.skipped === 0 ? 1 : 0;
    },
  };
}
