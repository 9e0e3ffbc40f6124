/**
 * Mounts of containers as they change, whoever changes them, also a process inside. The kernel tells who polls a mountinfo
 * that is open, which Node cannot: the container's monitor does, for who asks (docs/stage.md, "Attach").
 */
import { ResponseError } from 'vscode-jsonrpc';
import { ErrorCode } from '../protocol/index.js';
import { Attachment } from './attach.js';
import type { Machine } from './machine.js';
import { readLatestRun } from './runs.js';

interface Hearing {
  /** Number of the start that it is of: another one has another monitor. */
  run: number;
  attachment?: Attachment;
}

/** A client of the monitors of those containers whose mounts somebody looks at, and of none while nobody does. */
export class MountEvents {
  private wanted: readonly string[] = [];
  private readonly heard = new Map<string, Hearing>();

  constructor(
    private readonly machine: Pick<Machine, 'store' | 'log'>,
    private readonly onChanged: (container: string) => void,
  ) {}

  /** Replaces the containers, by id. Each is told of at the begin, since it may differ from what was seen before. */
  watch(containers: readonly string[]): void {
    this.wanted = containers;
    this.follow();
  }

  /** Containers may have begun or ended. */
  follow(): void {
    for (const [id, { run }] of this.heard) {
      if (!this.wanted.includes(id) || readLatestRun(this.machine.store, id)?.number !== run) this.leave(id);
    }
    for (const id of this.wanted) {
      const run = readLatestRun(this.machine.store, id);
      if (this.heard.has(id) || run?.runtime === undefined || run.exit !== undefined) continue;
      const hearing = { run: run.number };
      this.heard.set(id, hearing);
      this.hear(id, hearing, run.runtime.socket)
        .catch((error: unknown) => {
          // It has ended: that is told by other ways.
          if (error instanceof ResponseError && error.code === ErrorCode.NotFound) return;
          this.machine.log(`what is mounted inside ${id} is not told: ${String(error)}`);
        })
        .finally(() => {
          if (this.heard.get(id) === hearing) this.heard.delete(id);
        });
    }
  }

  dispose(): void {
    this.watch([]);
  }

  private async hear(id: string, hearing: Hearing, socket: string): Promise<void> {
    const attachment = await Attachment.connect(socket, { mounts: true });
    if (this.heard.get(id) !== hearing) return attachment.close();
    hearing.attachment = attachment;
    for await (const { type } of attachment) if (type === 'mounts') this.onChanged(id);
  }

  private leave(id: string): void {
    this.heard.get(id)?.attachment?.close();
    this.heard.delete(id);
  }
}
