import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { constants, userInfo } from 'node:os';
import * as path from 'node:path';
import { signalProcess } from '../inspect/signal.js';
import { processIdentity } from '../inspect/stat.js';
import { CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS } from '../plan/constants.js';
import { decideIdentity, findRange, type Identity } from '../zygote/identity.js';
import { launchZygote, ZygoteError } from '../zygote/launch.js';
import { type Attempt, attempt, type Bench } from './attempt.js';
import { type Examination, type Finding, findingOf, type Trial } from './finding.js';
import { type GrantFacts, idRangeFinding, idToolsFinding } from './identityFindings.js';
import { findProgram, isPrivileged } from './programs.js';

/** A user namespace with the map of ids that containers have. */
export function tryUserNamespace(bench: Bench): Promise<Attempt> {
  return attempt(bench, { flags: CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC });
}

/** What the zygote needs beside what is tried with it. */
export interface OwnIdTrial {
  stage: string;
  runtime: string;
}

/**
 * A zygote that maps nothing but our own id, when the one with the range could not be made: then it is the range that is
 * refused, and not user namespaces. True when it works.
 */
export async function trySingleId(
  { stage, runtime }: OwnIdTrial,
  { uid, gid }: { uid: number; gid: number },
): Promise<boolean> {
  const socket = path.join(runtime, `doctor-${randomBytes(4).toString('hex')}.sock`);
  const identity = decideIdentity({ uid, gid }, { mapTools: false });
  try {
    const pid = await launchZygote({ stage, socket, runtime, identity, service: false });
    const found = processIdentity(pid);
    if (found !== undefined) signalProcess(found, constants.signals.SIGTERM);
    return true;
  } catch (error) {
    if (error instanceof ZygoteError) return false;
    throw error;
  } finally {
    await rm(socket, { force: true });
  }
}

/** The map that the zygote really has, as the kernel shows it; undefined when there is none to look at. */
async function mapOfZygote({ zygote }: Bench): Promise<string | undefined> {
  try {
    const map = await readFile(`/proc/${await zygote.pid()}/uid_map`, 'utf8');
    const extents = map.trim().split('\n');
    return extents.map((extent) => extent.trim().replace(/\s+/g, ' ')).join(', ');
  } catch (error) {
    if (error instanceof ZygoteError) return undefined;
    throw error;
  }
}

/** What the files and programs are that grant and map ranges. */
export async function gatherGrants(files = ['/etc/subuid', '/etc/subgid']): Promise<GrantFacts> {
  const { username, uid } = userInfo();
  const ranges = await Promise.all(
    files.map(async (file) => ({
      file,
      range: existsSync(file) ? findRange(await readFile(file, 'utf8'), username, uid) : undefined,
    })),
  );
  const tools = await Promise.all(
    ['newuidmap', 'newgidmap'].map(async (name) => {
      const found = findProgram(name);
      return { name, ...(found === undefined ? {} : { path: found, privileged: await isPrivileged(found) }) };
    }),
  );
  return { administrator: uid === 0, ranges, tools };
}

/** Lines on user namespaces and ids. @param singleIdWorks what `trySingleId` said, when it was asked. */
export function identityTrials(identity: Identity, singleIdWorks: boolean | undefined): readonly Trial[] {
  return [
    {
      id: 'user-namespace',
      inside: false,
      run: ({ userNamespace, facts }: Examination): Finding => {
        const what = 'a process in user, mount, pid, UTS and IPC namespaces of its own, with ids mapped';
        const finding = findingOf(userNamespace, what, facts);
        return singleIdWorks === true
          ? {
              ...finding,
              tried: `${finding.tried} A map of your own id alone was made: it is the range that is refused.`,
            }
          : finding;
      },
    },
    {
      id: 'id-range',
      inside: false,
      run: async ({ bench, userNamespace }) =>
        idRangeFinding(identity, userNamespace, await mapOfZygote(bench), await gatherGrants()),
    },
    { id: 'id-tools', inside: false, run: async () => idToolsFinding(await gatherGrants()) },
  ];
}
