import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { Attachment } from '../helper/container/attach.js';
import { findLocations } from '../helper/container/locations.js';
import { decodePlan } from '../helper/plan/decode.js';
import type { Plan, Step } from '../helper/plan/step.js';
import {
  type ContainerSpecification,
  ErrorCode,
  ExecInContainer,
  ReadLedger,
  RemoveContainer,
  RunContainer,
  StopContainer,
} from '../helper/protocol/index.js';
import { sendPlan } from '../helper/zygote/connection.js';
import { type Contender, command, type Started } from './contender.js';

/** A client of the helper, over the same pipe and messages as the extension's. */
export class Helper {
  private constructor(
    private readonly child: ChildProcess,
    readonly connection: MessageConnection,
  ) {}

  /** @param file  dist/helper.cjs */
  static async start(file: string): Promise<Helper> {
    const child = spawn(process.execPath, [file, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    connection.listen();
    await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
    await connection.sendNotification('initialized', {});
    return new Helper(child, connection);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the helper did not start');
    return this.child.pid;
  }

  async stop(): Promise<void> {
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    this.connection.dispose();
    this.child.kill();
  }
}

/** Connects to a process; undefined when it has ended already. */
async function attach(socket: string): Promise<Attachment | undefined> {
  try {
    return await Attachment.connect(socket, { fromStart: true });
  } catch (error) {
    if ((error as { code?: unknown }).code === ErrorCode.NotFound) return undefined;
    throw error;
  }
}

/** Waits for a frame of output. */
async function firstFrame(socket: string): Promise<void> {
  const attachment = await attach(socket);
  if (attachment === undefined) throw new Error('the container ended before it was attached to');
  for await (const frame of attachment) if (frame.type === 'stdout') break;
  attachment.close();
}

/** Waits for the end of a process. */
async function lastFrame(socket: string): Promise<void> {
  const attachment = await attach(socket);
  if (attachment !== undefined) for await (const frame of attachment) if (frame.type === 'exit') return;
}

/** Our containers through JSON-RPC, with everything that a user gets by default. */
export function terrarium(helper: Helper, name: string, specification: ContainerSpecification): Contender {
  const { connection } = helper;
  return {
    name,
    start: async (): Promise<Started> => {
      const { summary, attach: target } = await connection.sendRequest(RunContainer, {
        specification: { ...specification, args: command },
      });
      await firstFrame(target.socket);
      const container = summary.id;
      return {
        enter: async () => {
          const session = await connection.sendRequest(ExecInContainer, {
            container,
            process: { args: ['/bin/true'] },
          });
          await lastFrame(session.attach.socket);
        },
        stop: async () => {
          await connection.sendRequest(StopContainer, { container, signal: 'SIGKILL' });
        },
        discard: async () => {
          await connection.sendRequest(RemoveContainer, { container });
        },
      };
    },
    close: async () => undefined,
  };
}

/**
 * The stage alone: the plan that the helper made for such a container, sent straight to its zygote. What it lacks
 * against `terrarium` is the helper and JSON-RPC.
 */
export async function bareStage(
  helper: Helper,
  name: string,
  specification: ContainerSpecification,
  folder: string,
): Promise<Contender> {
  const locations = findLocations(process.env, process.env.HOME ?? '/', process.getuid?.() ?? 0);
  const { connection } = helper;
  const { summary } = await connection.sendRequest(RunContainer, {
    specification: { ...specification, args: command },
  });
  await connection.sendRequest(StopContainer, { container: summary.id, signal: 'SIGKILL' });
  // Answered once it is written.
  await connection.sendRequest(ReadLedger, { container: summary.id });
  const plan = decodePlan(readFileSync(path.join(locations.containers, summary.id, 'ledgers/start-1.plan')));
  await connection.sendRequest(RemoveContainer, { container: summary.id });
  const zygote = readdirSync(locations.runtime).find((file) => /^zygote.*\.sock$/.test(file));
  if (zygote === undefined) throw new Error(`no zygote's socket in ${locations.runtime}`);

  let counter = 0;
  return {
    name,
    start: async () => {
      const own = path.join(folder, `stage-${counter++}`);
      const run = path.join(own, 'runs/1');
      const socket = path.join(locations.runtime, `${path.basename(own)}.sock`);
      for (const made of ['runs/1', 'rootfs', 'empty', 'scratch', 'work', 'upper'])
        mkdirSync(path.join(own, made), { recursive: true });
      const moved = movePlan(plan, path.join(locations.containers, summary.id), own).map(
        (step): Step => (step.kind === 'monitor' ? { ...step, directory: run, socket } : step),
      );
      const { answer } = await sendPlan(path.join(locations.runtime, zygote), moved);
      if (answer.status !== 'running') throw new Error(`step ${answer.failedStep} failed: errno ${answer.errno}`);
      await firstFrame(socket);
      return {
        stop: async () => {
          process.kill(answer.pid, 'SIGKILL');
          await lastFrame(socket);
        },
        discard: async () => rmSync(path.join(own, 'runs'), { recursive: true }),
      };
    },
    close: async () => undefined,
  };
}

/** The same plan for a container whose folder is another. */
function movePlan(plan: Plan, from: string, to: string): Step[] {
  return plan.map((step) => {
    const fields = Object.entries(step).map(([key, value]) => [
      key,
      typeof value === 'string' ? value.replaceAll(from, to) : value,
    ]);
    return Object.fromEntries(fields) as Step;
  });
}
