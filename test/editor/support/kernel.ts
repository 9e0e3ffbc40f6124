import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';

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

/**
 * The memory limit of a process's cgroup as the kernel holds it, v1 or v2.
 * @param above  how many groups further up
 */
export function heldLimit(pid: number, above = 0): number {
  const { folder, version } = cgroupOf(pid, 'memory');
  const file = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
  return Number(readFileSync(path.join(folder, '../'.repeat(above), file), 'utf8'));
}

/** Which file of cgroup v1 has what is a key of a line of io.max. */
const throttles = {
  rbps: 'blkio.throttle.read_bps_device',
  wbps: 'blkio.throttle.write_bps_device',
  riops: 'blkio.throttle.read_iops_device',
  wiops: 'blkio.throttle.write_iops_device',
};

/** What a process's cgroup is limited to on each disk as the kernel holds it, v1 or v2: `MAJOR:MINOR KEY=RATE`. */
export function heldRates(pid: number): string[] {
  const { folder, version } = cgroupOf(pid, 'blkio');
  const lines = (file: string) => readFileSync(path.join(folder, file), 'utf8').split('\n').filter(Boolean);
  if (version === 1) {
    return Object.entries(throttles).flatMap(([key, file]) => lines(file).map((line) => line.replace(' ', ` ${key}=`)));
  }
  return lines('io.max').flatMap((line) => {
    const [device, ...limits] = line.split(' ');
    return limits.filter((limit) => !limit.endsWith('=max')).map((limit) => `${device} ${limit}`);
  });
}

/** @param controller  by its name of cgroup v1 */
function cgroupOf(pid: number, controller: string): { folder: string; version: 1 | 2 } {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const [, v1] = new RegExp(`^\\d+:(?:\\S+,)?${controller}(?:,\\S+)?:(.*)$`, 'm').exec(groups) ?? [];
  return v1 === undefined
    ? { folder: `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1]}`, version: 2 }
    : { folder: `/sys/fs/cgroup/${controller}${v1}`, version: 1 };
}

/** The soft and the hard limit of a process's open files. */
export function heldOpenFiles(pid: number): [number, number] {
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  return [Number(soft), Number(hard)];
}

/** How often processes have called read(2) and its like so far, together. Source: proc_pid_io(5), syscr. */
export function readsOf(pids: readonly string[]): number {
  const counts = pids.map((pid) => /^syscr: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
