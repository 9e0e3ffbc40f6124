import { constants } from 'node:fs';
import { access as checkAccess } from 'node:fs/promises';
import { release } from 'node:os';
import * as path from 'node:path';
import {
  knobOf,
  type LimitReading,
  type LimitsReport,
  type LimitTarget,
  type oci,
  type Remedy,
} from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import { type OfferedKnobs, offeredKnobs } from './discovery.js';
import { effectiveLimit } from './effective.js';
import { parseKeyed, readCgroupFile } from './file.js';
import { knobsOfVersion, whyIgnored, whyMissing, whyNotListed } from './missing.js';
import { nextStartOf } from './nextStart.js';
import { controllerKey, readHeldLimit, readUsage } from './reading.js';
import { type CgroupRecord, controllerFile, controllerFolder } from './record.js';
import { type Limits, limitsOf } from './resources.js';

/** What limits are asked of or given to. */
export interface LimitsQuestion {
  target: LimitTarget;
  title: string;
  /** Its cgroup; undefined when it has none now: it is stopped, or was started without one. */
  record?: CgroupRecord | undefined;
  /** Of its configuration: what holds at the next start. Undefined for cgroups that are not ours to start. */
  resources?: oci.Resources | undefined;
  access: CgroupAccess;
  running: boolean;
  /** Cores in use, where a sample is at hand. */
  cores?: number | undefined;
}

/** What comes from beyond the files of cgroups. */
export interface BesideCgroups {
  /** Knobs of the controller `rlimit`. */
  rlimits?: () => Promise<LimitReading[]>;
}

/**
 * What the kernel holds for a cgroup that is there, or what a stopped container will start with: every knob of the
 * controllers that the machine offers. Throws Node's errors.
 */
