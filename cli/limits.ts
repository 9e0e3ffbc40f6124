import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json } from './failure.js';
import { editsText, limitsText, outcomeText, previewText } from './limitText.js';
import { cancellable } from './longWork.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** As commander gives them. */
export interface LimitOptions {
  group?: string;
  all?: boolean;
  cgroup?: string;
  preset?: string;
  preview?: boolean;
  untilRestart?: boolean;
  try?: number;
  undo?: boolean;
  edits?: boolean;
  json?: boolean;
}

/** `limits`: of a container, a group, all containers, or any control group. */
export function addLimitsCommand(program: Command, connect: Connect, print: Print): void {
  program
    .command('limits')
    .description('show limits and what is used of them, or change them while it runs')
    .usage(
      '[options] <container> [KNOB=VALUE...]\n       terrarium limits --group NAME | --all | --cgroup PATH [KNOB=VALUE...]',
    )
    .option('--group <name>', 'of a group of containers')
    .option('--all', 'of all containers together')
    .option('--cgroup <path>', 'of any control group, by the absolute path of its folder')
    .addOption(
      new Option('--preset <name>', 'limits that belong together').choices(protocol.presets.map(({ id }) => id)),
    )
    .option('--preview', 'say what would be written and what would come of it, and change nothing')
    .option('--until-restart', 'leave the next start as it is')
    .option('--try <seconds>', 'roll back after so long (5 to 600) unless Enter is pressed', parseSeconds)
    .option('--undo', 'take the latest change back')
    .option('--edits', 'list the latest changes')
    .option('--json', 'as JSON')
    .argument('[words...]', 'the container, then changes such as memory.max=100MB cpu.max=50% pids.max=max')
    .action(async (words: string[], options: LimitOptions) => {
      const { target, changes } = parseWords(words, options);
      const connection = await connect();
      const show = <T>(value: T, text: (value: T) => string) =>
        print(options.json === true ? json(value) : text(value));
      if (options.undo === true) {
        show(await connection.sendRequest(protocol.UndoLimits, { target }), outcomeText);
      } else if (options.edits === true) {
        show(await connection.sendRequest(protocol.ListLimitEdits, { target }), editsText);
      } else if (options.preview === true) {
        show(await connection.sendRequest(protocol.PreviewLimits, { target, changes }), previewText);
      } else if (changes.length === 0) {
        show(await connection.sendRequest(protocol.ReadLimits, target), limitsText);
      } else {
        const until = options.untilRestart === true ? 'restart' : 'removed';
        const request = { target, changes, until } as const;
        if (options.try === undefined) show(await connection.sendRequest(protocol.SetLimits, request), outcomeText);
        else {
          await tryOut(connection, { ...request, trySeconds: options.try }, (outcome) => show(outcome, outcomeText));
        }
      }
    });
}

/**
 * Makes a change that goes away by itself unless somebody presses Enter. Ctrl-C takes it back at once; so does the end of
 * this process, since its helper ends with it.
 */
async function tryOut(
  connection: MessageConnection,
  params: protocol.SetLimitsParams,
  show: (outcome: protocol.LimitsOutcome) => void,
): Promise<void> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  await cancellable(async (token) => {
    const outcome = await connection.sendRequest(protocol.SetLimits, params);
    show(outcome);
    const ours = JSON.stringify(outcome.report.target);
    const over = new Promise<'over'>((resolve) => {
      connection.onNotification(protocol.LimitsChanged, ({ target, edit }) => {
        if (JSON.stringify(target) === ours && edit.kind !== 'edit') resolve('over');
      });
    });
    const isAsked = process.stdin.isTTY === true;
    say(`On trial for ${params.trySeconds} s.${isAsked ? ' Enter keeps it;' : ''} Ctrl+C takes it back now.`);
    const input = isAsked ? createInterface({ input: process.stdin }) : undefined;
    const enter = new Promise<'keep'>((resolve) => input?.once('line', () => resolve('keep')));
    const cancelled = new Promise<'undo'>((resolve) => token.onCancellationRequested(() => resolve('undo')));
    const what = await Promise.race([enter, cancelled, over]);
    input?.close();
    const { target } = params;
    if (what === 'keep') {
      await connection.sendRequest(protocol.KeepLimits, { target, edit: outcome.edit.id });
      say('Kept.');
    } else {
      if (what === 'undo') await connection.sendRequest(protocol.UndoLimits, { target });
      say('Rolled back.');
    }
  });
}

/** Whose limits, and what is to be changed. Pure. @throws InvalidArgumentError */
export function parseWords(
  words: readonly string[],
  options: LimitOptions,
): { target: protocol.LimitTarget; changes: protocol.LimitChange[] } {
  const { group, all, cgroup, preset, preview, undo, edits } = options;
  const named: protocol.LimitTarget[] = [
    ...(group === undefined ? [] : [{ group }]),
    ...(all === true ? [{ group: protocol.allContainers }] : []),
    ...(cgroup === undefined ? [] : [{ cgroup }]),
  ];
  if (named.length > 1) throw new InvalidArgumentError('Only one of --group, --all and --cgroup can be given.');
  const [container, ...rest] = words;
  const target = named[0] ?? (container === undefined ? undefined : { container });
  if (target === undefined || ('container' in target && target.container.includes('='))) {
    throw new InvalidArgumentError('Name a container first, or give --group, --all or --cgroup.');
  }
  const given = (named.length === 0 ? rest : words).map(parseChange);
  const values = protocol.presets.find(({ id }) => id === preset)?.values ?? {};
  const ofPreset = Object.entries(values)
    // What is given by itself is the more specific word.
    .filter(([name]) => !given.some((change) => change.name === name))
    .map(([name, value]) => ({ name, value }));
  const changes = [...ofPreset, ...given];
  const changesNothing = undo === true || edits === true;
  if (changesNothing && changes.length > 0) throw new InvalidArgumentError('--undo and --edits go without changes.');
  if (
    !changesNothing &&
    changes.length === 0 &&
    (preview === true || options.try !== undefined || options.untilRestart)
  ) {
    throw new InvalidArgumentError('Say what is to be changed, such as pids.max=20.');
  }
  return { target, changes };
}

/** `memory.max=100M`, `cpu.max=50%`, `RLIMIT_NOFILE=64`. @throws InvalidArgumentError */
export function parseChange(text: string): protocol.LimitChange {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  // Any file of a controller, for a kernel may have some that are not known here.
  if (!/^(RLIMIT_[A-Z]+|[a-z0-9_]+(\.[A-Za-z0-9_]+)+)$/.test(name)) {
    throw new InvalidArgumentError(
      `"${text}" does not begin with the name of a limit and =, such as memory.max=100MB.`,
    );
  }
  const parsed = protocol.parseValue(protocol.knobOf(name), value);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.message);
  return { name, value: parsed.value };
}

function parseSeconds(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number of seconds.');
  return Number(text);
}
