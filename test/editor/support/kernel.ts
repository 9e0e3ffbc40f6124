import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The process that is number 1 in a pid namespace (`pid:[…]`), 0 for none. */
export function findInit(namespace: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
      if (/^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return Number(pid);
    } catch (error) {
      // It has ended meanwhile.
      if (!/ENOENT|ESRCH/.test(String(error))) throw error;
    }
  }
  return 0;
}

/** The memory limit of a process's cgroup as the kernel holds it, v1 or v2. */
export function heldLimit(pid: number): number {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const [, v1] = /^\d+:memory:(.*)$/m.exec(groups) ?? [];
  const file =
    v1 === undefined
      ? `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1]}/memory.max`
      : `/sys/fs/cgroup/memory${v1}/memory.limit_in_bytes`;
  return Number(readFileSync(file, 'utf8'));
}
