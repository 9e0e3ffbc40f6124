import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';

/** A root file system of one static busybox. */
export function busyboxRoot(folder: string): string {
  const root = path.join(folder, 'root');
  const folders = ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'];
  for (const name of folders) mkdirSync(path.join(root, name), { recursive: true });
  copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'tail', 'true', 'echo']) symlinkSync('busybox', path.join(root, 'bin', name));
  return root;
}
