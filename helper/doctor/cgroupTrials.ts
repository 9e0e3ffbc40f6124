import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import type { CgroupAccess } from '../cgroup/access.js';
import { readCgroupFile, writeCgroupFile } from '../cgroup/file.js';
import type { DoctorLineId } from '../protocol/index.js';
import { attempt } from './attempt.js';
import { cgroupLine, controllerFinding, type GroupTrial } from './cgroupFindings.js';
import { type Examination, type Finding, findingOf, type Trial, untried, works } from './finding.js';
import { trialRules } from './trialRules.js';

type Usable = Exclude<CgroupAccess, { mode: 'none' }>;

/** How a controller is tried: a value that its file does not have by itself, which limits nothing, for nothing is in the group. */
interface Probe {
  id: DoctorLineId;
  /** Names of the controller in cgroup v2 and v1. */
  controller: { v2: string; v1: string };
  /** File and value for a group and the one above it; undefined: there is nothing to try it on. */
  v2(group: string): Promise<Write | undefined>;
  v1(group: string): Promise<Write | undefined>;
}

interface Write {
  file: string;
  data: string;
  /** Whether what is read back is what was written; default: the same text. */
  accepts?(text: string): boolean;
}

const fixed = (file: string, data: string) => async (): Promise<Write> => ({ file, data });

const probes: readonly Probe[] = [
  {
    id: 'cgroup-memory',
    controller: { v2: 'memory', v1: 'memory' },
    v2: fixed('memory.max', '1073741824'),
    v1: fixed('memory.limit_in_bytes', '1073741824'),
  },
  {
    id: 'cgroup-pids',
    controller: { v2: 'pids', v1: 'pids' },
    v2: fixed('pids.max', '100'),
    v1: fixed('pids.max', '100'),
  },
  {
    id: 'cgroup-cpu',
    controller: { v2: 'cpu', v1: 'cpu' },
    v2: fixed('cpu.max', '50000 100000'),
    v1: fixed('cpu.cfs_quota_us', '50000'),
  },
  {
    id: 'cgroup-cpuset',
    controller: { v2: 'cpuset', v1: 'cpuset' },
    v2: (group) => oneCpu(path.dirname(group), 'cpuset.cpus.effective'),
    v1: (group) => oneCpu(path.dirname(group), 'cpuset.cpus'),
  },
  {
    id: 'cgroup-io',
    controller: { v2: 'io', v1: 'blkio' },
    v2: () =>
      onDisk((disk) => ({
        file: 'io.max',
        data: `${disk} rbps=1073741824`,
        accepts: (text) => text.includes(disk) && text.includes('rbps=1073741824'),
      })),
    v1: () => onDisk((disk) => ({ file: 'blkio.throttle.read_bps_device', data: `${disk} 1073741824` })),
  },
  {
    id: 'cgroup-hugetlb',
    controller: { v2: 'hugetlb', v1: 'hugetlb' },
    v2: (group) => onHugePages(group, /^hugetlb\.\w+\.max$/),
    v1: (group) => onHugePages(group, /^hugetlb\.\w+\.limit_in_bytes$/),
  },
  {
    id: 'cgroup-freezer',
    controller: { v2: 'freezer', v1: 'freezer' },
    v2: fixed('cgroup.freeze', '1'),
    v1: fixed('freezer.state', 'FROZEN'),
  },
];

async function oneCpu(parent: string, file: string): Promise<Write | undefined> {
  const first = /^\d+/.exec((await readCgroupFile(path.join(parent, file))) ?? '')?.[0];
  return first === undefined ? undefined : { file: 'cpuset.cpus', data: first };
}

/** The first disk of the machine: the kernel takes whole disks only, no partitions. */
async function onDisk(write: (disk: string) => Write): Promise<Write | undefined> {
  const disks = await readdir('/sys/block').catch(nothingThere);
  // Those of memory take no part in block cgroups; the device number must be one that the kernel knows.
  const [first] = disks.filter((name) => !/^(ram|zram)/.test(name)).sort();
  return first === undefined ? undefined : write((await readFile(`/sys/block/${first}/dev`, 'utf8')).trim());
}

