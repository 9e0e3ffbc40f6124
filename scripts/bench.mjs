// `npm run bench [ROUNDS]`, `npm run bench import ARCHIVE [ROUNDS]`, `npm run bench listing [ROUNDS]`,
// `npm run bench stats [CONTAINERS]`: builds, and measures as an ordinary user, also when root asks.
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { delegateGroups } from './test/delegation.mjs';
import {
  contained,
  copyTree,
  ensureUser,
  makeHome,
  makePublicFolder,
  publicNode,
  removeFolder,
} from './test/identities.mjs';
import { root, runLines } from './test/program.mjs';

const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
run('scripts/stage.mjs');
run('scripts/build.mjs', '--bench');
execFileSync('gcc', ['-O2', '-Wall', '-static', '-o', 'dist/bench/floor', 'bench/floor.c'], {
  cwd: root,
  stdio: 'inherit',
});

const asRoot = process.getuid?.() === 0;
const folder = await makePublicFolder();
try {
  const user = asRoot ? ensureUser('terrarium-test', true) : { uid: process.getuid?.(), gid: process.getgid?.() };
  const env = await makeHome(folder, 'range', user);
  const node = asRoot ? await publicNode(folder) : process.execPath;
  const tree = asRoot ? await copyTree(folder) : root;
  const [kind, ...rest] = process.argv.slice(2);
  const [bundle, args] = ['import', 'listing', 'stats'].includes(kind)
    ? [kind, rest]
    : ['bench', process.argv.slice(2)];
  const command = [node, path.join(tree, `dist/bench/${bundle}.cjs`), ...args];
  // crun refuses a hybrid hierarchy: everybody gets a plain cgroup2, which none may write to. Statistics want cgroups to read.
  const plain = ['bash', '-c', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', 'bash'];
  const delegation = asRoot && bundle === 'stats' ? await delegateGroups(user) : undefined;
  try {
    const surrounded = () => contained(command, user, delegation?.groups, delegation === undefined ? plain : []);
    const ended = await runLines(asRoot ? surrounded() : command, { env, cwd: tree }, console.log);
    if (ended !== '') throw new Error(ended);
  } finally {
    await delegation?.remove();
  }
} finally {
  await removeFolder(folder);
}
