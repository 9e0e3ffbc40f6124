/** The product as a person has it: a helper of the test's own, its zygote, and what is left of them afterwards. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMessageConnection, type MessageConnection, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { Answer } from '../../../helper/plan/answer.js';
import type { Plan } from '../../../helper/plan/step.js';
import * as protocol from '../../../helper/protocol/index.js';
import { readMessages } from '../../../helper/protocol/reader.js';
import { findListener, sendPlan } from '../../../helper/zygote/connection.js';

const dist = path.resolve(__dirname, '../../..');
export const cliBundle = path.join(dist, 'cli.cjs');
const helperBundle = path.join(dist, 'helper.cjs');

/** Waits until something is so; fails after half a minute, saying what was not. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(10)) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
  }
  throw new Error(`waited half a minute in vain: ${what}`);
}

export interface Ended {
  id: string;
  exitCode: number;
  signal: number;
  output: string;
}

export interface ProductOptions {
  /** Beside those of the test. */
  environment?: NodeJS.ProcessEnv;
  /** Descriptors of the test that the helper gets, by their number there. */
  descriptors?: ReadonlyMap<number, number>;
  /** Start the helper from here. */
  cwd?: string;
}

export class Product {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'p-'));
  readonly runtime = path.join(this.folder, 'terrarium');
  readonly data = path.join(this.folder, 'data');
  readonly environment: NodeJS.ProcessEnv;
  #helper: ChildProcess | undefined;
  #connection: MessageConnection | undefined;

  private constructor(environment: NodeJS.ProcessEnv) {
    chmodSync(this.folder, 0o711);
    this.environment = { ...process.env, ...environment, XDG_RUNTIME_DIR: this.folder, XDG_DATA_HOME: this.data };
  }

  static async start(t: TestContext, options: ProductOptions = {}): Promise<Product> {
    const product = new Product(options.environment ?? {});
    t.after(() => product.stop());
    await product.#launch(options);
    return product;
  }

  async #launch({ descriptors = new Map(), cwd = '/' }: ProductOptions): Promise<void> {
    const last = Math.max(2, ...descriptors.keys());
    const more = Array.from({ length: last - 2 }, (_, at) => descriptors.get(at + 3) ?? 'ignore');
    const helper = spawn(process.execPath, [helperBundle], {
      stdio: ['pipe', 'pipe', 'inherit', ...more],
      env: this.environment,
      cwd,
    });
    const { stdin, stdout } = helper;
    assert.ok(stdin !== null && stdout !== null);
    this.#helper = helper;
    this.#connection = createMessageConnection(readMessages(stdout), new StreamMessageWriter(stdin));
    this.#connection.listen();
    await this.client.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
    await this.client.sendNotification('initialized', {});
  }

  get client(): MessageConnection {
    assert.ok(this.#connection !== undefined);
    return this.#connection;
  }

  get helperPid(): number {
    return this.#helper?.pid ?? 0;
  }

  /** Creates and starts a container. */
  async up(specification: protocol.ContainerSpecification, stdin = false): Promise<protocol.ContainerSummary> {
    return (await this.client.sendRequest(protocol.RunContainer, { specification, stdin })).summary;
  }

  /** Runs a container to its end. */
  async run(specification: protocol.ContainerSpecification): Promise<Ended> {
    const { id } = await this.up(specification);
    const { exit } = await this.client.sendRequest(protocol.WaitContainer, { container: id });
    assert.ok(exit !== undefined, 'its end was recorded');
    return { id, exitCode: exit.exitCode, signal: exit.signal, output: await this.logs(id) };
  }

  /** All that a container has printed so far. */
  async logs(container: string): Promise<string> {
    const parts: Buffer[] = [];
    for (let from = '0'; ; ) {
      const { entries, next } = await this.client.sendRequest(protocol.ReadLogs, { container, from });
      parts.push(...entries.map(({ data }) => Buffer.from(data, 'base64')));
      if (next === from) return Buffer.concat(parts).toString();
      from = next;
    }
  }

  /** Runs a command in a running container and waits for its end; its output is in the session's folder. */
  async exec(container: string, process: protocol.ExecSpecification): Promise<string> {
    const { session } = await this.client.sendRequest(protocol.ExecInContainer, { container, process });
    const [id = '', number = ''] = session.split('-e');
    const folder = path.join(this.data, 'terrarium/containers', id, 'sessions', number);
    await until(`${process.args?.[0]} ended`, () => existsSync(path.join(folder, 'exit.json')));
    return readFrames(path.join(folder, 'output'));
  }

  /** The container's folder in the store. */
  store(id: string, ...below: string[]): string {
    return path.join(this.data, 'terrarium/containers', id, ...below);
  }

  /** Starts the zygote if need be. */
  async zygoteSocket(): Promise<string> {
    const find = () => readdirSync(this.runtime).find((name) => /^zygote-[0-9a-f]+\.sock$/.test(name));
    if (find() === undefined) await this.run({ args: ['/bin/true'] });
    const name = find();
    assert.ok(name !== undefined, 'there is a zygote');
    return path.join(this.runtime, name);
  }

  async zygotePid(): Promise<number> {
    const pid = await findListener(await this.zygoteSocket());
    assert.ok(pid !== undefined, 'the zygote listens');
    return pid;
  }

  /** A plan of the test's own, sent past the helper. */
  async send(plan: Plan): Promise<Answer> {
    return (await sendPlan(await this.zygoteSocket(), plan)).answer;
  }

  async stop(): Promise<void> {
    try {
      if (this.#helper?.exitCode === null && this.#helper.signalCode === null) {
        for (const { id } of await this.client.sendRequest(protocol.ListContainers)) {
          await this.client.sendRequest(protocol.RemoveContainer, { container: id, force: true });
        }
      }
    } finally {
      this.#connection?.dispose();
      this.#helper?.kill();
      await this.#endZygotes();
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 });
    }
  }

  async #endZygotes(): Promise<void> {
    if (!existsSync(this.runtime)) return;
    for (const name of readdirSync(this.runtime).filter((one) => one.startsWith('zygote-'))) {
      if (!name.endsWith('.sock')) continue;
      const socket = path.join(this.runtime, name);
      const pid = await findListener(socket);
      if (pid === undefined || pid <= 1) continue;
      // What belongs to other ids, or is an overlay's work folder of mode 000, only the zygote can remove.
      await sendPlan(socket, [{ kind: 'removeTree', path: this.data, tolerate: 'any' }]);
      process.kill(pid, 'SIGTERM');
    }
  }
}

