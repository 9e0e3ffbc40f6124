import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { parseMountinfo } from '../inspect/mountinfo.js';
import { type BlockDevice, formatBytes } from '../protocol/index.js';

/** Where disks are looked for: the machine's, or a test's. */
export interface DiskSources {
  /** /sys/block: whole disks, no partitions. */
  block: string;
  /** /proc/self/mountinfo: what is mounted from them. */
  mountinfo: string;
}

const machine: DiskSources = { block: '/sys/block', mountinfo: '/proc/self/mountinfo' };

/**
 * The disks that io.max can name, the one that holds `folder` first, then by name. Without those that hold nothing: ram
 * disks, and loop and other devices of size 0. Throws Node's errors; a disk that goes away meanwhile is left out.
 */
export async function blockDevices(folder: string, sources: DiskSources = machine): Promise<BlockDevice[]> {
  const [names, mountinfo, home] = await Promise.all([
    readdir(sources.block).catch(noneIfMissing),
    readFile(sources.mountinfo, 'utf8'),
    deviceOf(folder),
  ]);
  const mountsByDevice = new Map<string, string[]>();
  for (const { device, destination } of parseMountinfo(mountinfo)) {
    mountsByDevice.set(device, [...(mountsByDevice.get(device) ?? []), destination]);
  }
  const disks = await Promise.all(names.sort().map((name) => readDisk(path.join(sources.block, name), mountsByDevice)));
  const there = disks.filter((disk) => disk !== undefined);
  const isHome = (disk: Disk) => disk.numbers.includes(home);
  return [...there.filter(isHome), ...there.filter((disk) => !isHome(disk))].map(({ device }) => device);
}

interface Disk {
  device: BlockDevice;
  /** Of the disk itself and of its partitions. */
  numbers: string[];
}

async function readDisk(folder: string, mounts: ReadonlyMap<string, string[]>): Promise<Disk | undefined> {
  const name = path.basename(folder);
  // Slashes in names of devices are exclamation marks in sysfs.
  const shown = name.replaceAll('!', '/');
  const [number, size, model, holder] = await Promise.all(
    ['dev', 'size', 'device/model', 'dm/name'].map((file) => readLine(path.join(folder, file))),
  );
  if (number === undefined || size === undefined || size === '0' || /^ram\d+$/.test(name)) return undefined;
  const partitions = await partitionsOf(folder, name);
  const numbers = [number, ...partitions];
  const mounted = [...new Set(numbers.flatMap((each) => mounts.get(each) ?? []))];
  // sysfs counts sectors of 512 bytes whatever the disk's own are.
  const parts = [model ?? holder, formatBytes(Number(size) * 512), mountText(mounted)];
  const description = parts.filter((part) => part !== undefined && part !== '').join(', ');
  return { device: { number, name: shown, description }, numbers };
}

async function partitionsOf(folder: string, name: string): Promise<string[]> {
  const entries = await readdir(await realpath(folder)).catch(noneIfMissing);
  const partitions = entries.filter((entry) => entry.startsWith(name));
  const numbers = await Promise.all(partitions.map((entry) => readLine(path.join(folder, entry, 'dev'))));
  return numbers.filter((number) => number !== undefined);
}

/** A disk with many mounts, as one of a machine full of containers, is known by the shortest. */
function mountText(mounted: readonly string[]): string {
  const [first, second, ...rest] = [...mounted].sort((a, b) => a.length - b.length || a.localeCompare(b));
  if (first === undefined) return '';
  const others = rest.length > 0 ? ` and ${rest.length} more` : '';
  return `on ${second === undefined ? first : `${first}, ${second}`}${others}`;
}

/** `MAJOR:MINOR` of the file system. Source: makedev(3), glibc's encoding, which stat(2) gives to Node. */
async function deviceOf(folder: string): Promise<string> {
  const { dev } = await stat(folder, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

async function readLine(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No model, or the disk was taken away.
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') return undefined;
    throw error;
  }
}

function noneIfMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
