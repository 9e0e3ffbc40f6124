/** One document about a container or any process, put together from what every part of the helper can say of it. */
import { ResponseError } from 'vscode-jsonrpc';
import { inspectContainer } from '../container/inspect.js';
import type { Machine } from '../container/machine.js';
import { liveRun, processesOf } from '../container/stop.js';
import { isDenied } from '../inspect/proc.js';
import { listProcesses } from '../inspect/processes.js';
import { listPorts } from '../network/ports.js';
import { readNetworkState } from '../network/state.js';
import { ErrorCode, type Inspection, type InspectProcessParams } from '../protocol/index.js';
import { limitsOf, limitValues } from './limits.js';
import { findTarget, lookAt } from './look.js';
import type { KnownContainer } from './membership.js';

/** Of the runtime specification, whose words are used. */
const ociVersion = '1.1.0';

/** @throws NotFound */
export async function inspect(
  machine: Machine,
  containers: readonly KnownContainer[],
  { target, ...wanted }: InspectProcessParams,
): Promise<Inspection> {
  if (!('container' in target)) {
    const identity = await findTarget(machine, target);
    const kernel = await lookAt(machine, containers, identity, wanted);
    const found = await attempts({
      processes: () => listProcesses(identity),
      limits: () => limitsOf(machine, kernel),
      network: () => readNetworkState(machine, identity),
    });
    const status = kernel.state === 'Z' || kernel.state === 'X' ? 'stopped' : 'running';
    return { ociVersion, status, pid: identity.pid, kernel, ...found };
  }
  const record = await machine.store.find(target.container);
  const state = await inspectContainer(machine, record);
  const run = liveRun(machine, record);
  const limits = async () => limitValues(machine, [{ container: record.id }]);
  if (run === undefined) return { ...state, ...(await attempts({ limits })) };
  const { init } = run.runtime;
  const found = await attempts({
    kernel: () => lookAt(machine, containers, init, wanted),
    processes: () => processesOf(run),
    limits,
    network: () => readNetworkState(machine, init),
    ports: async () => listPorts(machine, record),
  });
  return { ...state, ...found };
}

type Found<T> = { [P in keyof T]?: T[P] extends () => Promise<infer R> ? R : never };

/** What could be had of each, and why not of the rest: what failed for another reason than being refused or gone throws. */
async function attempts<T extends Record<string, () => Promise<unknown>>>(
  works: T,
): Promise<Found<T> & Pick<Inspection, 'unreadable'>> {
  const unreadable: Record<string, string> = {};
  const entries = await Promise.all(
    Object.entries(works).map(async ([name, work]) => {
      try {
        return [[name, await work()]];
      } catch (error) {
        unreadable[name] = reasonOf(error);
        return [];
      }
    }),
  );
  return { ...(Object.fromEntries(entries.flat()) as Found<T>), unreadable };
}

/** Why something could not be read, in a sentence. @throws what is no reason but a defect of ours */
export function reasonOf(error: unknown): string {
  if (error instanceof ResponseError && error.code !== ErrorCode.Internal) {
    const { cause } = (error.data ?? {}) as { cause?: string };
    return cause === undefined ? error.message : `${error.message}: ${cause}`;
  }
  if (error instanceof Error && isDenied(error)) return error.message;
  throw error;
}
