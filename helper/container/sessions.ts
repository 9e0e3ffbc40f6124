import { existsSync, promises as fs, mkdirSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { findListener } from '../zygote/connection.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { socketOf } from './start.js';

/** So many sessions that have ended are kept, for clients that still read their output. */
const kept = 20;

/** Bytes of a session's output kept in each of its two files: enough to paint a terminal again. */
export const sessionOutputLimit = 1024 * 1024;

/** Where sessions are kept, and what their names begin with. */
export interface SessionPlace {
  folder: string;
  prefix: string;
}

/** Those of a container. */
export function sessionsOf(machine: Machine, { id }: Pick<ContainerRecord, 'id'>): SessionPlace {
  return { folder: machine.store.folder(id, 'sessions'), prefix: id };
}

/** Those in processes that are in no container of ours. */
export function foreignSessions(machine: Machine): SessionPlace {
  return { folder: machine.locations.entered, prefix: 'entered' };
}

/** Ledgers of entering them, beside the sessions. */
export function foreignLedgers(machine: Machine): string {
  return path.join(machine.locations.entered, 'ledgers');
}

/** A process that entered something. Its monitor writes to `folder`, which is `sessions/N`, and listens at `socket`. */
export interface Session {
  number: number;
  name: string;
  folder: string;
  socket: string;
}

/** Makes the folder of a new session: making one claims its number, whoever else does so at the same time. */
export function claimSession(machine: Machine, place: SessionPlace): Session {
  const parent = place.folder;
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (let number = Math.max(0, ...numbersIn(parent)) + 1; ; number++) {
    const session = sessionOf(machine, place, number);
    try {
      mkdirSync(session.folder, { mode: 0o700 });
      return session;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Gives a session back in which nothing was started. */
export async function releaseSession({ folder }: Session): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true });
}

function sessionOf(machine: Machine, place: SessionPlace, number: number): Session {
  const name = `${place.prefix}-e${number}`;
  return {
    number,
    name,
    folder: path.join(place.folder, String(number)),
    socket: socketOf(machine, name),
  };
}

/** Removes sessions that have ended, but for those with the latest numbers. */
export async function pruneSessions(machine: Machine, place: SessionPlace, latest: number): Promise<void> {
  for (const number of numbersIn(place.folder)) {
    if (number > latest - kept) continue;
    const session = sessionOf(machine, place, number);
    if (await hasEnded(session)) await fs.rm(session.folder, { recursive: true, force: true });
  }
}

/** A monitor that was killed, or a session that never began, leaves no exit record: but nobody listens for it. */
async function hasEnded({ folder, socket }: Session): Promise<boolean> {
  return existsSync(path.join(folder, 'exit.json')) || (await findListener(socket)) === undefined;
}

function numbersIn(parent: string): number[] {
  return readdirSync(parent)
    .map(Number)
    .filter((number) => Number.isInteger(number) && number > 0);
}
