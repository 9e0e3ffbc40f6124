import { readFileSync, statSync } from 'node:fs';
import { userNames } from '../inspect/hostUsers.js';
import { readMounts } from '../inspect/mountinfo.js';
import { linkNames, readNamespaces } from '../inspect/namespaces.js';
import { procFolder, unlessDenied, unlessGone } from '../inspect/proc.js';
import { ErrorCode, type NamespaceReport, type oci, terrariumError } from '../protocol/index.js';
import type { KnownContainer } from './membership.js';
import { namespaceMounts } from './mounts.js';
import { type NamespaceFile, type RelatedNamespace, readRelations } from './relations.js';
import { type HeldNamespace, heldByProcesses, makeReport } from './report.js';
import { type ScannedProcess, scanProcesses } from './scan.js';

/**
 * Every namespace that our user may see: those that processes are in, that they hold open, and that bind mounts keep.
 * @param containers our running ones.
 */
export async function listNamespaces(containers: readonly KnownContainer[]): Promise<NamespaceReport> {
  const host = readNamespaces('self');
  if (host === undefined) throw terrariumError(ErrorCode.Internal, 'The kernel shows no namespaces of our own process');
  const scan = await scanProcesses();
  const mounted = mountedNamespaces(scan.processes);
  const held = [...mounted.map(({ held }) => held), ...heldByProcesses(scan.processes)];
  return makeReport({
    scan,
    host,
    held,
    related: relationsOf(scan.processes, mounted),
    containers,
    userName: userNames(),
    device: deviceOf(`${procFolder}/self/ns/mnt`),
    hidepid: hidepidOf(),
  });
}

interface MountedNamespace {
  held: HeldNamespace;
  file: NamespaceFile;
}

/** Looks once into each mount namespace, by the first process that is in it. */
function mountedNamespaces(processes: readonly ScannedProcess[]): MountedNamespace[] {
  const looked = new Set<number>();
  return processes.flatMap(({ identity: { pid }, namespaces: { mount } }) => {
    if (mount === undefined || looked.has(mount)) return [];
    const mountinfo = unlessGone(() => unlessDenied(() => readUnlessEnding(`${procFolder}/${pid}/mountinfo`)));
    // Another one may still be there.
    if (mountinfo === undefined) return [];
    looked.add(mount);
    return namespaceMounts(mountinfo).map(({ type, inode, path }) => ({
      held: { type, inode, holder: { kind: 'mount' as const, path, pid } },
      file: { root: `${procFolder}/${pid}/root`, path },
    }));
  });
}

/** The kernel's word for a process that is ending, and has given back its mount namespace already, is EINVAL. */
function readUnlessEnding(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

/** Asks the kernel once about each namespace, wherever it can be opened. */
function relationsOf(processes: readonly ScannedProcess[], mounted: readonly MountedNamespace[]): RelatedNamespace[] {
  const found: RelatedNamespace[] = [];
  const known = new Set<string>();
  const ask = (type: oci.NamespaceType, inode: number | undefined, file: NamespaceFile) => {
    if (inode === undefined || known.has(`${type} ${inode}`)) return;
    const related = readRelations(type, inode, file);
    for (const one of related ?? []) known.add(`${one.type} ${one.inode}`);
    found.push(...(related ?? []));
  };
  for (const { identity, namespaces, forChildren, descriptors } of processes) {
    const folder = `${procFolder}/${identity.pid}`;
    for (const type of Object.keys(namespaces) as oci.NamespaceType[]) {
      ask(type, namespaces[type], `${folder}/ns/${linkNames[type]}`);
    }
    for (const type of ['pid', 'time'] as const) ask(type, forChildren[type], `${folder}/ns/${type}_for_children`);
    for (const { fd, type, inode } of descriptors ?? []) ask(type, inode, `${folder}/fd/${fd}`);
  }
  for (const { held, file } of mounted) ask(held.type, held.inode, file);
  return found;
}

function deviceOf(file: string): string {
  const { dev } = statSync(file);
  // As makedev(3) packs them.
  const major = ((dev >>> 8) & 0xfff) | 0;
  return `${major}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}

function hidepidOf(): string | undefined {
  const proc = readMounts(process.pid)?.findLast(({ destination }) => destination === procFolder);
  return proc?.superOptions.find((option) => /^hidepid=(?!0$|off$)/.test(option));
}
