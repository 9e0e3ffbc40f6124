import { constants } from 'node:fs';
import { access as checkAccess } from 'node:fs/promises';
import * as path from 'node:path';
import { type LimitName, type LimitReading, type LimitsReport, limitNames, type oci } from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import { parseKeyed, readCgroupFile } from './file.js';
import { controllerOf, limitFile, readHeldLimit, readUsage, tightestAncestor } from './reading.js';
import { type CgroupRecord, controllerFile, controllerFolder } from './record.js';
import { type Limits, limitsOf, limitValue } from './resources.js';

export interface LimitsQuestion {
  /** Id, copied into the report. */
  container: string;
  access: CgroupAccess;
  /** Of the running container; undefined when it is stopped or was started without a cgroup. */
  record: CgroupRecord | undefined;
  /** Of its configuration: what holds at the next start. */
  resources: oci.Resources | undefined;
  running: boolean;
  /** Cores in use, where a sample is at hand. */
  cores?: number;
}

/** What the kernel holds for a running container, or what a stopped one will start with. Throws Node's errors. */
export async function readLimits(question: LimitsQuestion): Promise<LimitsReport> {
  const { container, access, record, running } = question;
  if (running && record !== undefined) {
    return {
      container,
      mode: record.version === 2 ? 'v2' : 'v1',
      live: true,
      readings: await Promise.all(limitNames.map((name) => readLive(record, name, question.cores))),
      ...noticeOf(access),
      events: await readEvents(record),
    };
  }
  const limits = limitsOf(question.resources);
  return {
    container,
    mode: running ? 'none' : access.mode,
    live: false,
    readings: limitNames.map((name) => configured(name, limits, access, running)),
    ...(running && access.mode !== 'none' ? { notice: startedWithout } : noticeOf(access)),
    events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
  };
}

const startedWithout = {
  reason: 'This container was started when no cgroup was to be had, so nothing limits it.',
  remedy: 'Restart it: it will then be born in a cgroup.',
};

function noticeOf(access: CgroupAccess): Pick<LimitsReport, 'notice'> {
  if (access.mode === 'none') return { notice: { reason: access.reason, remedy: access.remedy } };
  return access.notice === undefined ? {} : { notice: access.notice };
}

async function readLive(record: CgroupRecord, name: LimitName, cores: number | undefined): Promise<LimitReading> {
  const { version } = record;
  const folder = controllerFolder(record, controllerOf(name));
  const held = folder === undefined ? undefined : await readHeldLimit(version, name, folder);
  if (folder === undefined || held === undefined)
    return { name, writable: false, unavailable: whyMissing(version, name) };
  const file = path.join(folder, held.file);
  const [usage, above, writable] = await Promise.all([
    name === 'cpu.max' ? cores : readUsage(version, name, folder),
    tightestAncestor(version, name, folder),
    checkAccess(file, constants.W_OK).then(
      () => true,
      () => false,
    ),
  ]);
  return {
    name,
    value: held.value,
    raw: held.raw,
    file,
    ...(usage === undefined ? {} : { usage }),
    ...(above !== undefined && (held.value === 'max' || above.value < held.value) ? { effective: above } : {}),
    writable,
    ...(writable
      ? {}
      : { unavailable: { reason: `${file} does not belong to you.`, remedy: 'Restart the container as its owner.' } }),
  };
}

function whyMissing(version: 1 | 2, name: LimitName): { reason: string; remedy: string } {
  if (name === 'memory.swap.max') {
    return {
      reason: 'The kernel does not account for swap here.',
      remedy: 'Boot with the kernel parameter swapaccount=1.',
    };
  }
  const controller = controllerOf(name);
  return {
    reason: `The container's cgroup has no ${limitFile(version, name)}: the controller ${controller} is not delegated to you.`,
    remedy: `Have ${controller} delegated (the doctor says how), then restart the container.`,
  };
}

function configured(name: LimitName, limits: Limits, access: CgroupAccess, running: boolean): LimitReading {
  const value = limitValue(limits, name);
  const reading = { name, ...(value === undefined ? {} : { value }) };
  if (access.mode === 'none') {
    return { ...reading, writable: false, unavailable: { reason: access.reason, remedy: access.remedy } };
  }
  if (running) return { ...reading, writable: false, unavailable: startedWithout };
  const controller = controllerOf(name);
  const present = access.mode === 'v2' ? access.controllers : Object.keys(access.parents);
  if (present.includes(controller)) return { ...reading, writable: true };
  const unavailable = access.notice ?? whyMissing(access.mode === 'v2' ? 2 : 1, name);
  return { ...reading, writable: false, unavailable };
}

async function readEvents(record: CgroupRecord): Promise<LimitsReport['events']> {
  const keyed = async (controller: string, file: string): Promise<Map<string, number>> => {
    const found = controllerFile(record, controller, file);
    return parseKeyed(found === undefined ? undefined : await readCgroupFile(found));
  };
  const [memory, pids, cpu] = await Promise.all([
    keyed('memory', record.version === 2 ? 'memory.events' : 'memory.oom_control'),
    keyed('pids', 'pids.events'),
    keyed('cpu', 'cpu.stat'),
  ]);
  return {
    oomKills: memory.get('oom_kill') ?? 0,
    pidsRefused: pids.get('max') ?? 0,
    // v1 counts nanoseconds.
    throttledMicroseconds: cpu.get('throttled_usec') ?? Math.round((cpu.get('throttled_time') ?? 0) / 1000),
  };
}
