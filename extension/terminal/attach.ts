import type { CancellationToken, Terminal } from 'vscode';
import {
  AttachContainer,
  type ContainerSummary,
  ExecInContainer,
  type ExecSpecification,
  type StartResult,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import type { Connection, Terminals } from './terminals.js';

/** Ways of getting a terminal into a container. */
export class Attacher {
  constructor(
    private readonly helper: HelperClient,
    private readonly terminals: Terminals,
  ) {}

  /**
   * A terminal in a running container: its own, when it was made with one; else a shell, the one that is open already
   * if there is one.
   */
  async attach(summary: ContainerSummary): Promise<Terminal> {
    if (summary.terminal) {
      const target = await this.helper.request(AttachContainer, { container: summary.id });
      return this.terminals.open({ container: summary.id, use: 'main', target, title: summary.name });
    }
    const open = await this.terminals.find((record) => record.container === summary.id && record.use === 'shell');
    if (open) {
      open.show();
      return open;
    }
    return this.newShell(summary);
  }

  /** The terminal of a container that was started a moment ago. */
  async attachStarted({ summary, attach }: StartResult): Promise<Terminal> {
    return summary.terminal
      ? this.terminals.open({ container: summary.id, use: 'main', target: attach, title: summary.name })
      : this.newShell(summary);
  }

  /** One more shell, or the program that `process` names, in a terminal of its own. */
  async newShell(summary: ContainerSummary, process: ExecSpecification = {}): Promise<Terminal> {
    return this.terminals.open(await this.shell(summary, process));
  }

  /** Starts a shell and gives what to connect a terminal to. */
  async shell(
    summary: ContainerSummary,
    process: ExecSpecification = {},
    token?: CancellationToken,
  ): Promise<Connection> {
    const session = await this.helper.request(
      ExecInContainer,
      { container: summary.id, process: { args: [], ...process, terminal: true } },
      token,
    );
    return {
      container: summary.id,
      use: 'shell',
      target: session.attach,
      pid: session.identity.pid,
      title: summary.name,
    };
  }

  /** A terminal that follows the output of a running container and takes no input. */
  async followLog(summary: ContainerSummary): Promise<Terminal> {
    const target = await this.helper.request(AttachContainer, { container: summary.id });
    return this.terminals.open({ container: summary.id, use: 'log', target, title: summary.name });
  }
}
