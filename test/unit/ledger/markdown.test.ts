import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoName } from '../../../helper/ledger/errno.js';
import { explain } from '../../../helper/ledger/explain.js';
import { composeLedger } from '../../../helper/ledger/ledger.js';
import { renderMarkdown } from '../../../helper/ledger/markdown.js';
import type { Answer, RecordedCall } from '../../../helper/plan/answer.js';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { stepShapes } from '../../../helper/plan/step.js';
import { planInput } from '../plan/samples.js';

const plan = containerPlan(planInput());
const clone = plan.findIndex(({ kind }) => kind === 'clone');

const call = (changes: Partial<RecordedCall> = {}): RecordedCall => ({
  step: clone,
  actor: 'monitor',
  name: 'clone3',
  args: [],
  result: 0,
  errno: 0,
  start: 1_000n,
  duration: 500,
  ...changes,
});
const answer = (records: RecordedCall[], changes: Partial<Answer> = {}): Answer => ({
  status: 'running',
  pid: 1,
  monitorPid: 2,
  startTime: 3,
  monitorStartTime: 4,
  errno: 0,
  records,
  dropped: 0,
  ...changes,
});
const compose = (records: RecordedCall[], changes: Partial<Answer> = {}) =>
  composeLedger(
    { container: 'abc', operation: 'start-1', at: '2026-01-01T00:00:00.000Z' },
    plan,
    answer(records, changes),
  );

test('calls are told by their step, with flags by name and times from the first call on', () => {
  const ledger = compose([
    call({
      step: 0,
      name: 'openat2',
      start: 5_000n,
      args: [
        { type: 'descriptor', value: -100 },
        { type: 'text', value: '/a"b' },
      ],
    }),
    call({
      start: 6_000n,
      args: [
        { type: 'flags', value: 0x1000_0000n },
        { type: 'number', value: -1n },
      ],
    }),
    call({ start: 6_400n, duration: 1_000, result: 42 }),
  ]);
  const [first] = ledger.steps[0]?.calls ?? [];
  assert.deepEqual([first?.args, first?.startNanoseconds], [['AT_FDCWD', '"/a\\"b"'], 0]);
  const [second, third] = ledger.steps[clone]?.calls ?? [];
  assert.deepEqual([second?.args, second?.startNanoseconds], [['CLONE_NEWUSER', '-1'], 1_000]);
  assert.equal(third?.result, 42);
  assert.equal(ledger.durationNanoseconds, 2_400);
  assert.equal(ledger.succeeded, true);
});

test('a ledger without calls lasts no time', () => {
  assert.equal(compose([]).durationNanoseconds, 0);
});

test('the step that failed is named at the top and marked, those after it as not reached', () => {
  const text = renderMarkdown(
    compose([call({ errno: 28, result: 0 })], { status: 'failed', failedStep: clone, errno: 28, dropped: 3 }),
  );
  assert.match(text, /\*\*Failed\*\* in/);
  assert.match(text, new RegExp(`The step that failed is \\[${clone + 1}\\. clone`));
  assert.match(text, /clone3\(\) = -1 ENOSPC/);
  assert.match(text, /3 further calls did not fit/);
  assert.match(text, /\(not reached\)/);
});

test('each link within the document leads to a heading', () => {
  const text = renderMarkdown(compose([call({ errno: 1 })], { status: 'failed', failedStep: clone, errno: 1 }));
  // As editors make them: lower case, spaces to hyphens, everything but letters, digits, - and _ gone.
  const anchors = text
    .split('\n')
    .filter((line) => line.startsWith('## '))
    .map((line) =>
      line
        .slice(3)
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '');
  assert.ok(links.length >= plan.length);
  for (const link of links) assert.ok(anchors.includes(link), `#${link}`);
});

test('what an image or a person named cannot leave its place', () => {
  const hostile = '```\n## Owned\n| <script> | [x](y) `code` \u001b[2J';
  const named = containerPlan(
    planInput({ maskedPaths: [`/${hostile}`], mounts: [{ source: `/${hostile}`, destination: `/${hostile}` }] }),
  );
  const records = named.map((_, step) => call({ step, args: [{ type: 'text', value: hostile }] }));
  const text = renderMarkdown(
    composeLedger({ container: 'a`b', operation: 'start-1', at: '' }, named, answer(records)),
  );
  const lines = text.split('\n');
  assert.ok(!lines.includes('## Owned'));
  assert.ok(!text.includes('\u001b'));
  // Only our own fences stand at the begin of a line, and they come in pairs.
  const fences = lines.filter((line) => /^\s{0,3}```/.test(line));
  assert.equal(fences.length, 2 * named.length);
  assert.ok(fences.every((fence) => fence === '```' || fence === '```c'));
  // A row of the table has as many cells as its head, and no markup from outside.
  const rows = lines.filter((line) => line.startsWith('| '));
  const cells = (row: string) =>
    row
      .replaceAll('\\|', '')
      .replace(/`[^`]*`/g, '')
      .split('|').length;
  assert.equal(rows.length, named.length + 1);
  for (const row of rows) assert.equal(cells(row), cells(rows[0] ?? ''), row);
});

test('every kind of step is explained, with manual pages that are names', () => {
  for (const step of plan) {
    const { purpose, without, manual } = explain(step);
    assert.match(purpose, /^[A-ZA-Z/0-9].*[.:)]/, step.kind);
    assert.doesNotMatch(without, /^[A-Z][a-z]|\.$/, step.kind);
    for (const page of manual) assert.match(page, /^([\w-]+\(\d\)|https:\/\/)/);
  }
  assert.ok(Object.keys(stepShapes).length > 0);
});

test('flags are by name, unknown bits in hexadecimal, so that nothing is hidden', () => {
  const argsOf = (name: string, value: bigint) =>
    compose([call({ name, args: [{ type: 'flags', value }] })]).steps[clone]?.calls[0]?.args;
  assert.deepEqual(argsOf('unshare', 0x2000_0000n), ['CLONE_NEWPID']);
  assert.match(argsOf('unshare', 0x2000_0001n)?.join() ?? '', /CLONE_NEWPID\|0x1$/);
  assert.deepEqual(argsOf('of_tomorrow', 0xffff_ffff_0000_0000n), ['0xffffffff00000000']);
});

test('errnos are by the names of the manual pages', () => {
  assert.deepEqual([1, 2, 11, 22, 95, 4000].map(errnoName), [
    'EPERM',
    'ENOENT',
    'EAGAIN',
    'EINVAL',
    'ENOTSUP',
    'errno 4000',
  ]);
});
