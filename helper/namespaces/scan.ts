/** What /proc says of the namespaces of every process, and of the namespaces that processes merely hold open. */
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { linkNames, namespaceTypes, parseNamespaceLink } from '../inspect/namespaces.js';
import { isDenied, procFolder, unlessDenied, unlessGone } from '../inspect/proc.js';
import { readCommandLine } from '../inspect/processes.js';
import { parseStat } from '../inspect/stat.js';
import type { NamespaceInodes, oci, ProcessIdentity } from '../protocol/index.js';

export interface ScannedProcess {
  identity: ProcessIdentity;
  parentPid: number;
  innerPid: number;
  uid: number;
  /** At most 15 bytes, chosen by the process. */
  name: string;
  command: string;
  namespaces: NamespaceInodes;
  forChildren: Pick<NamespaceInodes, 'pid' | 'time'>;
  /** Namespaces that it has open; undefined where its descriptors may not be read. */
  descriptors: { fd: number; type: oci.NamespaceType; inode: number }[] | undefined;
}

export interface Scan {
  processes: ScannedProcess[];
  /** Real user ids of processes whose namespaces may not be read. */
  refused: number[];
}

/** How long the scan may keep the helper from answering others. */
const turnMilliseconds = 10;

/** Looks at every process there is, in one go; those that end meanwhile are left out. */
export async function scanProcesses(proc = procFolder): Promise<Scan> {
  const scan: Scan = { processes: [], refused: [] };
  let turn = performance.now();
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    if (performance.now() - turn > turnMilliseconds) {
      await nextTurn();
      turn = performance.now();
    }
    const process = unlessGone(() => scanProcess(`${proc}/${name}`));
    if (process === undefined) continue;
    if (typeof process === 'number') scan.refused.push(process);
    else scan.processes.push(process);
  }
  return scan;
}

/** The process, or its user id when the kernel does not let us look at it. Throws ENOENT or ESRCH when it ends meanwhile. */
function scanProcess(path: string): ScannedProcess | number {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const { uid, innerPid } = readIds(`${path}/status`);
    const namespaces = readLinks(`${path}/ns`);
    if (namespaces === undefined) return uid;
    const seen = {
      uid,
      namespaces,
      forChildren: readForChildren(`${path}/ns`, namespaces),
      commandLine: readCommandLine(`${path}/cmdline`),
      descriptors: readDescriptors(`${path}/fd`),
    };
    // Last, and through the descriptor: it answers only while the process that we began with is there, and so nobody else
    // had its pid in between. To read everything that way would take half as long again.
    const stat = parseStat(readFileSync(`/proc/self/fd/${folder}/stat`, 'utf8'));
    const { commandLine, ...rest } = seen;
    return {
      ...rest,
      identity: { pid: stat.pid, startTime: stat.startTime },
      parentPid: stat.parentPid,
      innerPid: innerPid ?? stat.pid,
      name: stat.command,
      command: commandLine || `[${stat.command}]`,
    };
  } finally {
    closeSync(folder);
  }
}

/** The real user id and the innermost pid. Reads two lines of /proc/PID/status: all of it would take three times as long. */
function readIds(file: string): { uid: number; innerPid: number | undefined } {
  const text = readFileSync(file, 'utf8');
  const uid = /^Uid:\t(\d+)/m.exec(text)?.[1];
  const innerPid = /^NSpid:.*?(\d+)$/m.exec(text)?.[1];
  return { uid: Number(uid), innerPid: innerPid === undefined ? undefined : Number(innerPid) };
}

/** Undefined when they may not be read. A zombie has given back most of its namespaces. */
function readLinks(folder: string): NamespaceInodes | undefined {
  const inodes: NamespaceInodes = {};
  for (const type of namespaceTypes) {
    try {
      const link = parseNamespaceLink(readlinkSync(`${folder}/${linkNames[type]}`));
      if (link !== undefined) inodes[type] = link.inode;
    } catch (error) {
      if (isDenied(error)) return undefined;
      // Gone or never there: a process that has ended is told by the rest of the scan.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return inodes;
}

/** Only where they differ from the process's own. pid_for_children does not resolve until that namespace has an init. */
function readForChildren(folder: string, own: NamespaceInodes): ScannedProcess['forChildren'] {
  const found: ScannedProcess['forChildren'] = {};
  for (const type of ['pid', 'time'] as const) {
    const link = unlessGone(() => unlessDenied(() => readlinkSync(`${folder}/${type}_for_children`)));
    const inode = link === undefined ? undefined : parseNamespaceLink(link)?.inode;
    if (inode !== undefined && inode !== own[type]) found[type] = inode;
  }
  return found;
}

function readDescriptors(folder: string): ScannedProcess['descriptors'] {
  const names = unlessDenied(() => readdirSync(folder));
  return names?.flatMap((name) => {
    const link = unlessGone(() => unlessDenied(() => readlinkSync(`${folder}/${name}`)));
    const namespace = link === undefined ? undefined : parseNamespaceLink(link);
    return namespace === undefined ? [] : [{ fd: Number(name), ...namespace }];
  });
}
