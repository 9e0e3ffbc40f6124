import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { LogEscaper } from './logText.js';
import { table } from './table.js';
import { follow } from './terminal.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** Commands that look at what containers print and at their ledgers. */
export function addLookingCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('logs')
    .description('what a container has printed')
    .option('-f, --follow', 'go on as it prints more, until it ends')
    .option('--raw', 'to a terminal too as it is, control sequences and all')
    .argument('<container>', 'name or id')
    .action(async (container: string, { follow: follows, raw = false }: { follow?: boolean; raw?: boolean }) => {
      const connection = await connect();
      const { status } = await connection.sendRequest(protocol.InspectContainer, { container });
      if (follows === true && (status === 'running' || status === 'paused')) {
        const target = await connection.sendRequest(protocol.AttachContainer, { container });
        // Only to look: what is typed here is not for the container, its exit status is not ours, and it must not wait for us.
        await follow({ ...target, args: ['attach', '--no-stdin', '--no-hold', ...target.args.slice(1)] }, raw);
        return;
      }
      await printLogs(connection, container, raw);
    });

  program
    .command('ledger')
    .description('how a container was made, or a process entered: every step and system call')
    .option('--script', 'as a shell script that a person can run')
    .option('--json', 'as JSON')
    .option('--operation <name>', 'which operation (default: the latest start)')
    .option('--list', 'list the operations that are kept')
    .option('--entered', 'of processes in no container, that were entered')
    .argument('[container]', 'name or id')
    .action(async (named: string | undefined, options: LedgerOptions) => {
      const container = ledgersMeant(named, options.entered === true);
      const connection = await connect();
      const which = { container, ...(options.operation === undefined ? {} : { operation: options.operation }) };
      if (options.list === true) {
        const ledgers = await connection.sendRequest(protocol.ListLedgers, { container });
        print(
          options.json === true
            ? json(ledgers)
            : table([
                ['OPERATION', ...(options.entered === true ? ['PID'] : []), 'AT', 'RESULT', 'TIME'],
                ...ledgers.map((ledger) => [
                  ledger.operation,
                  ...(options.entered === true ? [String(ledger.pid ?? '')] : []),
                  ledger.at,
                  ledger.succeeded ? 'succeeded' : 'failed',
                  `${(ledger.durationNanoseconds / 1e6).toFixed(2)} ms`,
                ]),
              ]),
        );
      } else if (options.json === true) {
        print(json(await connection.sendRequest(protocol.ReadLedger, which)));
      } else {
        const format = options.script === true ? 'script' : 'markdown';
        const { text } = await connection.sendRequest(protocol.RenderLedger, { ...which, format });
        // A script is to be run as it is: it quotes control characters by itself.
        print(format === 'script' ? text.trimEnd() : printable(text.trimEnd()));
      }
    });
}

interface LedgerOptions {
  script?: boolean;
  json?: boolean;
  operation?: string;
  list?: boolean;
  entered?: boolean;
}

/** A container, or what was entered: one of the two. */
function ledgersMeant(container: string | undefined, entered: boolean): string {
  if (entered !== (container === undefined)) throw new InvalidArgumentError('Name a container, or say --entered.');
  return container ?? protocol.enteredProcesses;
}

async function printLogs(connection: MessageConnection, container: string, raw: boolean): Promise<void> {
  const printer = (output: NodeJS.WriteStream) => {
    const escaper = output.isTTY === true && !raw ? new LogEscaper() : undefined;
    return {
      write: (bytes: Buffer) => output.write(escaper?.write(bytes) ?? bytes),
      end: () => output.write(escaper?.end() ?? ''),
    };
  };
  const printers = { stdout: printer(process.stdout), stderr: printer(process.stderr) };
  let from = '0';
  for (;;) {
    const { entries, next } = await connection.sendRequest(protocol.ReadLogs, { container, from });
    for (const { stream, data } of entries) {
      const decoded = Buffer.from(data, 'base64');
      if (stream === 'gap') process.stderr.write(`[${decoded.toString()} bytes are no longer kept]\n`);
      else printers[stream].write(decoded);
    }
    if (next === from) break;
    from = next;
  }
  for (const printer of Object.values(printers)) printer.end();
}
