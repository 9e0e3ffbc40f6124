/** What the kernel says of a process, read with nothing of Terrarium's. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export const namespaceLinks = ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup', 'time'] as const;
export type NamespaceLink = (typeof namespaceLinks)[number];

/** The links of /proc/PID/ns, such as `uts:[4026531838]`. */
export function namespacesOf(pid: number | 'self'): Record<NamespaceLink, string> {
  const links = namespaceLinks.map((link) => [link, readlinkSync(`/proc/${pid}/ns/${link}`)]);
  return Object.fromEntries(links) as Record<NamespaceLink, string>;
}

/** The links in which two processes differ. */
export function differingNamespaces(pid: number, other: number | 'self' = 'self'): NamespaceLink[] {
  const [own, others] = [namespacesOf(pid), namespacesOf(other)];
  return namespaceLinks.filter((link) => own[link] !== others[link]);
}

/** One field of /proc/PID/status. */
export function statusField(pid: number, field: string): string {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return line.slice(field.length + 1).trim();
}

export interface KernelMount {
  destination: string;
  root: string;
  type: string;
  source: string;
  options: string[];
  superOptions: string[];
}

/** /proc/PID/mountinfo, or text like it. proc_pid_mountinfo(5) */
export function parseMountinfo(text: string): KernelMount[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '', destination = '', options = ''] = before.split(' ');
      const [type = '', source = '', superOptions = ''] = after.split(' ');
      return { destination, root, type, source, options: options.split(','), superOptions: superOptions.split(',') };
    });
}

export function mountsOf(pid: number | 'self'): KernelMount[] {
  return parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));
}

/** Field 22 of /proc/PID/stat, or undefined when there is no such process (a zombie is none). */
export function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** What its descriptors lead to, as links of /proc/PID/fd tell it. */
export function openFilesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch (error) {
      // Closed since.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}

/** Parent of a process. */
export function parentOf(pid: number): number {
  return Number(statusField(pid, 'PPid'));
}

/** Kills a process, which may have ended meanwhile, as does what ends with another one that was killed. */
export function killUnlessEnded(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Pids of processes whose command line holds `text`, among those that this user may look at. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ESRCH') return false;
        throw error;
      }
    });
}
