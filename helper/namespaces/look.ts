/** Looking at any process, from outside and, where the kernel asks for that, from inside of its user namespace. */
import type { Machine } from '../container/machine.js';
import { liveRun, runningRun } from '../container/stop.js';
import { ReadPrivateParts } from '../inspect/agentProtocol.js';
import { inspectProcess, withPrivateParts } from '../inspect/inspection.js';
import { readNamespaces } from '../inspect/namespaces.js';
import { ended, type PrivateParts, type PrivateQuestion, readPrivateParts } from '../inspect/privateParts.js';
import { unlessDenied } from '../inspect/proc.js';
import { processIdentity, readStat } from '../inspect/stat.js';
import {
  type ContainerName,
  ErrorCode,
  type InspectProcessParams,
  type NamespaceInodes,
  type ProcessIdentity,
  type ProcessInspection,
  type ProcessTarget,
  terrariumError,
} from '../protocol/index.js';
import { containersByPid, type KnownContainer, type Member } from './membership.js';

/** The process that a target means. @throws NotFound, WrongState for a container that does not run. */
export async function findTarget(machine: Machine, target: ProcessTarget): Promise<ProcessIdentity> {
  if ('container' in target) return runningRun(machine, await machine.store.find(target.container)).runtime.init;
  const pid = 'pid' in target ? target.pid : hostPid();
  if (!Number.isSafeInteger(pid) || pid < 1) throw terrariumError(ErrorCode.Invalid, `${pid} is no pid`);
  const identity = processIdentity(pid);
  const isMeant = !('startTime' in target) || target.startTime === identity?.startTime;
  if (identity === undefined || !isMeant) throw ended(pid);
  return identity;
}

/** The first process of the machine where we may look at it; else our own, which is in the same namespaces mostly. */
function hostPid(): number {
  return unlessDenied(() => readNamespaces(1)) === undefined ? process.pid : 1;
}

/** @throws NotFound when the process has ended, or is another one by now. */
export async function lookAt(
  machine: Machine,
  containers: readonly KnownContainer[],
  identity: ProcessIdentity,
  { environment = false, files = false }: Omit<InspectProcessParams, 'target'>,
): Promise<ProcessInspection> {
  const host = readNamespaces('self') ?? {};
  const inspection = inspectProcess(identity, {
    host,
    containers: containers.flatMap(({ id, name, initPid }) => {
      const namespaces = readNamespaces(initPid);
      return namespaces === undefined ? [] : [{ id, name, namespaces }];
    }),
    container: containerOf(identity.pid, containers, host),
  });
  const own = Object.fromEntries((inspection.linux.namespaces ?? []).map(({ type, inode }) => [type, inode]));
  const { container } = inspection;
  const monitor = container && (await monitorOf(machine, container));
  const parts = await readPrivate(machine, { identity, namespaces: own, environment, files }, host, monitor);
  return withPrivateParts(inspection, parts);
}

/**
 * From here when that will do, else by agents inside: first in the process's own user namespace, then, for what is refused
 * there, in that of the container's monitor. The first process of a container that stays up by itself is a copy of its
 * monitor and not dumpable: the kernel asks for power over the user namespace that its program was executed in.
 *
 * An agent has this machine's files before it. Root of the user namespace that it is in may trace it (ptrace(2)), so it
 * never goes where somebody could who sees its pid: into the user namespace of a process in our pid namespace.
 */
async function readPrivate(
  machine: Machine,
  question: PrivateQuestion,
  host: NamespaceInodes,
  monitor: ProcessIdentity | undefined,
): Promise<PrivateParts> {
  const own = question.namespaces;
  let parts = readPrivateParts(question, false);
  const isWhole = () => Object.keys(parts.unreadable).length + parts.otherNamespaces.length === 0;
  // Without a word on its namespaces nothing is gained inside of them; in our own user namespace an agent may do no more
  // than we, but go where sysctls are.
  const isWorthIt = own.user !== undefined && (own.user !== host.user || parts.otherNamespaces.length > 0);
  if (isWhole() || !isWorthIt) return parts;
  const isExposed = own.user !== host.user && own.pid === host.pid;
  if (isExposed) parts.notEntered = 'Whoever is root there sees our processes, and could take hold of an agent inside.';
  const insides =
    own.user === host.user
      ? [undefined]
      : [...(isExposed ? [] : [question.identity]), ...(monitor === undefined ? [] : [monitor])];
  for (const inside of insides) {
    parts = await ask(machine, inside, question, parts);
    if (isWhole()) break;
  }
  return parts;
}

/** The monitor of a container: it is in the user namespace around the container's, where nobody inside has any power. */
async function monitorOf(machine: Machine, { id }: ContainerName): Promise<ProcessIdentity | undefined> {
  return liveRun(machine, await machine.store.find(id))?.runtime.monitor;
}

/** Adds to `known` what an agent can read, which is of no further use then. */
async function ask(
  machine: Machine,
  inside: ProcessIdentity | undefined,
  question: PrivateQuestion,
  known: PrivateParts,
): Promise<PrivateParts> {
  const { identity } = question;
  const agent = machine.agentFor(inside);
  try {
    return mergeParts(known, await agent.request(ReadPrivateParts, question));
  } catch (error) {
    if (readStat(identity.pid)?.startTime !== identity.startTime) throw ended(identity.pid);
    // A user namespace that is not ours to enter: what is visible from outside still counts.
    const { message, data } = error as { message: string; data?: { cause?: string } };
    const notEntered = `Its user namespace could not be entered: ${(data?.cause ?? message).trim()}`;
    const reasons = Object.keys(known.unreadable).map((part) => [part, notEntered]);
    return { ...known, notEntered, unreadable: Object.fromEntries(reasons) };
  } finally {
    await agent.dispose();
  }
}

/** What either has read; of what neither has whole, the reason of the later one. */
function mergeParts(known: PrivateParts, found: PrivateParts): PrivateParts {
  const parts = Object.keys(known.unreadable) as (keyof PrivateParts['unreadable'])[];
  return {
    ...known,
    ...found,
    sysctl: { ...known.sysctl, ...found.sysctl },
    otherNamespaces: known.otherNamespaces.filter((type) => found.otherNamespaces.includes(type)),
    unreadable: Object.fromEntries(
      parts.flatMap((part) => (found.unreadable[part] === undefined ? [] : [[part, found.unreadable[part]]])),
    ),
  };
}

/** Which of our containers a process is in: by its namespaces, and by those of the processes it descends from. */
export function containerOf(
  pid: number,
  containers: readonly KnownContainer[],
  host: NamespaceInodes,
): ContainerName | undefined {
  const members = new Map<number, Member>();
  const add = (added: number) => {
    const stat = members.has(added) ? undefined : readStat(added);
    if (stat === undefined) return undefined;
    const namespaces = unlessDenied(() => readNamespaces(added)) ?? {};
    members.set(added, {
      identity: { pid: added },
      parentPid: stat.parentPid,
      name: stat.command,
      namespaces,
    });
    return stat.parentPid;
  };
  for (const { initPid } of containers) add(initPid);
  for (let next: number | undefined = pid; next !== undefined && next > 0; ) next = add(next);
  return containersByPid([...members.values()], containers, host).get(pid);
}
