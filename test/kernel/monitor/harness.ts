/** Runs the monitor without a container: native/stage/test/watch_harness.c starts a command and watches it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import type { Attachment } from '../../../helper/container/attach.js';
import type { ExitFrame, Frame } from '../../../helper/container/frame.js';

const root = path.resolve(__dirname, '../../../..');
const work = mkdtempSync(path.join(tmpdir(), 'monitor-'));
const running = new Set<Watched>();
let count = 0;

/** Compiles the programs; for `before`. */
export function build(): void {
  const made = spawnSync('make', ['-C', path.join(root, 'native/stage/test'), '-f', 'monitor.mk', `BUILD=${work}`], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`make failed: ${made.stderr}`);
}

/** For `after`. */
export async function cleanUp(): Promise<void> {
  for (const watched of running) watched.kill();
  await rm(work, { recursive: true, force: true });
}

export const program = (name: string): string => path.join(work, name);

export async function folder(): Promise<string> {
  const made = mkdtempSync(path.join(work, `${++count}-`));
  await chmod(made, 0o700);
  return made;
}

export interface WatchOptions {
  streams?: 'terminal' | 'pipes' | 'stdin';
  /** `shared`: supervised, in the session and the process group of PID 1. */
  init?: 'plain' | 'supervise' | 'shared' | 'stay';
  limit?: number;
  events?: string;
  cgroups?: string[];
  directory?: string;
  /** With the address and undefined-behaviour sanitizers; not for what measures memory. */
  sanitized?: boolean;
  /** A command that the harness is started by, for instance `unshare`. */
  wrapper?: string[];
}

export class Watched {
  /** Exit status of the first process: 0 when the monitor was content. */
  readonly ended: Promise<number | null>;

  constructor(
    readonly directory: string,
    readonly socket: string,
    readonly zygote: ChildProcess,
    readonly monitorPid: number,
    readonly pid: number,
  ) {
    running.add(this);
    this.ended = once(zygote, 'exit').then(([code]) => {
      running.delete(this);
      return code as number | null;
    });
  }

  async exitRecord(): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(path.join(this.directory, 'exit.json'), 'utf8'));
  }

  kill(): void {
    for (const pid of [this.monitorPid, this.pid]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It has ended by itself.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  descriptors(): string[] {
    return readdirSync(`/proc/${this.monitorPid}/fd`);
  }

  /** Private memory of the monitor, in KiB. */
  privateMemory(): number {
    return this.memoryField('Private_Clean') + this.ownMemory();
  }

  /** What it has written to, in KiB. A page of a library counts as private, or does not, with who else has it just now. */
  ownMemory(): number {
    return this.memoryField('Private_Dirty');
  }

  private memoryField(name: string): number {
    const rollup = readFileSync(`/proc/${this.monitorPid}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]);
  }
}

export async function watch(command: string[], options: WatchOptions = {}): Promise<Watched> {
  const { streams = 'pipes', init = 'plain', limit = 1 << 20, events = '', cgroups = [], wrapper = [] } = options;
  const directory = options.directory ?? (await folder());
  const socket = path.join(await folder(), 'attach');
  const harness = program(options.sanitized === false ? 'watch_harness' : 'watch_harness_sanitized');
  const args = [directory, socket, String(limit), events, cgroups.join(':'), streams, init, ...command];
  const [file = harness, ...rest] = [...wrapper, harness, ...args];
  const apart = wrapper[0] === 'unshare';
  const env = { ...process.env, ...(apart ? {} : { TESTS_STAND_BESIDE: '1' }) };
  const zygote = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  zygote.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const line = await Promise.race([
    once(createInterface(zygote.stdout), 'line').then(([text]) => String(text)),
    once(zygote, 'close').then(([code]) => Promise.reject(new Error(`the harness ended with ${code}: ${errors}`))),
  ]);
  const [monitorPid = 0, pid = 0] = line.split(' ').map(Number);
  return new Watched(directory, socket, zygote, monitorPid, pid);
}

export interface Heard {
  stdout: string;
  stderr: string;
  lost: bigint[];
  exit: ExitFrame | undefined;
  /** How often mounts were told to have changed. */
  mounts: number;
}

/** All that comes until the end, or until `enough`. */
export async function hear(attachment: Attachment, enough?: (heard: Heard, frame: Frame) => boolean): Promise<Heard> {
  const heard: Heard = { stdout: '', stderr: '', lost: [], exit: undefined, mounts: 0 };
  for await (const frame of attachment) {
    if (frame.type === 'gap') heard.lost.push(frame.bytes);
    else if (frame.type === 'exit') heard.exit = frame;
    else if (frame.type === 'mounts') heard.mounts++;
    else heard[frame.type] += Buffer.from(frame.data).toString('latin1');
    if (enough?.(heard, frame)) break;
  }
  return heard;
}

/** Follows numbered lines: whether each is the one after the last, but for `gap()`. */
export class NumberedLines {
  next = 1;
  first: number | undefined;
  private rest = '';
  private afterGap = false;

  push(data: Uint8Array): void {
    const lines = (this.rest + Buffer.from(data).toString('latin1')).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      // The line that a gap has cut is not looked at.
      if (this.afterGap) {
        this.afterGap = false;
        this.next = -1;
        continue;
      }
      const number = Number(line);
      if (this.next === -1) this.next = number;
      this.first ??= number;
      if (number !== this.next) throw new Error(`line ${line.slice(0, 50)} comes where ${this.next} is due`);
      this.next++;
    }
  }

  gap(): void {
    this.rest = '';
    this.afterGap = true;
  }
}

/** Waits until `condition` holds, and fails after half a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); !(await condition()); ) {
    if (Date.now() - start > 30_000) throw new Error(`still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
