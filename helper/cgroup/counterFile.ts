import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** No file of a controller that is read here is longer: one line for each device is the longest. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** How many reads a missing file is passed over: its controller may be enabled later. */
const restAfterMissing = 10;

let kept = 0;
let mostKept: number | undefined;

/** A quarter of the descriptors that this process may have: beyond, files are opened for each read. */
function mayKeep(): boolean {
  mostKept ??= Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? 1024) / 4;
  return kept < mostKept;
}

/**
 * A file of a cgroup that is read again and again, through a descriptor that stays open: it saves looking up the path, which
 * takes longer than the kernel needs for the answer. The kernel makes the content anew for each read from the begin, and an
 * open file keeps no cgroup from being removed. Reads are synchronous: they take microseconds, and no disk.
 */
export class CounterFile {
  private descriptor: number | undefined;
  private rest = 0;

  constructor(readonly path: string) {}

  /**
   * The content without the final newline; undefined where there is no such file, or none for this user, or it has gone with
   * its cgroup or its controller (ENODEV). Pressure files cannot be read (EOPNOTSUPP) where it is switched off.
   */
  read(): string | undefined {
    if (this.rest > 0) {
      this.rest -= 1;
      return undefined;
    }
    try {
      return this.readOpen();
    } catch (error) {
      const wasOpen = this.descriptor !== undefined;
      this.close();
      const { code } = error as NodeJS.ErrnoException;
      // A controller that was taken away and given back has new files.
      if (code === 'ENODEV' && wasOpen) return this.read();
      if (code === undefined || !['ENOENT', 'ENOTDIR', 'EACCES', 'ENODEV', 'EOPNOTSUPP'].includes(code)) throw error;
      this.rest = restAfterMissing;
      return undefined;
    }
  }

  close(): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    this.descriptor = undefined;
    kept -= 1;
  }

  private readOpen(): string {
    if (this.descriptor === undefined) {
      const descriptor = openSync(this.path, 'r');
      if (!mayKeep()) {
        try {
          return contentOf(descriptor);
        } finally {
          closeSync(descriptor);
        }
      }
      this.descriptor = descriptor;
      kept += 1;
    }
    return contentOf(this.descriptor);
  }
}

function contentOf(descriptor: number): string {
  const bytes = readSync(descriptor, buffer, 0, buffer.length, 0);
  const end = bytes > 0 && buffer[bytes - 1] === 0x0a ? bytes - 1 : bytes;
  return buffer.toString('latin1', 0, end);
}
