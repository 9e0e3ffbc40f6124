import * as path from 'node:path';
import { allContainers } from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import type { CgroupRecord } from './record.js';

/**
 * Where cgroups of ours lie: `PARENT/containers/ID`, or `PARENT/containers/group-NAME/ID` for a container of a group. In a
 * parent that is not ours the first one is called `terrarium-containers`. On v1 the same in each hierarchy.
 * No controller's name has a hyphen in it, so no name of a group is that of a file of the kernel's.
 */
const tops = ['containers', 'terrarium-containers'] as const;
const groupPrefix = 'group-';
const idPattern = /^[0-9a-f]{12}$/;

/** The cgroup of a group in `parent`; that of all containers for `allContainers`. Pure, as all here. */
export function groupFolder(parent: string, group: string): string {
  const top = path.join(parent, path.basename(parent).startsWith('terrarium') ? tops[0] : tops[1]);
  return group === allContainers ? top : path.join(top, `${groupPrefix}${group}`);
}

/** The cgroup of a group, whether it is there or not; undefined where there are none at all. */
export function groupRecord(access: CgroupAccess, group: string): CgroupRecord | undefined {
  return recordIn(access, (parent) => groupFolder(parent, group));
}

/** The same of a container, in a group or not. */
export function containerRecord(
  access: CgroupAccess,
  id: string,
  group: string = allContainers,
): CgroupRecord | undefined {
  return recordIn(access, (parent) => path.join(groupFolder(parent, group), id));
}

function recordIn(access: CgroupAccess, folderIn: (parent: string) => string): CgroupRecord | undefined {
  if (access.mode === 'none') return undefined;
  if (access.mode === 'v2') return { version: 2, paths: { unified: folderIn(access.parent) } };
  const paths = Object.entries(access.parents).map(([controller, parent]) => [controller, folderIn(parent)]);
  return { version: 1, paths: Object.fromEntries(paths) as Record<string, string> };
}

/** Its folders, each once: cpu and cpuacct are often one hierarchy, mounted once. */
export function foldersOf(record: CgroupRecord): string[] {
  return [...new Set(Object.values(record.paths))];
}

/** The groups of ours that a container's cgroup lies in, innermost first; none for one of an earlier version's. */
export function groupsAbove(folder: string): string[] {
  const above = path.dirname(folder);
  if (isTop(above)) return [above];
  const top = path.dirname(above);
  return path.basename(above).startsWith(groupPrefix) && isTop(top) ? [above, top] : [];
}

/**
 * Whose a cgroup is, by its path alone; undefined when it is none of ours, one of an earlier version's, or one that a
 * container has made in its own.
 */
export function ownerOf(folder: string): { container?: string; group?: string } | undefined {
  if (isTop(folder)) return { group: allContainers };
  const name = path.basename(folder);
  const [above, top] = groupsAbove(folder);
  if (above === undefined) return undefined;
  const group = top === undefined ? allContainers : path.basename(above).slice(groupPrefix.length);
  if (idPattern.test(name)) return { container: name, group };
  if (top === undefined && name.startsWith(groupPrefix)) return { group: name.slice(groupPrefix.length) };
  return undefined;
}

function isTop(folder: string): boolean {
  const name = path.basename(folder);
  return name === tops[1] || (name === tops[0] && path.basename(path.dirname(folder)).startsWith('terrarium'));
}
