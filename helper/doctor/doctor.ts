import type { CgroupAccess } from '../cgroup/access.js';
import { type DoctorLine, type DoctorReport, ErrorCode, terrariumError } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import { ZygoteError } from '../zygote/launch.js';
import type { Bench, PlanExecutor } from './attempt.js';
import { cgroupTrials } from './cgroupTrials.js';
import { gatherFacts } from './facts.js';
import { type Examination, type Trial, untried } from './finding.js';
import { identityTrials, trySingleId, tryUserNamespace } from './identityTrials.js';
import { lineIds, lineOf } from './lines.js';
import { machineTrials, tryDisk } from './machineTrials.js';
import { mountTrials } from './mountTrials.js';
import { networkTrials } from './networkTrials.js';
import { overlayTrials } from './overlayTrials.js';
import { planTrials } from './planTrials.js';
import { sessionTrials } from './sessionTrials.js';

/** What the doctor examines; the part of the helper's `Machine` that it needs. */
export interface Patient {
  zygote: PlanExecutor;
  identity: Identity;
  locations: { data: string; runtime: string };
  /** The stage's program. */
  stage: string;
  cgroups(): Promise<CgroupAccess>;
}

/** Trials that are under way at once: most wait for a fork, two CPUs are kept busy by four. */
const atOnce = 4;

/**
 * Tries what containers need, one thing by one, with the calls and the privileges that containers are made with. Leaves
 * nothing behind. Throws only for defects, and the reason of `signal`: what this machine lacks is the answer.
 */
export async function runDoctor(patient: Patient, signal = new AbortController().signal): Promise<DoctorReport> {
  const { zygote, identity, locations } = patient;
  const { data, runtime } = locations;
  // A full or read-only disk is one thing that is missing: the others are still tried.
  const { errno } = await tryDisk(data);
  const bench: Bench = { zygote, identity, folder: errno === undefined ? data : runtime, runtime };
  const [facts, userNamespace] = await Promise.all([gatherFacts(identity), tryUserNamespace(bench)]);
  signal.throwIfAborted();
  const ownIdWorks =
    userNamespace !== undefined && identity.mapping === 'range'
      ? await trySingleId({ stage: patient.stage, runtime }, ownIds(identity))
      : undefined;
  const examination: Examination = { bench, data, facts, userNamespace, cgroups: await findCgroups(patient), signal };
  // Those that wait for programs come first: the others fill the time.
  const trials = [
    ...machineTrials,
    ...networkTrials,
    ...sessionTrials,
    ...overlayTrials,
    ...identityTrials(identity, ownIdWorks),
    ...cgroupTrials,
    ...planTrials,
    ...mountTrials,
  ];
  return { lines: inOrder(await examine(trials, examination)) };
}

const ownIds = ({ uidMappings, gidMappings }: Identity) => ({
  uid: uidMappings[0]?.hostID ?? 0,
  gid: gidMappings[0]?.hostID ?? 0,
});

async function findCgroups({ cgroups }: Patient): Promise<CgroupAccess> {
  try {
    return await cgroups();
  } catch (error) {
    // Found from the zygote, which is not there when user namespaces are not.
    if (!(error instanceof ZygoteError)) throw error;
    return { mode: 'none', reason: 'There is no zygote to look from.', remedy: 'First make user namespaces work.' };
  }
}

/** Trials do not touch each other: each has folders, groups and namespaces of its own. */
async function examine(trials: readonly Trial[], examination: Examination): Promise<DoctorLine[]> {
  const waiting = [...trials];
  const lines: DoctorLine[] = [];
  const work = async (): Promise<void> => {
    for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
      examination.signal.throwIfAborted();
      lines.push(await perform(trial, examination));
    }
  };
  // All are waited for, so that nothing of them is left when one has failed.
  const results = await Promise.allSettled(Array.from({ length: atOnce }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return lines;
}

async function perform({ id, inside, run }: Trial, examination: Examination): Promise<DoctorLine> {
  const start = performance.now();
  const finding =
    inside && examination.userNamespace !== undefined
      ? untried('it is made inside a user namespace, and there is none', 'First make user namespaces work.')
      : await run(examination);
  return lineOf(id, finding, Math.round((performance.now() - start) * 10) / 10);
}

function inOrder(lines: readonly DoctorLine[]): DoctorLine[] {
  return lineIds.map((id) => {
    const line = lines.find((candidate) => candidate.id === id);
    if (line === undefined) throw terrariumError(ErrorCode.Internal, `The doctor has no trial for ${id}`);
    return line;
  });
}
