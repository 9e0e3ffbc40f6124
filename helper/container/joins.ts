/** Whose namespaces a container that starts joins: looked up anew at each start. */

import { namespaceTypes, readNamespaces } from '../inspect/namespaces.js';
import { isAlive, processIdentity } from '../inspect/stat.js';
import type { Join } from '../plan/containerPlan.js';
import {
  ErrorCode,
  type NamespaceReference,
  type oci,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { readLatestRun } from './runs.js';

/**
 * The processes whose namespaces are joined, each with the types, as far as these are not this machine's.
 * @throws NotFound, WrongState for who does not run
 */
export async function findJoins(machine: Machine, record: ContainerRecord): Promise<Join[]> {
  const choices = namespaceChoices(record.specification);
  const joins = new Map<string, { reference: NamespaceReference; types: oci.NamespaceType[] }>();
  for (const type of namespaceTypes) {
    const choice = choices[type];
    if (!isJoined(choice)) continue;
    const key = JSON.stringify(choice);
    joins.set(key, { reference: choice, types: [...(joins.get(key)?.types ?? []), type] });
  }
  return Promise.all(
    [...joins.values()].map(async ({ reference, types }) => {
      const process = await processOf(machine, reference);
      return { process, types: ownTypes(process, types) };
    }),
  );
}

async function processOf(machine: Machine, reference: NamespaceReference): Promise<ProcessIdentity> {
  if ('process' in reference) {
    const found = processIdentity(reference.process);
    if (found !== undefined) return found;
    throw terrariumError(
      ErrorCode.NotFound,
      `Process ${reference.process}, whose namespaces are to be joined, has ended`,
    );
  }
  const other = await machine.store.find(reference.container);
  const runtime = readLatestRun(machine.store, other.id)?.runtime;
  if (runtime !== undefined && isAlive(runtime.init)) return runtime.init;
  throw terrariumError(ErrorCode.WrongState, `${other.name}, whose namespaces are to be joined, is not running`, {
    fix: 'Start it first.',
    command: `terrarium start ${other.name}`,
  });
}

/** Those that are this machine's every container is in that has no other. */
function ownTypes(process: ProcessIdentity, types: readonly oci.NamespaceType[]): oci.NamespaceType[] {
  const theirs = readNamespaces(process.pid) ?? {};
  const ours = readNamespaces('self') ?? {};
  return types.filter((type) => theirs[type] !== ours[type]);
}
