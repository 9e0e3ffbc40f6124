import {
  type Disposable,
  type LogOutputChannel,
  type Memento,
  type Terminal,
  TerminalExitReason,
  type TerminalOptions,
  ThemeIcon,
  window,
} from 'vscode';
import { type AttachTarget, KillContainer, SignalProcess } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { freeName } from '../text/names.js';
import { terminalText } from '../text/untrusted.js';
import { followArguments, recordOf, type TerminalRecord, type TerminalRecords } from './terminalRecord.js';

const stateKey = 'terrarium.terminals';

/** What to connect a terminal to. */
export interface Connection extends Omit<TerminalRecord, 'socket' | 'name'> {
  target: AttachTarget;
  /** Name of the container or process, for the tab. */
  title: string;
}

/**
 * The terminals of ours in this window. They run the real attach program, so the editor itself reconnects them after
 * a reload; opening one that is already open shows it.
 */
export class Terminals implements Disposable {
  private readonly subscription: Disposable;

  constructor(
    private readonly state: Memento,
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.subscription = window.onDidCloseTerminal((terminal) => {
      this.closed(terminal).catch((error: unknown) => this.log.warn(`Closing a terminal: ${String(error)}`));
    });
  }

  /** Options for a terminal that is connected to `connection`; also for the terminal profile. */
  options(connection: Connection): TerminalOptions & { name: string } {
    const { target, use } = connection;
    const base = terminalText(use === 'log' ? `${connection.title} log` : connection.title);
    return {
      name: freeName(
        base,
        window.terminals.map(({ name }) => name),
      ),
      shellPath: target.program,
      shellArgs: use === 'log' ? followArguments(target) : target.args,
      iconPath: new ThemeIcon(use === 'log' ? 'output' : 'vm'),
    };
  }

  /** Shows the terminal of this connection, making it when there is none. */
  async open(connection: Connection): Promise<Terminal> {
    const existing = await this.find(
      (record) => record.socket === connection.target.socket && record.use === connection.use,
    );
    const terminal = existing ?? window.createTerminal(this.options(connection));
    terminal.show();
    if (!existing) {
      await this.remember(terminal, connection);
    }
    return terminal;
  }

  /** Keeps what a terminal is connected to. Waits until its process has started. */
  async remember(terminal: Terminal, connection: Connection): Promise<void> {
    const processId = await terminal.processId;
    if (processId === undefined) {
      // It ended before it had a process; the editor shows why.
      return;
    }
    const { target, title: _title, ...rest } = connection;
    await this.update((records) => ({
      ...records,
      [processId]: { ...rest, socket: target.socket, name: terminal.name },
    }));
  }

  /** The living terminal of this window whose connection passes `test`. */
  async find(test: (record: TerminalRecord) => boolean): Promise<Terminal | undefined> {
    for (const terminal of window.terminals.filter(({ exitStatus }) => exitStatus === undefined)) {
      const record = await this.recordOf(terminal);
      if (record && test(record)) {
        return terminal;
      }
    }
    return undefined;
  }

  /**
   * Closes the shells of a container that is about to be ended on purpose: the editor would report each as a program
   * that failed.
   */
  async closeShells(container: string): Promise<void> {
    for (const terminal of window.terminals) {
      const record = await this.recordOf(terminal);
      if (record?.container === container && isShell(record)) {
        terminal.dispose();
      }
    }
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private async recordOf(terminal: Terminal): Promise<TerminalRecord | undefined> {
    const options = terminal.creationOptions;
    const shellArgs = 'shellArgs' in options && Array.isArray(options.shellArgs) ? options.shellArgs : [];
    return recordOf({ name: terminal.name, shellArgs, processId: await terminal.processId }, this.records);
  }

  /** A shell whose terminal a person closes ends, as in any terminal; on a reload or shutdown it does not. */
  private async closed(terminal: Terminal): Promise<void> {
    const record = await this.recordOf(terminal);
    if (!record) {
      return;
    }
    const reason = terminal.exitStatus?.reason;
    if (reason === TerminalExitReason.Shutdown || reason === TerminalExitReason.Unknown) {
      return;
    }
    await this.update((records) =>
      Object.fromEntries(
        Object.entries(records).filter(([, other]) => other.socket !== record.socket || other.use !== record.use),
      ),
    );
    const { container, pid, startTime } = record;
    if (reason !== TerminalExitReason.User || !isShell(record) || pid === undefined) {
      return;
    }
    if (startTime !== undefined) {
      await this.helper.request(SignalProcess, { process: { pid, startTime }, signal: 'SIGHUP' });
    } else if (container !== undefined) {
      await this.helper.request(KillContainer, { container, pid, signal: 'SIGHUP' });
    }
  }

  private get records(): TerminalRecords {
    return this.state.get<TerminalRecords>(stateKey, {});
  }

  private async update(change: (records: TerminalRecords) => TerminalRecords): Promise<void> {
    await this.state.update(stateKey, change(this.records));
  }
}

/** Whether it ends with its terminal. */
function isShell({ use }: TerminalRecord): boolean {
  return use === 'shell' || use === 'entered';
}
