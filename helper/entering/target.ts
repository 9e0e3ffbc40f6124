/** What the kernel says of a process that is to be entered. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { mayWrite } from '../cgroup/file.js';
import { findHierarchies } from '../cgroup/hierarchies.js';
import { readSecurityLabel } from '../inspect/capabilities.js';
import { readIdMap } from '../inspect/idmap.js';
import { linkNames, readNamespaces } from '../inspect/namespaces.js';
import { ended } from '../inspect/privateParts.js';
import { isDenied, unlessGone } from '../inspect/proc.js';
import { processIdentity } from '../inspect/stat.js';
import { type ProcessStatus, readStatus } from '../inspect/status.js';
import { type RelatedNamespace, readRelations } from '../namespaces/relations.js';
import { ErrorCode, type NamespaceInodes, type oci, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import type { Situation } from './way.js';

export interface Target {
  identity: ProcessIdentity;
  status: ProcessStatus;
  namespaces: NamespaceInodes;
  uidMappings: oci.IdMapping[];
  /** One extent where setgroups(2) is denied: then no more may be done with groups than with a single one. */
  gidMappings: oci.IdMapping[];
  users: readonly number[];
  owners: Situation['owners'];
  securityLabel: string | undefined;
}

/** @throws NotFound when it has ended, Unavailable when this user may not look at it */
export function readTarget(identity: ProcessIdentity): Target {
  const { pid } = identity;
  try {
    const namespaces = readNamespaces(pid);
    const status = readStatus(pid);
    const uidMappings = readIdMap(pid, 'uid');
    const gidMappings = readIdMap(pid, 'gid');
    const setgroups = unlessGone(() => readFileSync(`/proc/${pid}/setgroups`, 'utf8'));
    const owners = namespaces && ownersOf(pid, namespaces);
    const securityLabel = readSecurityLabel(pid);
    const isWhole = namespaces && status && uidMappings && gidMappings && owners && setgroups !== undefined;
    // If it is still the one meant now, it was while all that was read.
    if (!isWhole || processIdentity(pid)?.startTime !== identity.startTime) throw ended(pid);
    return {
      identity,
      status,
      namespaces,
      uidMappings,
      gidMappings: setgroups.trim() === 'allow' ? gidMappings : gidMappings.slice(0, 1),
      users: owners.user ?? [],
      owners,
      securityLabel,
    };
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw terrariumError(ErrorCode.Unavailable, `Process ${pid} is not yours to enter`, {
      errno: (error as NodeJS.ErrnoException).code ?? 'EACCES',
      cause:
        'It belongs to another user, or its program is one that you may not read: the kernel does not let you look at it.',
      fix: 'Choose another process, of yours, in the same namespaces.',
    });
  }
}

/** For each type the user namespaces that own the process's, and those above; of `user` those that it is in. */
function ownersOf(pid: number, namespaces: NamespaceInodes): Situation['owners'] {
  const owners: Partial<Record<oci.NamespaceType, number[]>> = {};
  for (const [type, inode] of Object.entries(namespaces) as [oci.NamespaceType, number][]) {
    const related = readRelations(type, inode, `/proc/${pid}/ns/${linkNames[type]}`);
    if (related !== undefined) owners[type] = upwards(type === 'user' ? inode : related[0]?.owner, related);
  }
  return owners;
}

/** A user namespace and those above it that we may see. */
function upwards(inode: number | undefined, related: readonly RelatedNamespace[]): number[] {
  const found = related.find((one) => one.type === 'user' && one.inode === inode);
  return inode === undefined ? [] : [inode, ...upwards(found?.parent, related)];
}

/** Folders of the control groups that a process is in, as far as this user may put processes there. */
export function writableCgroups(pid: number): string[] {
  const read = (file: string) => readFileSync(file, 'utf8');
  const groups = unlessGone(() => read(`/proc/${pid}/cgroup`));
  if (groups === undefined) return [];
  return findHierarchies(groups, read('/proc/self/mountinfo'))
    .filter(({ folder, readOnly }) => !readOnly && mayWrite(path.join(folder, 'cgroup.procs')))
    .map(({ folder }) => folder);
}

/** The control groups of a process by hierarchy, as the kernel writes them; undefined when it has ended. */
export function cgroupLines(pid: number): string[] | undefined {
  return unlessGone(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
    ?.split('\n')
    .filter((line) => line !== '');
}