/** The payload of standard output and error in a monitor's log (docs/stage.md). */
export function readFrames(file: string): string {
  const bytes = readFileSync(file);
  const parts: Buffer[] = [];
  for (let at = 16; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (bytes.readUInt8(at + 4) <= 2) parts.push(bytes.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return Buffer.concat(parts).toString();
}

/** A folder of the test's own that is gone afterwards. */
export function workFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'w-'));
  chmodSync(folder, 0o755);
  t.after(() => {
    // Work folders of overlays are mode 000.
    execFileSync('chmod', ['-R', 'u+rwX', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Folders below one. */
export function makeFolders(parent: string, ...names: string[]): void {
  for (const name of names) mkdirSync(path.join(parent, name), { recursive: true });
}

/** Pid of a container's init; fails where there is none, for 0 would be taken for the test's own process group. */
export function pidOf(init: protocol.ProcessIdentity | undefined): number {
  assert.ok(init !== undefined, 'it runs');
  return init.pid;
}

/** The monitor of a container's init, for one. */
export function parentOf(pid: number): number {
  const parent = Number(procText(pid, 'stat').split(') ')[1]?.split(' ')[1]);
  assert.ok(parent > 1, `${pid} has a parent`);
  return parent;
}

/** Every process that exists. */
export const processes = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** A file of /proc, empty once its process has ended. */
export function procText(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}

/** Processes that still see a mount of a folder, whoever their parent is by now. */
export const holders = (folder: string): number[] =>
  processes().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(folder);
    } catch (error) {
      // It has ended (EINVAL: it is about to), or is another user's.
      if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  });
