/** Starts zygotes of the built stage, sends them plans, and tells what is left of them afterwards. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, parseAnswer } from '../../../helper/plan/answer.js';
import { encodePlan } from '../../../helper/plan/encode.js';
import type { Plan } from '../../../helper/plan/step.js';
import { decideIdentity, mapArgument, readIdentity } from '../../../helper/zygote/identity.js';
import { killUnlessEnded } from '../support/kernel.js';

export const stage = path.resolve(__dirname, '../../../stage', `linux-${process.arch}`, 'terrarium-stage');
export type Mapping = 'single' | 'range';

/** Why this machine cannot give a mapping, or undefined. */
export function lacks(mapping: Mapping): string | undefined {
  const identity = readIdentity();
  return mapping === 'range' && identity.mapping !== 'range' ? identity.explanation : undefined;
}

export function temporary(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'stage-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** A root file system of one static busybox. */
export function busyboxRoot(folder: string): string {
  const root = path.join(folder, 'busybox');
  for (const name of ['bin', 'etc', 'proc', 'dev', 'sys', 'tmp']) mkdirSync(path.join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'true', 'cat', 'stat', 'tty', 'touch', 'id', 'head', 'stty']) {
    symlinkSync('busybox', path.join(root, 'bin', name));
  }
  return root;
}

/** Waits until `ready` says so; fails with `what` after half a minute. */
export async function until(what: string, ready: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !ready(); ) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(10);
  }
}

export const exists = (pid: number): boolean => readdirSync('/proc').includes(String(pid));

/** Fails with the last calls of the ledger unless the plan's process runs. */
export function assertRunning(answer: Answer): void {
  const calls = answer.records.slice(-4).map(({ step, name, args, errno }) => {
    return `${step}: ${name}(${args.map(({ value }) => value).join(', ')}) errno ${errno}`;
  });
  assert.equal(answer.status, 'running', `step ${answer.failedStep}, errno ${answer.errno}\n${calls.join('\n')}`);
}

/** Children of a process, as the kernel lists them; none when it has ended. */
export function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

export class Zygote {
  readonly folder = temporary();
  readonly socket = path.join(this.folder, 'socket');
  #process: ChildProcess | undefined;
  #report = '';

  static async start(mapping: Mapping, args?: readonly string[]): Promise<Zygote> {
    const zygote = new Zygote();
    const user = userInfo();
    const identity =
      mapping === 'range' ? readIdentity() : decideIdentity({ uid: user.uid, gid: user.gid }, { mapTools: false });
    const maps = ['--uid-map', mapArgument(identity.uidMappings), '--gid-map', mapArgument(identity.gidMappings)];
    await zygote.#launch(args ?? maps);
    return zygote;
  }

  async #launch(args: readonly string[]): Promise<void> {
    const ready = path.join(this.folder, 'ready');
    const server = createServer({ allowHalfOpen: false });
    server.listen(ready);
    await once(server, 'listening');
    const report = new Promise<string>((resolve) => {
      server.once('connection', (connection) => {
        let text = '';
        connection.on('data', (part) => {
          text += part.toString();
        });
        connection.once('end', () => resolve(text));
      });
    });
    this.#process = spawn(stage, ['zygote', '--socket', this.socket, '--ready', ready, ...args], { stdio: 'ignore' });
    // A test that fails before it stops its zygote must not wait for it.
    this.#process.unref();
    this.#report = await report;
    server.close();
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** The line it reported. */
  get report(): string {
    return this.#report;
  }

  /** Sends bytes as they are; what comes back until the end. */
  async exchange(request: Uint8Array, half = false): Promise<Buffer> {
    const connection = createConnection({ path: this.socket, allowHalfOpen: true });
    const received: Buffer[] = [];
    connection.on('data', (part) => received.push(part));
    if (half) connection.end(request);
    else connection.write(request);
    await once(connection, 'end');
    connection.destroy();
    return Buffer.concat(received);
  }

  async send(plan: Plan): Promise<Answer> {
    return parseAnswer(await this.exchange(encodePlan(plan)));
  }

  /** Kills what its monitors still watch, waits for them, ends the zygote, and removes its folder. */
  async stop(): Promise<void> {
    try {
      if (this.#report.startsWith('ok') && exists(this.pid)) {
        for (const monitor of children(this.pid)) {
          for (const watched of children(monitor)) killUnlessEnded(watched);
        }
        await until('its monitors ended', () => children(this.pid).length === 0);
        // Work folders of overlays are mode 000, and some files belong to other ids: only the zygote can remove them.
        // Mounts go a moment after the last process in their namespace: until then they are in the way.
        for (let tries = 0; tries < 100 && existsSync(this.folder); tries++) {
          const { status } = await this.send([{ kind: 'removeTree', path: this.folder }]);
          if (status !== 'done') await sleep(20);
        }
      }
    } finally {
      this.#process?.kill();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
