import { readFileSync } from 'node:fs';

let known: string | undefined;

/** Random, of this start of the machine: pids and start times begin anew with each. Source: random(4), boot_id. */
export function bootId(): string {
  known ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return known;
}
