import { readFileSync } from 'node:fs';

export interface Mounted {
  destination: string;
  /** Of this mount, with commas between them. */
  options: string;
  type: string;
}

/** Mounts of a process, read here by proc(5) alone: tests must not lean on our parser. */
export function parseMountinfo(pid: number): Mounted[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const fields = line.split(' ');
      return {
        destination: fields[4] ?? '',
        options: fields[5] ?? '',
        type: fields[fields.indexOf('-') + 1] ?? '',
      };
    });
}
