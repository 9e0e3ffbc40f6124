import type { ShownDetails, ShownReading, ShownReport } from '../../../extension/limits/messages.js';

export const MiB = 1024 ** 2;

/** A limit of 512 MiB, of which 80 MiB are in use. */
export const memory: ShownReading = {
  name: 'memory.max',
  value: String(512 * MiB),
  raw: '536870912\n',
  files: ['/sys/fs/cgroup/a/memory.max'],
  usage: 80 * MiB,
  peak: 100 * MiB,
  writable: true,
};

/** The report of a running container on cgroup v2. */
export function reportOf(readings: ShownReading[], changes: Partial<ShownReport> = {}): ShownReport {
  return {
    target: { container: 'c' },
    title: 'web',
    mode: 'v2',
    live: true,
    readings,
    devices: [],
    events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
    ...changes,
  };
}

/** What was counted at a second. */
export function sampleOf(more: Partial<ShownDetails>, second = 0): ShownDetails {
  return { at: new Date(1_700_000_000_000 + second * 1000).toISOString(), ...more };
}
