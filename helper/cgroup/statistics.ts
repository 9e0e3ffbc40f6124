import type { ContainerStats } from '../protocol/index.js';
import { parseKeyed, readCgroupFile } from './file.js';
import { sumProcesses } from './processUsage.js';
import { limitNumber, readHeldLimit } from './reading.js';
import { type CgroupRecord, controllerFile, controllerFolder } from './record.js';

/** What is known of a running container. */
export interface StatisticsSource {
  /** Id, copied into the statistics. */
  container: string;
  record: CgroupRecord | undefined;
  /** Its processes, also those that entered it: asked and summed where there is no cgroup to ask. */
  pids(): Promise<readonly number[]>;
}

/** CPU time at a moment: the use in cores is the difference of two. */
export interface CpuMark {
  cpuNanoseconds: number;
  /** performance.now(), milliseconds. */
  at: number;
}

export interface Sample {
  stats: ContainerStats;
  mark: CpuMark;
}

/**
 * One sample: about eight small files with a cgroup, three for each process without. `cpu` is there from the second sample on.
 * Throws Node's errors; a container that ends meanwhile gives statistics without values.
 */
export async function sampleStatistics(source: StatisticsSource, previous?: CpuMark): Promise<Sample> {
  const { record } = source;
  const counted = record === undefined ? {} : await readCounted(record);
  // What no controller counts is summed from the processes.
  const needsSum =
    counted.memoryBytes === undefined || counted.pids === undefined || counted.cpuNanoseconds === undefined;
  const summed = needsSum ? await sumProcesses(await source.pids()) : undefined;
  const memoryBytes = counted.memoryBytes ?? summed?.memoryBytes;
  const pids = counted.pids ?? summed?.pids;
  const cpuNanoseconds = counted.cpuNanoseconds ?? summed?.cpuNanoseconds ?? 0;
  const mark = { cpuNanoseconds, at: performance.now() };
  const cpu = previous === undefined ? undefined : coresBetween(previous, mark);
  return {
    stats: {
      container: source.container,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(counted.memoryMax === undefined ? {} : { memoryMax: counted.memoryMax }),
      ...(pids === undefined ? {} : { pids }),
      ...(counted.pidsMax === undefined ? {} : { pidsMax: counted.pidsMax }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(counted.oomKills === undefined ? {} : { oomKills: counted.oomKills }),
    },
    mark,
  };
}

/** Never negative: a sum over processes shrinks when one ends that nobody waited for. */
export function coresBetween(before: CpuMark, after: CpuMark): number | undefined {
  const elapsed = (after.at - before.at) * 1e6;
  return elapsed <= 0 ? undefined : Math.max(0, after.cpuNanoseconds - before.cpuNanoseconds) / elapsed;
}

type Counted = Omit<ContainerStats, 'container' | 'cpu'> & { cpuNanoseconds?: number };

async function readCounted(record: CgroupRecord): Promise<Counted> {
  const read = async (controller: string, file: string): Promise<string | undefined> => {
    const found = controllerFile(record, controller, file);
    return found === undefined ? undefined : readCgroupFile(found);
  };
  const held = async (controller: string, name: 'memory.max' | 'pids.max') => {
    const folder = controllerFolder(record, controller);
    const found = folder === undefined ? undefined : await readHeldLimit(record.version, name, folder);
    return found === undefined ? undefined : limitNumber(found.value);
  };
  const v2 = record.version === 2;
  const [memory, memoryMax, pids, pidsMax, cpu, events] = await Promise.all([
    read('memory', v2 ? 'memory.current' : 'memory.usage_in_bytes'),
    held('memory', 'memory.max'),
    read('pids', 'pids.current'),
    held('pids', 'pids.max'),
    v2 ? read('cpu', 'cpu.stat') : read('cpuacct', 'cpuacct.usage'),
    read('memory', v2 ? 'memory.events' : 'memory.oom_control'),
  ]);
  const oomKills = parseKeyed(events).get('oom_kill');
  // v2 counts microseconds and does so without the cpu controller too; v1 counts nanoseconds.
  const microseconds = v2 ? parseKeyed(cpu).get('usage_usec') : undefined;
  const cpuNanoseconds = v2 ? microseconds && microseconds * 1000 : cpu === undefined ? undefined : Number(cpu);
  return {
    ...(memory === undefined ? {} : { memoryBytes: Number(memory) }),
    ...(memoryMax === undefined ? {} : { memoryMax }),
    ...(pids === undefined ? {} : { pids: Number(pids) }),
    ...(pidsMax === undefined ? {} : { pidsMax }),
    ...(cpuNanoseconds === undefined ? {} : { cpuNanoseconds }),
    ...(oomKills === undefined ? {} : { oomKills }),
  };
}
