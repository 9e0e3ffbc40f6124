import { closeSync, promises as fs, openSync } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { flock } from '../../native/bindings/flock.js';
import { allContainers, ErrorCode, type oci, terrariumError } from '../protocol/index.js';
import { containerNamePattern } from '../specification/schema.js';
import { readIfThere, writeAtomically } from './atomicFile.js';
import type { Locations } from './locations.js';

const prefix = 'group-';
const suffix = '.json';
/** Of all containers: no group's file has this name. */
const allFile = `containers${suffix}`;

const schema = z.object({ version: z.literal(1), resources: z.record(z.string(), z.unknown()) });

/** @throws Invalid for what cannot be the name of a group: it comes from clients */
function fileOf({ groups }: Locations, name: string): string {
  if (name === allContainers) return path.join(groups, allFile);
  if (containerNamePattern.test(name)) return path.join(groups, `${prefix}${name}${suffix}`);
  throw terrariumError(ErrorCode.Invalid, `${JSON.stringify(name)} cannot be the name of a group`, {
    fix: 'Use letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit.',
  });
}

/**
 * The limits that a group is to have whenever it is made; undefined when nobody has set any. At once: a start waits for it.
 * @throws BadInput when the file is damaged, Invalid for what cannot be a group's name
 */
export function readGroupResources(locations: Locations, name: string): oci.Resources | undefined {
  const file = fileOf(locations, name);
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    // Ours, written by us: the outline is checked, so that a damaged file is told from a sound one.
    return schema.parse(JSON.parse(text)).resources as oci.Resources;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw terrariumError(ErrorCode.BadInput, `The limits kept for a group are damaged: ${file}`, {
      path: file,
      cause: error instanceof SyntaxError ? error.message : z.prettifyError(error),
      fix: 'Remove that file, and set the limits of the group again.',
    });
  }
}

/** Keeps them over a crash of the machine. The caller holds the lock of groups. */
export async function writeGroupResources(locations: Locations, name: string, resources: oci.Resources): Promise<void> {
  await writeAtomically(fileOf(locations, name), JSON.stringify({ version: 1, resources }), { durable: true });
}

/** Names of groups that limits are kept for; those whose limits were all cleared are left out. */
export async function groupsKept(locations: Locations): Promise<string[]> {
  const names = (await fs.readdir(locations.groups))
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
    .map((name) => name.slice(prefix.length, -suffix.length));
  return names.filter((name) => hasLimits(locations, name));
}

function hasLimits(locations: Locations, name: string): boolean {
  try {
    return Object.keys(readGroupResources(locations, name) ?? {}).length > 0;
  } catch (error) {
    // One damaged file must not hide all the others; whoever looks at the group is told of it.
    if (error instanceof ResponseError && error.code === ErrorCode.BadInput) return true;
    throw error;
  }
}

/** Runs `work` while no other helper makes groups or changes their limits. */
export async function lockedGroups<T>({ groups }: Locations, work: () => Promise<T>): Promise<T> {
  const fd = openSync(groups, 'r');
  try {
    await flock(fd, 'exclusive');
    return await work();
  } finally {
    closeSync(fd);
  }
}
