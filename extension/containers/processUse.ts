import type { ProcessInfo } from '../../helper/protocol/index.js';

/** A process over its whole life: pids are given again. */
export function processKey({ identity }: Pick<ProcessInfo, 'identity'>): string {
  return `${identity.pid}@${identity.startTime}`;
}

interface Reading {
  /** Milliseconds on a clock that never jumps. */
  at: number;
  processes: ReadonlyMap<string, { cpuMicroseconds: number; cores?: number }>;
}

/** What the processes of each container use of the CPU: the difference between the two latest readings. */
export class ProcessUse {
  private readonly readings = new Map<string, Reading>();

  /** Takes a reading. @param at milliseconds, of the same clock each time. */
  take(container: string, processes: readonly ProcessInfo[], at: number): void {
    const before = this.readings.get(container);
    const read = processes.map((process): [string, { cpuMicroseconds: number; cores?: number }] => {
      const { cpuMicroseconds } = process;
      const earlier = before?.processes.get(processKey(process))?.cpuMicroseconds;
      const elapsed = (at - (before?.at ?? at)) * 1000;
      const isKnown = earlier !== undefined && elapsed > 0;
      return [
        processKey(process),
        { cpuMicroseconds, ...(isKnown ? { cores: Math.max(0, (cpuMicroseconds - earlier) / elapsed) } : {}) },
      ];
    });
    this.readings.set(container, { at, processes: new Map(read) });
  }

  /** Cores in use by a process; undefined until it has been read twice. */
  cores(container: string, process: ProcessInfo): number | undefined {
    return this.readings.get(container)?.processes.get(processKey(process))?.cores;
  }

  /** Nobody looks at them any more: the next reading is a first one again. */
  forget(container: string): void {
    this.readings.delete(container);
  }
}
