/** Watches what listens in containers, for as long as somebody looks at them. */
import { ErrorCode, type ProcessIdentity } from '../protocol/index.js';
import { isListening, type RawSocket } from './socketTable.js';

export interface ListenerWatchOptions {
  /** A container's init; undefined when it does not run or its network is this machine's: then nothing is told. */
  find(container: string): ProcessIdentity | undefined;
  /** What listens in the network that a process is in. @throws NotFound when it has ended */
  read(process: ProcessIdentity): Promise<readonly RawSocket[]>;
  onChanged(containers: string[]): void;
  onError(error: unknown): void;
  /** Milliseconds; default 2000: the kernel has no event for it. */
  interval?: number;
}

/** Asks the kernel now and then what listens in those that are watched, and does nothing at all while there are none. */
export class ListenerWatch {
  /** What listened when last seen, by container: nothing before the first look. */
  private readonly known = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(private readonly options: ListenerWatchOptions) {}

  /** Replaces what is watched; the first look is at once. */
  watch(containers: readonly string[]): void {
    for (const container of this.known.keys()) if (!containers.includes(container)) this.known.delete(container);
    for (const container of containers) if (!this.known.has(container)) this.known.set(container, listenersText([]));
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.known.size === 0) return;
    this.timer = setInterval(() => void this.look(), this.options.interval ?? 2000);
    void this.look();
  }

  dispose(): void {
    this.watch([]);
  }

  private async look(): Promise<void> {
    // A slow look (thousands of connections) must not pile up with the next.
    if (this.looking) return;
    this.looking = true;
    try {
      const changed: string[] = [];
      for (const container of [...this.known.keys()]) {
        const now = listenersText(await this.socketsOf(container));
        const before = this.known.get(container);
        if (before === undefined || before === now) continue;
        this.known.set(container, now);
        changed.push(container);
      }
      if (changed.length > 0) this.options.onChanged(changed);
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.looking = false;
    }
  }

  private async socketsOf(container: string): Promise<readonly RawSocket[]> {
    const init = this.options.find(container);
    if (init === undefined) return [];
    try {
      return await this.options.read(init);
    } catch (error) {
      // It ended just now.
      if ((error as { code?: unknown }).code === ErrorCode.NotFound) return [];
      throw error;
    }
  }
}

/** What listens, in an order of its own: the kernel's is that of a hash table. Pure. */
export function listenersText(sockets: readonly RawSocket[]): string {
  return sockets
    .filter(isListening)
    .map(({ protocol, local, inode }) => `${protocol} ${local.address} ${local.port} ${inode}`)
    .sort()
    .join('\n');
}
