// What an ordinary user's tests leave running when they fail: where root tests, a pid namespace ends with them instead.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';

/**
 * Ends what an ordinary user's tests left running: zygotes and monitors have no argument and no environment that would
 * tell whose they are, but they listen at sockets below the folder, and containers are their children.
 */
export function endLeftovers(folder) {
  const sockets = new Set(
    readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , , bound]) => bound?.startsWith(`${folder}/`))
      .map(([, , , , , , inode]) => `socket:[${inode}]`),
  );
  const parents = new Map();
  const found = new Set();
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    const stat = readOf(`/proc/${pid}/stat`);
    parents.set(pid, stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
    if (descriptorsOf(pid).some((target) => sockets.has(target))) found.add(pid);
  }
  found.delete(String(process.pid));
  for (const pid of parents.keys()) {
    for (let at = pid; at !== undefined && at !== '0'; at = parents.get(at)) {
      if (!found.has(at)) continue;
      kill(Number(pid));
      break;
    }
  }
}

/** What a process has open; nothing of one that belongs to another user, or ends meanwhile. */
function descriptorsOf(pid) {
  try {
    const fds = `/proc/${pid}/fd`;
    return readdirSync(fds).map((fd) => readLink(path.join(fds, fd)));
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT', 'ESRCH'].includes(error.code)) return [];
    throw error;
  }
}

function readLink(file) {
  try {
    return readlinkSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** Of a process, which may end meanwhile. */
function readOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