async function onHugePages(group: string, pattern: RegExp): Promise<Write | undefined> {
  const file = (await readdir(group).catch(nothingThere)).find((name) => pattern.test(name));
  return file === undefined ? undefined : { file, data: '0' };
}

function nothingThere(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT' || error.code === 'EACCES') return [];
  throw error;
}

/** The folder in which groups with a controller can be made; undefined: none. */
function parentOf(access: Usable, controller: { v1: string }): string | undefined {
  if (access.mode === 'v2') return access.parent;
  return (access.parents as Readonly<Record<string, string | undefined>>)[controller.v1];
}

/** Makes a scratch group, and removes it after the work. Throws Node's errors. */
async function inGroup<T>(parent: string, work: (group: string) => Promise<T>): Promise<T> {
  const group = path.join(parent, `terrarium-doctor-${randomBytes(4).toString('hex')}`);
  await mkdir(group);
  try {
    return await work(group);
  } finally {
    await rmdir(group);
  }
}

/** Writes a value of a controller in a scratch group and reads it back. */
export async function tryController(probe: Probe, access: Usable): Promise<GroupTrial> {
  const controller = probe.controller[access.mode];
  const parent = parentOf(access, probe.controller);
  if (parent === undefined) return { controller, errno: 'ENOENT' };
  let file: string | undefined;
  try {
    return await inGroup(parent, async (group) => {
      const write = await probe[access.mode](group);
      if (write === undefined) return { controller, errno: 'ENOENT' };
      file = write.file;
      await writeCgroupFile(path.join(group, write.file), write.data);
      const text = await readCgroupFile(path.join(group, write.file));
      const accepts = write.accepts ?? ((back: string) => back === write.data);
      return { controller, file, ...(accepts(text ?? '') ? {} : { readBack: text ?? '' }) };
    });
  } catch (error) {
    return { controller, ...(file === undefined ? {} : { file }), errno: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return code;
}

function needsGroup(run: (access: Usable, examination: Examination) => Promise<Finding>): Trial['run'] {
  return (examination) => {
    const { cgroups } = examination;
    return cgroups.mode === 'none'
      ? untried('no group can be made', 'First have control groups delegated to you: see the line on them.')
      : run(cgroups, examination);
  };
}

/** Controllers that the kernel has, in whichever version. Source: cgroups(7), /proc/cgroups. */
async function knownControllers(): Promise<ReadonlySet<string>> {
  const [legacy, unified] = await Promise.all([
    readFile('/proc/cgroups', 'utf8').catch(() => ''),
    readCgroupFile('/sys/fs/cgroup/cgroup.controllers'),
  ]);
  const enabled = legacy
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.trim().endsWith('1'))
    .map((line) => line.split('\t')[0] ?? '');
  const known = new Set([...enabled, ...(unified?.split(' ') ?? [])]);
  // v2 has another name for blkio, and the freezer is part of it.
  return new Set([...known, ...(known.has('blkio') ? ['io'] : []), ...(unified === undefined ? [] : ['freezer'])]);
}

const controllerTrials = probes.map(
  (probe): Trial => ({
    id: probe.id,
    inside: false,
    run: needsGroup(async (access) => {
      const [trial, known] = await Promise.all([tryController(probe, access), knownControllers()]);
      return controllerFinding(trial, access, known);
    }),
  }),
);

const startWithV2 = {
  fix: 'Start the machine with cgroup v2: with systemd by the kernel parameter systemd.unified_cgroup_hierarchy=1.',
  command: 'stat -fc %T /sys/fs/cgroup; cat /proc/cmdline',
};

/** `cgroup.kill`: nothing is in the group, so nothing dies of it. */
async function tryKill(access: Usable): Promise<Finding> {
  if (access.mode === 'v1') {
    return {
      verdict: 'partial',
      tried: 'cgroup v1 has no cgroup.kill: containers are frozen and their processes killed one by one instead.',
      ...startWithV2,
    };
  }
  try {
    await inGroup(access.parent, (group) => writeCgroupFile(path.join(group, 'cgroup.kill'), '1'));
    return works('Wrote cgroup.kill in a scratch group.');
  } catch (error) {
    const errno = codeOf(error);
    return {
      verdict: 'partial',
      tried: `Tried to write cgroup.kill in a scratch group: ${errno}. Processes are killed one by one instead.`,
      errno,
      fix: 'Boot Linux 5.14 or later, which has cgroup.kill.',
      command: 'uname -r',
    };
  }
}

async function tryClone(access: Usable, { bench, facts }: Examination): Promise<Finding> {
  if (access.mode === 'v1') {
    return {
      verdict: 'partial',
      tried:
        'clone3(2) takes groups of cgroup v2 only: in v1 processes are moved into their group before they execute.',
      ...startWithV2,
    };
  }
  const group = path.join(access.parent, `terrarium-doctor-${randomBytes(4).toString('hex')}`);
  const born = await attempt(bench, { flags: 0, cgroup: group, before: () => [{ kind: 'makeCgroup', path: group }] });
  return findingOf(
    born,
    'a process in a group of its own, by clone3 with CLONE_INTO_CGROUP',
    facts,
    trialRules['cgroup-clone'],
  );
}

/** Pressure of the machine, and of a group, which only v2 has. Source: Documentation/accounting/psi.rst. */
async function tryPressure({ cgroups }: Examination): Promise<Finding> {
  const files = ['cpu', 'memory', 'io'].map((name) => `/proc/pressure/${name}`);
  try {
    await Promise.all(files.map((file) => readFile(file, 'utf8')));
  } catch (error) {
    const errno = codeOf(error);
    return {
      verdict: 'missing',
      tried: `Reading /proc/pressure answered ${errno}. The kernel was built without pressure stall information, or started with psi=0.`,
      errno,
      fix: 'Start the machine with the kernel parameter psi=1.',
      command: 'grep CONFIG_PSI "/boot/config-$(uname -r)"; cat /proc/cmdline',
    };
  }
  if (cgroups.mode === 'none') {
    return {
      verdict: 'partial',
      tried: 'Read /proc/pressure; not that of a group, for none can be made.',
      fix: 'Have control groups delegated to you: see the line on them.',
    };
  }
  if (cgroups.mode === 'v1') {
    return {
      verdict: 'partial',
      tried: 'Read /proc/pressure, which is about the whole machine; groups of cgroup v1 have none of their own.',
      ...startWithV2,
    };
  }
  const { parent } = cgroups;
  const read = await inGroup(parent, (group) => readCgroupFile(path.join(group, 'cpu.pressure')));
  return read === undefined
    ? {
        verdict: 'partial',
        tried: 'Read /proc/pressure; a scratch group has no cpu.pressure (started with cgroup_disable=pressure).',
        fix: 'Start the machine without cgroup_disable=pressure.',
        command: 'cat /proc/cmdline',
      }
    : works('Read /proc/pressure, and cpu.pressure of a scratch group.');
}

/** The place itself: a group made and removed wherever one is needed. */
async function tryGroup({ cgroups }: Examination): Promise<Finding> {
  if (cgroups.mode === 'none') return cgroupLine(cgroups);
  const parents = cgroups.mode === 'v2' ? [cgroups.parent] : [...new Set(Object.values(cgroups.parents))];
  for (const parent of parents) {
    try {
      await inGroup(parent, (group) => stat(path.join(group, 'cgroup.procs')));
    } catch (error) {
      return cgroupLine(cgroups, { parent, errno: codeOf(error) });
    }
  }
  return cgroupLine(cgroups);
}

/** Lines that are about control groups. */
export const cgroupTrials: readonly Trial[] = [
  { id: 'cgroup', inside: false, run: tryGroup },
  ...controllerTrials,
  { id: 'cgroup-kill', inside: false, run: needsGroup(tryKill) },
  { id: 'cgroup-clone', inside: true, run: needsGroup(tryClone) },
  { id: 'pressure', inside: false, run: tryPressure },
];
