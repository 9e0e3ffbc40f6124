import { readFileSync } from 'node:fs';
import { O_CLOEXEC } from '../../../native/bindings/openat2.js';

/** Close-on-exec as the kernel reports it in /proc/self/fdinfo. */
export function isClosedOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  if (!flags?.[1]) {
    throw new Error(`no flags in fdinfo of ${fd}`);
  }
  return (Number.parseInt(flags[1], 8) & O_CLOEXEC) !== 0;
}
