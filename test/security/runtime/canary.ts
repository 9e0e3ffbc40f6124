/** What lies outside a root and must not be touched: looked at before and after. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

export const secret = 'the canary is alive';

export class Canary {
  readonly folder: string;

  /** Makes the tree in a folder that holds nothing else, so that what is created beside it is seen too. */
  constructor(private readonly outside: string) {
    this.folder = path.join(outside, 'canary');
    mkdirSync(path.join(this.folder, 'folder'), { recursive: true });
    writeFileSync(path.join(this.folder, 'file'), `${secret}\n`);
    writeFileSync(path.join(this.folder, 'folder/file'), 'of a folder\n');
    chmodSync(path.join(this.folder, 'file'), 0o640);
  }

  /** Names, types, modes, owners, links, sizes, times of change and content of all there is. */
  look(): string {
    const script = `find . -printf '%y %m %U %G %n %s %C@ %p %l\\n' | sort && find . -type f -exec sha256sum {} +`;
    return execFileSync('sh', ['-c', script], { cwd: this.outside, encoding: 'utf8' });
  }
}
