import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CancellationTokenSource,
  createMessageConnection,
  type Message,
  type MessageConnection,
  type ProgressType,
  ResponseError,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { cancelled, isCancelled } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { readMessages } from '../protocol/reader.js';
import type { AgentRequest } from './router.js';

/** How to start the agent. */
export interface AgentCommand {
  program: string;
  args: readonly string[];
}

/**
 * The agent inside the user namespace of a process, the zygote's mostly (docs/stage.md, role `enter`), in the Node that
 * runs this, or in Electron as Node.
 * @param inside the process by its pid, or by its start time too.
 * @param agent path of the bundled agent.
 */
export function agentInside(stage: string, inside: number | ProcessIdentity, agent: string): AgentCommand {
  const target = typeof inside === 'number' ? String(inside) : `${inside.pid}:${inside.startTime}`;
  return { program: stage, args: ['enter', target, '--', process.execPath, agent] };
}

export interface AgentClientOptions {
  /** How long an idle agent is kept; default 30 s. */
  idleMilliseconds?: number;
  /** How long a cancelled request may take to clean up before the agent is killed; default 5 s. */
  cancelMilliseconds?: number;
  /** Lines the agent writes to its standard error. */
  onLog?: (text: string) => void;
}

export interface AgentRequestOptions<G> {
  signal?: AbortSignal;
  progress?: { type: ProgressType<G>; listener: (progress: G) => void };
}

interface RunningAgent {
  process: ChildProcess;
  connection: MessageConnection;
  /** Requests under way. */
  busy: number;
  idle?: NodeJS.Timeout;
  /** No further request may use it. */
  retire(): void;
  /** Settles when the process has ended, with how. */
  ended: Promise<string>;
}

/**
 * Writes to an agent that may have ended. When a write fails vscode-jsonrpc throws the error where nobody can catch it,
 * which ends this process; the end of the agent settles what was asked of it.
 */
class AgentWriter extends StreamMessageWriter {
  override async write(message: Message): Promise<void> {
    await super.write(message).catch(() => undefined);
  }
}

/** Starts the agent on demand, keeps it for a while and talks to it. */
export class AgentClient {
  private agent: Promise<RunningAgent> | undefined;

  /** @param command asked at each start, since the zygote may be another by then. */
  constructor(
    private readonly command: () => AgentCommand | Promise<AgentCommand>,
    private readonly options: AgentClientOptions = {},
  ) {}

  /**
   * Asks the agent. When a cancel is not answered in time the agent is killed: what it was making is then left, half
   * made, for the caller to remove.
   * @throws TerrariumError
   */
  async request<P extends object, R, G extends { phase: string } = never>(
    type: AgentRequest<P, R>,
    params: P,
    { signal, progress }: AgentRequestOptions<G> = {},
  ): Promise<R> {
    return await this.use(async (agent) => {
      const source = new CancellationTokenSource();
      const token = randomUUID();
      const listener = progress && agent.connection.onProgress(progress.type, token, progress.listener);
      const patience = new AbortController();
      const cancel = () => {
        source.cancel();
        void this.killUnlessAnswered(agent, patience.signal);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        if (signal?.aborted) {
          throw cancelled();
        }
        return await agent.connection.sendRequest<R>(
          type.method,
          { ...params, ...(listener && { progress: token }) },
          source.token,
        );
      } catch (error) {
        throw signal?.aborted ? cancelled() : error;
      } finally {
        patience.abort();
        signal?.removeEventListener('abort', cancel);
        listener?.dispose();
        source.dispose();
      }
    });
  }

  /** One more agent of the same kind: what is asked of it waits for nothing that is asked of this one. */
  another(options: AgentClientOptions = {}): AgentClient {
    return new AgentClient(this.command, { ...this.options, ...options });
  }

  /** The same inside the user namespace of another process, for what only that one may touch. */
  insideOf(pid: number): AgentClient {
    const command = async () => {
      const { program, args } = await this.command();
      const [role = '', , ...rest] = args;
      return { program, args: [role, String(pid), ...rest] };
    };
    return new AgentClient(command, this.options);
  }

  /** Ends the agent; a request under way fails. The next request starts another one. */
  async dispose(): Promise<void> {
    const starting = this.agent;
    this.agent = undefined;
    if (!starting) {
      return;
    }
    const agent = await starting;
    clearTimeout(agent.idle);
    agent.process.kill('SIGKILL');
    await agent.ended;
  }

  private async use<T>(request: (agent: RunningAgent) => Promise<T>): Promise<T> {
    this.agent ??= this.start();
    const agent = await this.agent;
    clearTimeout(agent.idle);
    agent.busy++;
    try {
      return await request(agent);
    } catch (error) {
      if (isCancelled(error) || (error instanceof ResponseError && error.data !== undefined)) {
        throw error;
      }
      // The connection's own errors say nothing of why; a living agent answers with data.
      const how = await Promise.race([agent.ended, delay(deathNotice, undefined)]);
      throw how === undefined ? error : agentEnded(how);
    } finally {
      agent.busy--;
      this.restWhenIdle(agent);
    }
  }

  private restWhenIdle(agent: RunningAgent): void {
    clearTimeout(agent.idle);
    if (agent.busy > 0) {
      return;
    }
    agent.idle = setTimeout(() => {
      agent.retire();
      agent.process.stdin?.end();
    }, this.options.idleMilliseconds ?? 30_000);
    agent.idle.unref();
  }

  private async start(): Promise<RunningAgent> {
    try {
      const { program, args } = await this.command();
      return await this.launch(program, args);
    } catch (error) {
      this.agent = undefined;
      throw error;
    }
  }

  private async launch(program: string, args: readonly string[]): Promise<RunningAgent> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: agentEnvironment() });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-keptStderr);
      this.options.onLog?.(text);
    });
    // Writing to an agent that has died fails with EPIPE; that it died is reported below.
    child.stdin.on('error', () => undefined);
    const connection = createMessageConnection(readMessages(child.stdout), new AgentWriter(child.stdin));
    const started = this.agent;
    const retire = () => {
      if (this.agent === started) {
        this.agent = undefined;
      }
    };
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`${program} cannot be started: ${error.message}`));
      child.once('close', (code, signal) => resolve(`${signal ?? `exit status ${code}`}${stderr && `: ${stderr}`}`));
    }).then((how) => {
      connection.dispose();
      retire();
      return how;
    });
    connection.listen();
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(agentEnded(error.message)));
    });
    return { process: child, connection, busy: 0, retire, ended };
  }

  private async killUnlessAnswered(agent: RunningAgent, answered: AbortSignal): Promise<void> {
    try {
      await delay(this.options.cancelMilliseconds ?? 5000, undefined, { signal: answered });
    } catch {
      // Answered in time.
      return;
    }
    agent.process.kill('SIGKILL');
  }
}

/** Milliseconds in which the end of a process follows the end of its streams. */
const deathNotice = 1000;
/** Characters of standard error that an error may quote. */
const keptStderr = 2000;

/** Nothing of the editor's environment but what finds programs; NODE_OPTIONS above all must not reach the agent. */
function agentEnvironment(): NodeJS.ProcessEnv {
  const { PATH, ELECTRON_RUN_AS_NODE } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(ELECTRON_RUN_AS_NODE === undefined ? {} : { ELECTRON_RUN_AS_NODE }),
    ...(process.versions.electron === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
  };
}

function agentEnded(how: string) {
  return terrariumError(ErrorCode.Internal, 'The agent ended unexpectedly', { cause: how });
}
