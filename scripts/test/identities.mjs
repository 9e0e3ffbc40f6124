// Runs the kernel tests as those who use Terrarium: an ordinary user with a range of ids, one without, and root.
// Only root can become them all; an ordinary user runs the tests as what it is.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { delegateGroups } from './delegation.mjs';
import { endLeftovers } from './leftovers.mjs';
import { onPath, root } from './program.mjs';

/** A range as useradd(8) gives it; what containers of a whole distribution need. */
const rangeSize = 65536;

const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** @returns {{uid: number, gid: number} | undefined} */
export function findUser(name) {
  for (const line of read('/etc/passwd').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Size of the largest range that subuid(5) or subgid(5) gives a user, by name or number. */
function grantedRange(file, name, uid) {
  const sizes = read(file)
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([user]) => user === name || user === String(uid))
    .map(([, , size]) => Number(size));
  return Math.max(0, ...sizes);
}

/** First id from which on nobody has been given any, in neither file. */
function freeRangeStart() {
  const ends = ['/etc/subuid', '/etc/subgid'].flatMap((file) =>
    read(file)
      .split('\n')
      .map((line) => line.split(':'))
      .filter((fields) => fields.length === 3)
      .map(([, start, size]) => Number(start) + Number(size)),
  );
  return Math.max(100000, ...ends);
}

/** An ordinary user for tests, made when missing; it cannot log in and owns nothing but what the tests make. */
export function ensureUser(name, withRange) {
  if (!findUser(name)) execFileSync('useradd', ['--system', '--no-create-home', '--shell', '/bin/sh', name]);
  const user = findUser(name);
  if (!user) throw new Error(`useradd made no user ${name}`);
  const granted = Math.min(grantedRange('/etc/subuid', name, user.uid), grantedRange('/etc/subgid', name, user.uid));
  if (withRange && granted < rangeSize) {
    const start = freeRangeStart();
    const range = `${start}-${start + rangeSize - 1}`;
    execFileSync('usermod', ['--add-subuids', range, '--add-subgids', range, name]);
  }
  if (!withRange && granted > 0) throw new Error(`${name} has a range of ids in /etc/subuid or /etc/subgid: remove it`);
  return user;
}

/** A folder that every user may pass through, with a short path: UNIX sockets have 107 bytes for theirs. */
export async function makePublicFolder() {
  const folder = await mkdtemp('/var/tmp/tt-');
  await chmod(folder, 0o711);
  return folder;
}

/** A copy of what tests need of the built checkout, for users who cannot pass through the way to it. */
export async function copyTree(folder) {
  const tree = path.join(folder, 'tree');
  const parts = ['dist', 'package.json', 'scripts/test/reporter.mjs', 'node_modules/koffi', 'node_modules/@koromix'];
  // Tests of the monitor compile parts of the stage into programs of their own.
  parts.push('native/stage');
  for (const part of [...parts, 'test']) {
    await cp(path.join(root, part), path.join(tree, part), {
      recursive: true,
      filter: (source) => part !== 'test' || path.basename(source) !== 'node_modules',
    });
  }
  execFileSync('chmod', ['-R', 'a+rX', tree]);
  return tree;
}

/** This Node, or a copy of it where every user may execute it: version managers keep theirs in a home folder. */
export async function publicNode(folder) {
  const real = realpathSync(process.execPath);
  const steps = real.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/') || '/');
  if (steps.every((step) => (statSync(step).mode & 0o001) !== 0)) return real;
  const copy = path.join(folder, 'node');
  await cp(real, copy);
  await chmod(copy, 0o755);
  return copy;
}

/** Folders of its own for one identity, and the environment that points there. */
export async function makeHome(folder, identity, user) {
  const home = path.join(folder, identity);
  const folders = { HOME: home, TMPDIR: `${home}/tmp`, XDG_RUNTIME_DIR: `${home}/run` };
  for (const made of Object.values(folders)) {
    await mkdir(made, { mode: 0o700 });
    await chown(made, user.uid, user.gid);
  }
  return {
    PATH: `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${path.dirname(process.execPath)}`,
    LANG: 'C.UTF-8',
    ...Object.fromEntries(Object.entries(process.env).filter(([key]) => key === 'CI' || key === 'NODE_V8_COVERAGE')),
    ...folders,
    XDG_DATA_HOME: `${home}/.local/share`,
    XDG_CACHE_HOME: `${home}/.cache`,
    XDG_CONFIG_HOME: `${home}/.config`,
    TERRARIUM_TEST_IDENTITY: identity,
  };
}

/**
 * Most distributions let everybody open /dev/net/tun. Where it is root's alone, a node of the same device takes its place in
 * the mount namespace of the tests; the machine's own stays as it is.
 */
const openTun = `if [ -c /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ]; then
  mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 || exit 1
fi`;

/**
 * The command with a pid namespace of its own: what tests leave running ends with it. bash is its init, since Node
 * would not reap what containers leave behind.
 * @param {string[]} groups  cgroups to enter first, as root
 * @param {string[]} before  a command that, as root in a mount namespace of its own, executes what follows
 */
export function contained(command, user, groups = [], before = []) {
  const enter = groups.map((group) => `echo $$ > '${group}/cgroup.procs' || exit 1`).join('\n');
  const become = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--inh-caps=-all', '--'];
  // Not --mount-proc: it leaves the old /proc mounted below the new one, which mountinfo then shows twice.
  // A session of its own: SIGCONT may be sent to everybody in the session, root's processes too.
  const init = `umount -l /proc && mount -t proc proc /proc || exit 1\n${openTun}\n${enter}\nsetsid --wait "$@"\nexit $?`;
  // The end of this process is the end of it all, however it comes.
  const start = [
    'setpriv',
    '--pdeathsig',
    'KILL',
    'unshare',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount',
    '--',
    'bash',
    '-c',
    init,
    'bash',
  ];
  return [...start, ...before, ...(user.uid === 0 ? [] : become), ...command];
}

const rootOnly = { range: 'terrarium-test', single: 'terrarium-norange', root: 'root' };

/**
 * Calls `run(identity, command → wrapped command, env)` once for each identity that this user can take, at most so many
 * at the same time.
 * @returns {Promise<string[]>} identities that were not taken
 */
export async function forEachIdentity(folder, lanes, run) {
  if (process.getuid?.() !== 0) {
    const own = ownIdentity();
    const uid = process.getuid?.() ?? -1;
    const home = await makeHome(folder, own, { uid, gid: process.getgid?.() ?? -1 });
    await run(own, (command) => command, home);
    endLeftovers(folder);
    return Object.keys(rootOnly).filter((identity) => identity !== own);
  }
  // One identity is enough while something is being written; CI sets nothing and takes all.
  const chosen = process.env.TERRARIUM_TEST_AS;
  if (chosen !== undefined && !(chosen in rootOnly)) throw new Error(`TERRARIUM_TEST_AS=${chosen} is no identity`);
  const waiting = Object.entries(rootOnly).filter(([identity]) => chosen === undefined || identity === chosen);
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [identity, name] = next;
      await runAs(
        folder,
        identity,
        identity === 'root' ? { uid: 0, gid: 0 } : ensureUser(name, identity === 'range'),
        run,
      );
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return [];
}

async function runAs(folder, identity, user, run) {
  // `single` does without delegated cgroups, so that both ways are seen on every machine.
  const delegation = identity === 'single' ? undefined : await delegateGroups(user);
  try {
    const env = await makeHome(folder, identity, user);
    await run(identity, (command) => contained(command, user, delegation?.groups), env);
  } finally {
    await delegation?.remove();
  }
}

/** What an ordinary user is: `range` where newuidmap can give it one. */
function ownIdentity() {
  const uid = process.getuid?.() ?? -1;
  const name = read('/etc/passwd')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(uid))?.[0];
  const granted = grantedRange('/etc/subuid', name, uid);
  return granted >= rangeSize && onPath('newuidmap') ? 'range' : 'single';
}

/** Removes the folder with all that users below other ids have put there. */
export const removeFolder = (folder) => rm(folder, { recursive: true, force: true, maxRetries: 3 });
