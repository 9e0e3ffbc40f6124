import type { Ledger, LedgerCall, LedgerStep } from '../protocol/index.js';

/** A ledger as a document to read: what there is to say before, a table of the steps, then each with its system calls. Pure. */
export function renderMarkdown(ledger: Ledger, before: readonly string[] = []): string {
  const failed = ledger.steps.find((step) => step.failed);
  const calls = ledger.steps.reduce((sum, step) => sum + step.calls.length, 0);
  return [
    `# Ledger: ${code(ledger.operation)} of ${code(ledger.container)}`,
    '',
    `${ledger.succeeded ? 'Succeeded' : '**Failed**'} in ${duration(ledger.durationNanoseconds)}: ` +
      `${ledger.steps.length} steps, ${calls} system calls, ${ledger.at}.`,
    ...(failed === undefined
      ? []
      : ['', `The step that failed is [${failed.index + 1}. ${failed.kind}](#${anchor(failed)}).`]),
    ...(ledger.dropped === 0 ? [] : ['', `${ledger.dropped} further calls did not fit into the ledger.`]),
    '',
    ...before,
    '| | Step | About | Why | Calls | Time |',
    '|---:|---|---|---|---:|---:|',
    ...ledger.steps.map(
      (step) =>
        `| ${step.index + 1} | [${step.kind}](#${anchor(step)}) | ${about(step.subject)} | ${step.purpose} | ${step.calls.length} | ${duration(timeOf(step))} |`,
    ),
    '',
    ...ledger.steps.flatMap(renderStep),
  ].join('\n');
}

function renderStep(step: LedgerStep): string[] {
  const outcome = step.failed ? ' ✗' : step.calls.length === 0 ? ' (not reached)' : '';
  return [
    `## ${step.index + 1}. ${step.kind}${outcome}`,
    '',
    ...(step.subject === '' ? [] : [code(step.subject.replace(/[\r\n]/g, ' ')), '']),
    step.purpose,
    '',
    `Without it, ${step.without}. See ${step.manual.map(manualLink).join(', ')}.`,
    '',
    ...(step.calls.length === 0 ? [] : ['```c', ...step.calls.map(renderCall), '```', '']),
  ];
}

/** As strace writes it, with who made the call and how long it took. */
function renderCall(call: LedgerCall): string {
  const result = call.errno === 0 ? String(call.result) : `-1 ${call.errnoName ?? call.errno}`;
  return `${call.name}(${call.args.join(', ')}) = ${result}   /* ${call.actor}, ${duration(call.durationNanoseconds)} */`;
}

/** As VS Code and GitHub make anchors of headings. */
function anchor(step: LedgerStep): string {
  const suffix = step.failed ? '-' : step.calls.length === 0 ? '-not-reached' : '';
  return `${step.index + 1}-${step.kind.toLowerCase()}${suffix}`;
}

function timeOf(step: LedgerStep): number {
  return step.calls.reduce((sum, call) => sum + call.durationNanoseconds, 0);
}

function manualLink(page: string): string {
  const match = /^([\w-]+)\((\d)\)$/.exec(page);
  if (match === null) return `<${page}>`;
  return `[${page}](https://man7.org/linux/man-pages/man${match[2]}/${match[1]}.${match[2]}.html)`;
}

function duration(nanoseconds: number): string {
  if (nanoseconds < 1_000_000) return `${(nanoseconds / 1000).toFixed(1)} µs`;
  return `${(nanoseconds / 1_000_000).toFixed(2)} ms`;
}

/** A cell of the table; folders of the container itself are cut short. */
function about(subject: string): string {
  const short = subject.replace(/^.*\/containers\/[0-9a-f]{12}\//, '…/');
  return short === '' ? '' : code(short.replace(/[|\r\n]/g, ' '));
}

/** Names come from people and images: a code span shows them as they are, but for what would end it. */
export function code(text: string): string {
  return `\`${text.replaceAll('`', 'ˋ').replace(/\p{Cc}/gu, '�')}\``;
}
