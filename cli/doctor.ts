import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { cancellable } from './longWork.js';

/** The command that tries what this machine can do. */
export function addDoctorCommand(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  program
    .command('doctor')
    .description(
      'try what containers need of this machine, and say how to get what is missing. ' +
        'Exits with 1 when no container can run here; of lines named, when one of them is missing.',
    )
    .option('--json', 'as JSON')
    .argument('[line...]', 'only these lines, by their ids, such as cgroup-memory', collectLine)
    .action(async (lines: protocol.DoctorLineId[], { json: asJson }: { json?: boolean }) => {
      const connection = await connect();
      const report = await cancellable((token) => connection.sendRequest(protocol.RunDoctor, token));
      const shown = lines.length === 0 ? report : { lines: report.lines.filter(({ id }) => lines.includes(id)) };
      print(asJson === true ? json(shown) : describeDoctor(shown, documentation()));
      const decisive = shown.lines.filter(({ essential }) => essential || lines.length > 0);
      if (decisive.some(({ verdict }) => verdict === 'missing')) process.exitCode = 1;
    });
}

function collectLine(text: string, before: protocol.DoctorLineId[] | undefined): protocol.DoctorLineId[] {
  const ids: readonly protocol.DoctorLineId[] = Object.values(protocol.doctorGroups).flat();
  const id = ids.find((known) => known === text);
  if (id === undefined) throw new InvalidArgumentError(`The doctor has no line "${text}", only ${ids.join(', ')}.`);
  return [...(before ?? []), id];
}

/** docs/doctor.md beside the program; undefined when it was installed without. */
function documentation(): string | undefined {
  const file = path.resolve(__dirname, '../docs/doctor.md');
  return existsSync(file) ? file : undefined;
}

const signs = { works: 'ok  ', partial: 'part', missing: 'NO  ' } as const;

/** The report for a terminal, group by group; what works takes one line. Pure. @param manual path of docs/doctor.md */
export function describeDoctor(report: protocol.DoctorReport, manual: string | undefined): string {
  const groups = [...new Set(report.lines.map(({ group }) => group))];
  return groups
    .flatMap((group, index) => [
      ...(index === 0 ? [] : ['']),
      group,
      ...report.lines.filter((line) => line.group === group).flatMap((line) => describeLine(line, manual)),
    ])
    .map(printable)
    .join('\n');
}

function describeLine(line: protocol.DoctorLine, manual: string | undefined): string[] {
  const indent = '        ';
  return [
    `  ${signs[line.verdict]}  ${line.title}: ${line.tried}`,
    ...(line.verdict === 'works' ? [] : [`${indent}without it: ${line.features.join(', ')}`]),
    ...(line.fix === undefined ? [] : [`${indent}fix: ${line.fix}`]),
    ...(line.command === undefined ? [] : [`${indent}     ${line.command}`]),
    ...(line.verdict === 'works' || manual === undefined ? [] : [`${indent}more: ${manual}#${line.id}`]),
  ];
}
