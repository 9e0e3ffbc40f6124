/** A machine in a temporary folder: real files and locks, no zygote but one that removes trees. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { findLocations, makeLocations } from '../../../helper/container/locations.js';
import type { Machine } from '../../../helper/container/machine.js';
import type { ContainerRecord } from '../../../helper/container/record.js';
import { ContainerStore } from '../../../helper/container/store.js';
import type { Plan } from '../../../helper/plan/step.js';
import { completeConfig } from '../../../helper/specification/complete.js';
import { facts } from '../plan/samples.js';

export interface TemporaryMachine extends Machine {
  /** What was logged. */
  messages: string[];
}

export function temporaryMachine(t: TestContext): TemporaryMachine {
  const folder = mkdtempSync(path.join(tmpdir(), 'tm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const uid = process.getuid?.() ?? 0;
  const locations = findLocations({ XDG_DATA_HOME: folder, XDG_RUNTIME_DIR: folder }, folder, uid);
  // Both are `terrarium` below the same folder here: sockets go to one of their own.
  locations.runtime = path.join(folder, 'runtime');
  makeLocations(locations, uid);
  const messages: string[] = [];
  const carryOut = async (plan: Plan) => {
    for (const step of plan) if (step.kind === 'removeTree') await rm(step.path, { recursive: true, force: true });
    return { answer: { status: 'done', records: [] } };
  };
  return {
    locations,
    store: new ContainerStore(locations),
    zygote: { carryOut },
    messages,
    log: (message: string) => messages.push(message),
  } as unknown as TemporaryMachine;
}

let made = 0;

/** A record as the helper would write it. */
export function recordOf(changes: Partial<ContainerRecord> = {}): ContainerRecord {
  const id = changes.id ?? ContainerStore.newId();
  const name = changes.name ?? `container-${id}`;
  return {
    version: 1,
    id,
    name,
    createdAt: new Date(1_700_000_000_000 + made++).toISOString(),
    remove: true,
    stdin: false,
    specification: {},
    config: completeConfig({ args: ['true'] }, { ...facts, name }),
    layers: [],
    ...changes,
  };
}
