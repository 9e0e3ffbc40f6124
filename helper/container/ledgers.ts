import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { composeLedger } from '../ledger/ledger.js';
import { entryOf } from '../ledger/scriptEnter.js';
import { type Answer, parseAnswer } from '../plan/answer.js';
import { decodePlan } from '../plan/decode.js';
import type { Plan } from '../plan/step.js';
import { ErrorCode, enteredProcesses, type Ledger, type LedgerSummary, terrariumError } from '../protocol/index.js';
import type { Exchange } from '../zygote/connection.js';

/** Operations of a container, each as two files: the plan and the stage's answer, byte for byte as they were sent. */
const kept = 20;

/** After an operation, before its ledger is written. */
const pauseMilliseconds = 10;

/** What is still being written, so that who reads right after a start finds it. */
const pending = new Map<string, Promise<void>>();

/**
 * Keeps what was done. `operation` is `start-1` and the like; the oldest go when there are many. Not awaited on the way
 * of a request: readers wait for it, and a failure is told to `onError`.
 */
export function keepLedger(
  folder: string,
  operation: string,
  exchange: Exchange,
  onError: (error: unknown) => void,
): Promise<void> {
  // One after another: pruning must not meet what is just being written.
  const writing = ledgersWritten(folder)
    .then(() => write(folder, operation, exchange))
    .catch(onError)
    .finally(() => {
      if (pending.get(folder) === writing) pending.delete(folder);
    });
  pending.set(folder, writing);
  return writing;
}

async function write(folder: string, operation: string, exchange: Exchange): Promise<void> {
  // The client and the new process have the machine for themselves first.
  await delay(pauseMilliseconds);
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  await fs.writeFile(path.join(folder, `${operation}.plan`), exchange.request, { mode: 0o600 });
  await fs.writeFile(path.join(folder, `${operation}.answer`), exchange.response, { mode: 0o600 });
  const operations = await readOperations(folder);
  const lastStart = operations.findLast((entry) => entry.operation.startsWith('start-'));
  for (const old of operations.slice(0, -kept)) {
    // However often it was entered since: that is how it was made.
    if (old === lastStart) continue;
    for (const part of ['plan', 'answer']) await fs.rm(path.join(folder, `${old.operation}.${part}`), { force: true });
  }
}

/** Waits for ledgers of a folder that are being written: before it is read, moved or removed. */
export async function ledgersWritten(folder: string): Promise<void> {
  await pending.get(folder);
}

/** Waits for all of them: before this process ends. */
export async function allLedgersWritten(): Promise<void> {
  await Promise.all(pending.values());
}

/** Oldest first. */
export async function listOperations(folder: string): Promise<{ operation: string; at: Date }[]> {
  await ledgersWritten(folder);
  return readOperations(folder);
}

async function readOperations(folder: string): Promise<{ operation: string; at: Date }[]> {
  const names = await fs.readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const operations = await Promise.all(
    names
      .filter((name) => name.endsWith('.answer'))
      .map(async (name) => {
        // Another helper may just have pruned it.
        const stat = await fs.stat(path.join(folder, name)).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined;
          throw error;
        });
        return stat === undefined ? [] : [{ operation: path.parse(name).name, at: stat.mtime }];
      }),
  );
  return operations.flat().sort((a, b) => a.at.getTime() - b.at.getTime());
}

export interface KeptOperation {
  operation: string;
  at: string;
  plan: Plan;
  answer: Answer;
}

/** Reads one operation; without a name the latest start. @throws NotFound */
export async function readOperation(folder: string, operation?: string): Promise<KeptOperation> {
  const all = await listOperations(folder);
  const found =
    operation === undefined
      ? (all.findLast((entry) => entry.operation.startsWith('start-')) ?? all.at(-1))
      : all.find((entry) => entry.operation === operation);
  if (found === undefined) {
    throw terrariumError(
      ErrorCode.NotFound,
      `There is no ledger${operation === undefined ? '' : ` of "${operation}"`}`,
      {
        cause: 'A ledger is written when a container is started or entered; only the latest ones are kept.',
      },
    );
  }
  const part = (name: string) => fs.readFile(path.join(folder, `${found.operation}.${name}`));
  const [plan, answer] = await Promise.all([part('plan'), part('answer')]);
  return {
    operation: found.operation,
    at: found.at.toISOString(),
    plan: decodePlan(plan),
    answer: parseAnswer(answer),
  };
}

export async function readLedger(container: string, folder: string, operation?: string): Promise<Ledger> {
  const kept = await readOperation(folder, operation);
  return composeLedger({ container, operation: kept.operation, at: kept.at }, kept.plan, kept.answer);
}

export async function summarizeLedgers(container: string, folder: string): Promise<LedgerSummary[]> {
  const operations = await listOperations(folder);
  return Promise.all(
    operations.map(async ({ operation }) => {
      const { plan, ...kept } = await readOperation(folder, operation);
      const { at, succeeded, durationNanoseconds } = composeLedger({ container, ...kept }, plan, kept.answer);
      const pid = container === enteredProcesses ? entryOf(plan)?.pid : undefined;
      return { operation, at, succeeded, durationNanoseconds, ...(pid === undefined ? {} : { pid }) };
    }),
  );
}
