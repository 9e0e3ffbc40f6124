import * as os from 'node:os';
import type { MachineUse } from './messages.js';

interface Ticks {
  busy: number;
  all: number;
}

/** What the machine as a whole has and uses; the CPU since the last time that it was asked. */
export class MachineMeter {
  private last = ticks();

  read(): MachineUse {
    const now = ticks();
    const elapsed = now.all - this.last.all;
    const cores = os.cpus().length;
    const cpu = elapsed > 0 ? ((now.busy - this.last.busy) / elapsed) * cores : undefined;
    this.last = now;
    const memoryBytes = os.totalmem();
    return {
      cores,
      memoryBytes,
      ...(cpu === undefined ? {} : { cpu }),
      cpuMax: cores,
      memory: memoryBytes - os.freemem(),
      memoryMax: memoryBytes,
    };
  }
}

/** Milliseconds since the start, of all cores together. */
function ticks(): Ticks {
  return os.cpus().reduce(
    (sum, { times }) => {
      const all = times.user + times.nice + times.sys + times.irq + times.idle;
      return { busy: sum.busy + all - times.idle, all: sum.all + all };
    },
    { busy: 0, all: 0 },
  );
}