export async function readLimits(
  subject: LimitsQuestion,
  beside: BesideCgroups = {},
): Promise<Omit<LimitsReport, 'devices' | 'trial' | 'undoable'>> {
  const { target, title, access, record, running } = subject;
  const live = running && record !== undefined;
  const [cgroup, rlimits = []] = await Promise.all([
    live ? readLive(subject, record) : readConfigured(subject),
    beside.rlimits?.(),
  ]);
  return {
    target,
    title,
    mode: live ? (record.version === 2 ? 'v2' : 'v1') : running ? 'none' : access.mode,
    live,
    ...(running ? { running } : {}),
    readings: [...cgroup.known, ...rlimits, ...cgroup.unknown],
    ...(running && !live && access.mode !== 'none' ? { notice: startedWithout } : noticeOf(access)),
    events: live ? await readEvents(record) : { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
  };
}

/** Those that the list of knobs knows, in its order, and the others by name. */
interface Readings {
  known: LimitReading[];
  unknown: LimitReading[];
}

const startedWithout: Remedy = {
  reason: 'This container was started when no cgroup was to be had, so nothing limits it.',
  remedy: 'Restart it: it will then be born in a cgroup.',
};

function noticeOf(access: CgroupAccess): Pick<LimitsReport, 'notice'> {
  if (access.mode === 'none') return { notice: { reason: access.reason, remedy: access.remedy } };
  return access.notice === undefined ? {} : { notice: access.notice };
}

async function readLive(subject: LimitsQuestion, record: CgroupRecord): Promise<Readings> {
  const offered = await offeredKnobs(record);
  const configured = subject.resources === undefined ? undefined : limitsOf(subject.resources);
  const read = async (name: string): Promise<LimitReading[]> => {
    const without = (unavailable: Remedy) => [{ name, files: [], writable: false, unavailable }];
    try {
      const reading = await readOne(record, name, configured, subject.cores);
      if (reading !== undefined) return [reading];
    } catch (error) {
      const unreadable = whyUnreadable(error);
      if (unreadable === undefined) throw error;
      return without(unreadable);
    }
    const missing = whyNotListed(record.version, name, offered, subject.access);
    return missing === undefined ? [] : without(missing);
  };
  const known = await Promise.all(knobsOfVersion(record.version).map(read));
  const unknown = await Promise.all(offered.unknown.map(read));
  return { known: known.flat(), unknown: unknown.flat() };
}

async function readOne(
  record: CgroupRecord,
  name: string,
  configured: Limits | undefined,
  cores: number | undefined,
): Promise<LimitReading | undefined> {
  const { version } = record;
  const folder = controllerFolder(record, controllerKey(version, name));
  const held = folder === undefined ? undefined : await readHeldLimit(version, name, folder);
  if (folder === undefined || held === undefined) return undefined;
  const files = held.files.map((file) => path.join(folder, file));
  const [{ usage, peak }, effective, refusal] = await Promise.all([
    name === 'cpu.max' && cores !== undefined ? { usage: cores, peak: undefined } : readUsage(version, name, folder),
    effectiveLimit(version, name, folder, held.value),
    whyIgnored(name, release()) ?? whyNotWritable(files[0] ?? folder, name),
  ]);
  const nextStart = configured === undefined ? undefined : nextStartOf(version, name, held, configured);
  return {
    name,
    value: held.value,
    raw: held.raw,
    files,
    ...(usage === undefined ? {} : { usage }),
    ...(peak === undefined ? {} : { peak }),
    ...(effective === undefined ? {} : { effective }),
    ...(nextStart === undefined ? {} : { nextStart }),
    writable: refusal === undefined,
    ...(refusal === undefined ? {} : { unavailable: refusal }),
  };
}

/** One file that is not for everybody must not hide all others. Undefined: another error. */
function whyUnreadable(error: unknown): Remedy | undefined {
  const { code, path: file } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EOPNOTSUPP') return undefined;
  return { reason: `${file ?? 'The file'} cannot be read (${code}).`, remedy: 'Look at it as its owner.' };
}

/** By access(2), which knows of read-only mounts too. Undefined: it can be written. */
async function whyNotWritable(file: string, name: string): Promise<Remedy | undefined> {
  try {
    await checkAccess(file, constants.W_OK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
      ? {
          reason: 'The cgroup file system is mounted read-only here.',
          remedy: 'Mount it writable as root (mount -o remount,rw), or edit limits where it is.',
        }
      : {
          reason: `${file} does not belong to you.`,
          remedy: `Edit it as its owner, or have ${knobOf(name).controller} delegated to you (the doctor says how).`,
        };
  }
  return undefined;
}

async function readConfigured({ resources, access, running }: LimitsQuestion): Promise<Readings> {
  const { values } = limitsOf(resources);
  const reading = (name: string, unavailable: Remedy | undefined): LimitReading => {
    const value = values.get(name);
    return {
      name,
      ...(value === undefined ? {} : { value }),
      files: [],
      writable: unavailable === undefined,
      ...(unavailable === undefined ? {} : { unavailable }),
    };
  };
  const version = access.mode === 'v1' ? 1 : 2;
  const offered = await offeredAtStart(access);
  const known = knobsOfVersion(version);
  const isKnown = (name: string) => known.includes(name);
  const unknown = [...new Set([...offered.unknown, ...values.keys()])].filter((name) => !isKnown(name)).sort();
  if (access.mode === 'none' || running) {
    const why = access.mode === 'none' ? { reason: access.reason, remedy: access.remedy } : startedWithout;
    return {
      known: known.map((name) => reading(name, why)),
      unknown: unknown.map((name) => reading(name, why)),
    };
  }
  const why = (name: string): Remedy | undefined =>
    offered.controllers.has(controllerKey(version, name)) ? undefined : whyMissing(version, name, access);
  const there = known.filter(
    (name) => offered.known.size === 0 || offered.known.has(name) || why(name) !== undefined || values.has(name),
  );
  return {
    known: there.map((name) => reading(name, why(name))),
    unknown: unknown.map((name) => reading(name, why(name))),
  };
}

/** What a new group will offer: what the group above it has, of the controllers that are handed on. */
async function offeredAtStart(access: CgroupAccess): Promise<OfferedKnobs> {
  const none = { known: new Set<string>(), unknown: [], controllers: new Set<string>() };
  if (access.mode === 'none') return none;
  const record: CgroupRecord =
    access.mode === 'v2'
      ? { version: 2, paths: { unified: access.parent } }
      : { version: 1, paths: Object.fromEntries(Object.entries(access.parents)) };
  const offered = await offeredKnobs(record);
  const controllers = new Set(access.mode === 'v2' ? access.controllers : Object.keys(access.parents));
  return {
    ...offered,
    controllers,
    unknown: offered.unknown.filter((name) => controllers.has(knobOf(name).controller)),
  };
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
