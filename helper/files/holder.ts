/**
 * A holder: a process of the stage that keeps a root mounted, in a mount namespace of its own, for those who look at files
 * of a container that does not run, or of an image. It is a plan like a container's, without its processes.
 */
import { promises as fs, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { stepFailure } from '../container/failure.js';
import { awaitEnd, type Holder, holderRecord, holderSchema, keepHolder, readHolder } from '../container/holder.js';
import type { Machine } from '../container/machine.js';
import { bootId } from '../inspect/boot.js';
import { CLONE_NEWNS, MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import { type RootPlan, rootSteps } from '../plan/rootSteps.js';
import type { Plan } from '../plan/step.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { leaseFile } from './lease.js';

/** What is to be mounted. */
export interface HeldRoot {
  /** For messages. */
  name: string;
  root: RootPlan;
  /** Folders of ours that must be there before. */
  folders: readonly string[];
  readOnly: boolean;
}

/** The least the stage takes: a holder prints nothing. */
const outputLimit = 64n * 1024n;

/** The steps: mount, change the root, stay for as long as somebody has the lease. Pure. */
export function holderPlan(folder: string, { root, readOnly }: Pick<HeldRoot, 'root' | 'readOnly'>): Plan {
  return [
    { kind: 'monitor', directory: folder, socket: path.join(folder, 's'), outputLimit, events: '' },
    { kind: 'clone', flags: CLONE_NEWNS, cgroup: '' },
    { kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE },
    // Opened while paths still are those of the machine.
    { kind: 'lease', path: leaseFile(folder) },
    ...rootSteps(root),
    { kind: 'pivotRoot' },
    ...(readOnly ? [{ kind: 'setRootAttributes', attributes: MOUNT_ATTR_RDONLY } as const] : []),
    { kind: 'stayInit' },
  ];
}

/** The holder that was last started for this folder since the machine's start, alive or not. */
export const latestHolder = (folder: string): Holder | undefined => readHolder(folder, holderSchema);

/**
 * Starts one. The caller has the lease, so that it does not end at once, and nobody else has what it mounts in use.
 * @throws StepFailed; then nothing is mounted
 */
export async function startHolder(machine: Machine, folder: string, held: HeldRoot): Promise<ProcessIdentity> {
  for (const made of held.folders) mkdirSync(made, { recursive: true, mode: 0o755 });
  const plan = holderPlan(folder, held);
  const { answer } = await machine.zygote.carryOut(plan);
  if (answer.status === 'failed') {
    throw await stepFailure(machine, `The files of ${held.name} cannot be shown`, plan, answer);
  }
  const init = { pid: answer.pid, startTime: answer.startTime };
  const monitor = { pid: answer.monitorPid, startTime: answer.monitorStartTime };
  await keepHolder(folder, { bootId: bootId(), init, monitor });
  return init;
}

/**
 * Waits until nothing is mounted any more of a holder whose lease nobody has.
 * @throws WrongState when it does not end
 */
export async function waitForHolder(folder: string, name: string): Promise<void> {
  const holder = latestHolder(folder);
  if (holder === undefined) return;
  await awaitEnd(holder, {
    message: `The files of ${name} are still mounted`,
    cause: `Process ${holder.monitor.pid}, which had them mounted, does not end: the disk is slow.`,
    fix: 'Try again later.',
  });
  await fs.rm(holderRecord(folder), { force: true });
}
