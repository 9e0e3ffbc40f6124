import { readFileSync } from 'node:fs';
import * as path from 'node:path';

/** What a monitor's log holds of standard output and error, read here by its format in docs/stage.md. */
export function readOutput(directory: string): string {
  const file = readFileSync(path.join(directory, 'output'));
  const text: Buffer[] = [];
  for (let offset = 16; offset < file.length; ) {
    const bytes = file.readUInt32LE(offset);
    if (file.readUInt8(offset + 4) <= 2) text.push(file.subarray(offset + 16, offset + 16 + bytes));
    offset += 16 + bytes;
  }
  return Buffer.concat(text).toString();
}
