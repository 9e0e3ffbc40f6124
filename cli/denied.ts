import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { table } from './table.js';

interface DeniedOptions {
  allow?: string[];
  revoke?: string[];
  json?: boolean;
}

/** `denied`: system calls that the filter of a container refused, and exceptions for its next start. */
export function addDeniedCommand(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  const collect = (text: string, previous: string[] = []) => [...previous, text];
  program
    .command('denied')
    .description('system calls that a container was refused, of one made with --seccomp-notify')
    .option('--allow <call>', 'let it through at the next start (may be repeated)', collect)
    .option('--revoke <call>', 'let it through no longer (may be repeated)', collect)
    .option('--json', 'as JSON')
    .argument('<container>', 'name or id')
    .action(async (container: string, { allow, revoke, json: asJson }: DeniedOptions) => {
      const connection = await connect();
      if (allow !== undefined) await connection.sendRequest(protocol.AllowCalls, { container, calls: allow });
      if (revoke !== undefined) {
        await connection.sendRequest(protocol.AllowCalls, { container, calls: revoke, revoke: true });
      }
      const report = await connection.sendRequest(protocol.ReadDenied, { container });
      print(asJson === true ? json(report) : deniedText(report));
    });
}

/** A table, and below it what it means. Pure. */
export function deniedText({ notify, calls, others, allow }: protocol.DeniedReport): string {
  const rows = calls.map((one) => [
    one.call,
    one.program === '' ? '?' : printable(one.program),
    String(one.count),
    one.allowed ? 'allowed at the next start' : needsText(one.needs),
  ]);
  const notes = [
    ...(others > 0 ? [`${others} more, of programs and calls beyond those kept apart.`] : []),
    ...(!notify && calls.length === 0
      ? ['Refused calls are not counted: make the container with --seccomp-notify, or "notify" in its specification.']
      : calls.length === 0
        ? ['Nothing was refused.']
        : []),
    ...(allow.length > 0 ? [`Let through at the next start: ${allow.join(', ')}.`] : []),
  ];
  return [...(rows.length === 0 ? [] : [table([['CALL', 'PROGRAM', 'COUNT', ''], ...rows])]), ...notes].join('\n');
}

function needsText(needs: protocol.AlsoNeeded | undefined): string {
  if (needs === undefined) return '';
  return needs.kind === 'capability' ? `also needs ${needs.capability}` : 'also needs root of the machine';
}
