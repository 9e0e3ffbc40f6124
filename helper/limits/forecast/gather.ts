import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CgroupCounters } from '../../cgroup/counters.js';
import { blockDevices } from '../../cgroup/devices.js';
import { effectiveLimit } from '../../cgroup/effective.js';
import { parseKeyed, readCgroupFile } from '../../cgroup/file.js';
import { containerRecord } from '../../cgroup/layout.js';
import { coresBetween, devicesBetween, type Mark, markOf } from '../../cgroup/rates.js';
import { controllerKey, readHeldLimit } from '../../cgroup/reading.js';
import { type CgroupRecord, controllerFile, controllerFolder } from '../../cgroup/record.js';
import { parseList } from '../../cgroup/values.js';
import type { Machine } from '../../container/machine.js';
import type { LimitChange } from '../../protocol/index.js';
import { readingsOf } from '../report.js';
import { hardLimits, isRlimit } from '../rlimits.js';
import type { LimitSubject } from '../subject.js';
import type { ForecastFacts, MachineFacts, MemoryFacts } from './facts.js';

/** Reads what forecasts for these changes are made from. Takes a moment where a rate counts. Throws Node's errors. */
export async function gatherFacts(
  machine: Machine,
  subject: LimitSubject,
  changes: readonly LimitChange[],
): Promise<ForecastFacts> {
  const { record, access, running, container, run } = subject;
  const live = running && record !== undefined;
  const changed = (name: string): boolean => changes.some((change) => change.name === name);
  // Where it will be, when it is not there yet: groups above it may be.
  const place = record ?? (container && containerRecord(access, container.id, container.specification.group));
  const [report, memory, rates, disks, tighter, above] = await Promise.all([
    readingsOf(machine, subject),
    live && changed('memory.max') ? readMemory(record) : undefined,
    live && (changed('cpu.max') || changed('io.max')) ? readRates(record) : undefined,
    changed('io.max') || changed('io.weight') ? blockDevices(machine.locations.data) : [],
    place === undefined ? new Map() : readTighter(place, changes),
    place === undefined ? new Map() : readAbove(place, changes),
  ]);
  return {
    version: place?.version ?? (access.mode === 'none' ? undefined : access.mode === 'v2' ? 2 : 1),
    live,
    running,
    readings: new Map(report.readings.map((reading) => [reading.name, reading])),
    tighter,
    above,
    memory,
    cores: rates?.cores,
    io: rates?.io ?? [],
    disks,
    hardLimits: run === undefined ? new Map() : hardLimits(run.runtime.init),
    machine: readMachine(),
  };
}

function folderOf(record: CgroupRecord, name: string): string | undefined {
  return controllerFolder(record, controllerKey(record.version, name));
}

async function readTighter(record: CgroupRecord, changes: readonly LimitChange[]): Promise<ForecastFacts['tighter']> {
  const tighter = new Map<string, { value: string; path: string }>();
  for (const { name, value } of changes) {
    const folder = isRlimit(name) ? undefined : folderOf(record, name);
    const found = folder === undefined ? undefined : await effectiveLimit(record.version, name, folder, value);
    if (found !== undefined) tighter.set(name, found);
  }
  return tighter;
}

async function readAbove(record: CgroupRecord, changes: readonly LimitChange[]): Promise<ForecastFacts['above']> {
  const above = new Map<string, string>();
  for (const { name } of changes) {
    if (name !== 'memory.low' && name !== 'memory.min') continue;
    const folder = folderOf(record, name);
    const held = folder === undefined ? undefined : await readHeldLimit(record.version, name, path.dirname(folder));
    if (held !== undefined) above.set(name, held.value);
  }
  return above;
}

/** Sources: cgroup-v2.rst and cgroup-v1/memory.rst, memory.stat. */
async function readMemory(record: CgroupRecord): Promise<MemoryFacts | undefined> {
  const file = controllerFile(record, 'memory', 'memory.stat');
  const text = file === undefined ? undefined : await readCgroupFile(file);
  if (text === undefined) return undefined;
  const stat = parseKeyed(text);
  const sum = (...names: string[]): number => names.reduce((total, name) => total + (stat.get(name) ?? 0), 0);
  return record.version === 2
    ? {
        reclaimable: sum('inactive_file', 'active_file', 'slab_reclaimable'),
        anonymous: sum('inactive_anon', 'active_anon'),
      }
    : {
        reclaimable: sum('total_inactive_file', 'total_active_file'),
        anonymous: sum('total_inactive_anon', 'total_active_anon'),
      };
}

/** Milliseconds between two readings of counters. */
const window = 250;

async function readRates(record: CgroupRecord): Promise<{ cores: number | undefined; io: ForecastFacts['io'] }> {
  const counters = new CgroupCounters(record);
  const mark = (): Mark => markOf(counters.cpuNanoseconds(), counters.io());
  try {
    const before = mark();
    await delay(window);
    const after = mark();
    return { cores: coresBetween(before, after), io: devicesBetween(before, after) ?? [] };
  } finally {
    counters.close();
  }
}

/** CAP_SYS_RESOURCE. Source: capabilities(7). */
const sysResource = 1n << 24n;

function readMachine(): MachineFacts {
  const meminfo = new Map(
    readFileSync('/proc/meminfo', 'utf8')
      .split('\n')
      .map((line) => /^(\w+):\s+(\d+) kB$/.exec(line))
      .flatMap((match) => (match === null ? [] : [[match[1], Number(match[2]) * 1024] as const])),
  );
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const isInitialNamespace = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  return {
    memoryBytes: meminfo.get('MemTotal') ?? Infinity,
    swapBytes: meminfo.get('SwapTotal') ?? 0,
    swapFreeBytes: meminfo.get('SwapFree') ?? 0,
    cpus: readIndexes('/sys/devices/system/cpu/online'),
    nodes: readIndexes('/sys/devices/system/node/has_memory'),
    pidMax: Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')),
    isRoot: isInitialNamespace && (BigInt(`0x${effective}`) & sysResource) !== 0n,
  };
}

/** A kernel built without NUMA has no folder of nodes, and one node. */
function readIndexes(file: string): number[] {
  try {
    return parseList(file, readFileSync(file, 'utf8').trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [0];
    throw error;
  }
}
