import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { type Contender, command } from './contender.js';

/**
 * The kernel's own part, see floor.c: what no program can be faster than. It is asked over a pipe, as any program is
 * that runs already.
 * @param program  floor.c, compiled
 */
export function floor(program: string, folder: string, root: string): Contender {
  const own = path.join(folder, 'floor');
  mkdirSync(own);
  const child = spawn(program, [root, own, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const ask = (expected: string) =>
    new Promise<void>((resolve, reject) => {
      lines.once('line', (line) => (line === expected ? resolve() : reject(new Error(`floor: ${line}`))));
      child.stdin.write('\n');
    });
  return {
    name: 'the kernel alone (bare clone3)',
    start: async () => {
      await ask('ready');
      return { stop: () => ask('ended'), discard: async () => undefined };
    },
    close: async () => {
      child.stdin.end();
    },
  };
}
