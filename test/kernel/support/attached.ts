import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Attachment, type AttachOptions } from '../../../helper/container/attach.js';
import type { ExitFrame } from '../../../helper/container/frame.js';
import type { AttachTarget } from '../../../helper/protocol/index.js';
import { eventually } from './wait.js';

export interface AttachOutcome {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** Follows a process to its end with the program that terminals are given; `input` is all that it can read. */
export async function readToEnd({ program, args }: AttachTarget, input?: string): Promise<AttachOutcome> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(input);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, exitCode };
}

/** A client of a monitor's socket that keeps what it is sent. */
export class Attached {
  stdout = '';
  stderr = '';
  exit: ExitFrame | undefined;
  private readonly reading: Promise<void>;

  private constructor(private readonly attachment: Attachment) {
    this.reading = this.read();
    // `end` tells; until then nobody may be listening.
    this.reading.catch(() => undefined);
  }

  static async to(
    { socket }: AttachTarget,
    options: AttachOptions = { fromStart: true, hold: true },
  ): Promise<Attached> {
    return new Attached(await Attachment.connect(socket, options));
  }

  private async read(): Promise<void> {
    for await (const frame of this.attachment) {
      if (frame.type === 'exit') this.exit = frame;
      else if ('data' in frame) this[frame.type] += Buffer.from(frame.data).toString();
    }
  }

  type(keys: string): Promise<void> {
    return this.attachment.input(Buffer.from(keys));
  }

  resize(rows: number, columns: number): Promise<void> {
    return this.attachment.resize(rows, columns);
  }

  /** Waits until the output holds `pattern`. */
  shows(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`${pattern} in ${JSON.stringify(this.stdout)}`, () => pattern.exec(this.stdout) ?? undefined);
  }

  /** How the process ended. Rejects when the connection is lost before, and when that takes for ever. */
  async end(): Promise<ExitFrame> {
    const exit = await Promise.race([
      this.reading.then(() => this.exit),
      eventually(`the end of a process that printed ${JSON.stringify(this.stdout)}`, () => this.exit),
    ]);
    if (exit === undefined) throw new Error('The connection closed without an exit frame');
    return exit;
  }

  leave(): void {
    this.attachment.close();
  }
}
