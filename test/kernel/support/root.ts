import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

/** A root file system with nothing but Debian's static busybox, and users to become. */
export function makeBusyboxRoot(folder: string): string {
  const root = path.join(folder, 'root-fs');
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home/alice']) {
    mkdirSync(path.join(root, name), { recursive: true });
  }
  chmodSync(path.join(root, 'tmp'), 0o1777);
  copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
  for (const applet of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', path.join(root, 'bin', applet));
  }
  const passwd = [
    'root:x:0:0:root:/root:/bin/sh',
    'alice:x:1000:1000::/home/alice:/bin/sh',
    'far:x:4000000:0::/:/bin/sh',
  ];
  writeFileSync(path.join(root, 'etc/passwd'), `${passwd.join('\n')}\n`);
  writeFileSync(path.join(root, 'etc/group'), 'root:x:0:\nalice:x:1000:\nwheel:x:10:alice\n');
  return root;
}

/** Compressions that an import has to know by content, with what GNU tar calls them. */
export const compressions = { plain: [], gzip: ['-z'], xz: ['-J'], zstd: ['--zstd'] } as const;

/** Packs a root as `docker export` does: paths without a leading dot, owners by number. */
export function packRoot(root: string, file: string, compression: keyof typeof compressions): string {
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', ['-C', root, ...owner, ...compressions[compression], '-cf', file, '--transform=s,^\\./,,', '.']);
  return file;
}
