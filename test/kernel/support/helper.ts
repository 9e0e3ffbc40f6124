import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import {
  createMessageConnection,
  type MessageConnection,
  type RequestType,
  type RequestType0,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { readMessages } from '../../../helper/protocol/reader.js';
import { dist, type Home } from './home.js';
import { eventually } from './wait.js';

/** A `container/changed` notification, and when it came (performance.now()). */
export interface Change {
  at: number;
  containers: protocol.ContainerSummary[];
}

/** How a container ended, and what it printed. */
export interface Outcome {
  id: string;
  stdout: string;
  stderr: string;
  exit: protocol.ExitRecord;
}

/** A helper as the extension starts it, spoken to as the extension does. */
export class TestHelper {
  /** All of them since the start. */
  readonly changes: Change[] = [];
  private complaints = '';
  private readonly waiting = new Set<(error: Error) => void>();

  private constructor(
    readonly child: ChildProcess,
    readonly connection: MessageConnection,
  ) {
    child.stderr?.on('data', (part: Buffer) => {
      this.complaints += part.toString();
    });
    // Who waits for an answer must not wait for ever when there is nobody left to give it.
    child.once('close', (code, signal) => {
      for (const reject of this.waiting) reject(new Error(`The helper ended (${signal ?? code}): ${this.complaints}`));
    });
    connection.onNotification(protocol.ContainersChanged, ({ containers }) => {
      this.changes.push({ at: performance.now(), containers });
    });
  }

  /** `wrapper`: a command that executes the helper's command line, which is given to it as arguments. */
  static async start(home: Home, wrapper: readonly string[] = []): Promise<TestHelper> {
    const command = [...wrapper, process.execPath, path.join(dist, 'helper.cjs'), '--stdio'];
    const [program = '', ...args] = command;
    const child = spawn(program, args, { stdio: 'pipe', env: home.environment, cwd: '/' });
    const connection = createMessageConnection(readMessages(child.stdout), new StreamMessageWriter(child.stdin));
    const helper = new TestHelper(child, connection);
    connection.listen();
    const params = { processId: wrapper.length > 0 ? null : process.pid, rootUri: null, capabilities: {} };
    await helper.answered(connection.sendRequest('initialize', params));
    await connection.sendNotification('initialized', {});
    return helper;
  }

  /** Sends a request and answers its result. @throws TerrariumError as the helper answered it */
  request<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: P): Promise<R> {
    return this.answered(this.connection.sendRequest<R>(type.method, params));
  }

  ask<R>(type: RequestType0<R, protocol.ErrorData>): Promise<R> {
    return this.answered(this.connection.sendRequest(type));
  }

  private async answered<R>(answer: Promise<R>): Promise<R> {
    let reject: (error: Error) => void = () => undefined;
    const gone = new Promise<never>((_, refuse) => {
      reject = refuse;
    });
    this.waiting.add(reject);
    try {
      return await Promise.race([answer, gone]);
    } finally {
      this.waiting.delete(reject);
    }
  }

  async run(specification: protocol.ContainerSpecification): Promise<protocol.ContainerSummary> {
    return (await this.request(protocol.RunContainer, { specification })).summary;
  }

  /** Runs a container to its end, answers what it printed, and removes it. */
  async runToEnd(specification: protocol.ContainerSpecification): Promise<Outcome> {
    const { id } = await this.run(specification);
    const { exit } = await this.request(protocol.WaitContainer, { container: id });
    if (exit === undefined) throw new Error(`${id} ended without an exit record`);
    const [stdout, stderr] = await Promise.all([this.output(id), this.output(id, 'stderr')]);
    await this.request(protocol.RemoveContainer, { container: id });
    return { id, stdout, stderr, exit };
  }

  /** All that the latest run of a container has printed so far. */
  async output(container: string, stream: protocol.LogEntry['stream'] = 'stdout'): Promise<string> {
    const { entries } = await this.request(protocol.ReadLogs, { container });
    const data = entries.filter((entry) => entry.stream === stream).map((entry) => Buffer.from(entry.data, 'base64'));
    return Buffer.concat(data).toString();
  }

  async summary(container: string): Promise<protocol.ContainerSummary> {
    const found = (await this.ask(protocol.ListContainers)).find(
      ({ id, name }) => id === container || name === container,
    );
    if (found === undefined) throw new Error(`There is no container ${container}`);
    return found;
  }

  /** Ends it as a crash does: without a word to anybody. */
  async crash(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await closed;
    this.connection.dispose();
  }

  /** Ends it as the extension does: shutdown, exit. Fails when that takes more than ten seconds. */
  async stop(): Promise<void> {
    if (this.hasEnded()) return;
    await this.answered(this.connection.sendRequest('shutdown'));
    await this.connection.sendNotification('exit');
    await eventually(`the end of the helper, which said: ${this.complaints}`, () => this.hasEnded(), 10);
    this.connection.dispose();
  }

  private hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}
