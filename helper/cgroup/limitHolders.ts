import * as path from 'node:path';
import type { CountedKnob, LimitNumber } from '../protocol/index.js';
import { CounterFile } from './counterFile.js';
import { parseKeyed } from './file.js';
import { type CgroupRecord, controllerFolder } from './record.js';
import { parseLimit } from './units.js';

/** A group whose limit may be the one that was reached: the container's own, or one above. */
export interface LimitHolder {
  folder: string;
  value: LimitNumber;
  /** How often its own limit was in the way; undefined where that is not counted apart from other groups'. */
  hits: number | undefined;
}

/** The container's own group first, then those above, as far as they are shown here. */
export function readHolders(record: CgroupRecord, limit: CountedKnob): LimitHolder[] {
  const v1 = record.version === 1;
  const controller = limit === 'memory.max' ? 'memory' : 'pids';
  const file = v1 && limit === 'memory.max' ? 'memory.limit_in_bytes' : limit;
  const own = controllerFolder(record, controller);
  const holders: LimitHolder[] = [];
  for (let folder = own; folder !== undefined && folder !== '/'; folder = path.dirname(folder)) {
    const text = readOnce(path.join(folder, file));
    // Its own may be gone with the container; above, a missing file is the end.
    if (text === undefined && folder !== own) break;
    if (text === undefined) continue;
    holders.push({ folder, value: parseLimit(text), hits: hitsOf(record.version, controller, folder, folder === own) });
  }
  return holders;
}

/**
 * v2 counts for a group what happens in all below it too, and in `.local` (memory since Linux 5.2, pids since 6.11) by whose
 * limit it was. Of the own group all below counts: limits that the container made for itself. v1 counts memory by whose
 * limit it was, and pids by who forked, as v2 did before 6.11.
 */
function hitsOf(version: 1 | 2, controller: 'memory' | 'pids', folder: string, own: boolean): number | undefined {
  if (version === 1) {
    if (controller === 'pids') return undefined;
    // Where swap is limited too, the limit of both together is met first, and Linux 6.18 counts no failures of that one.
    const failures = Number(readOnce(path.join(folder, 'memory.failcnt')) ?? 0);
    return failures === 0 ? undefined : failures;
  }
  const local = readOnce(path.join(folder, `${controller}.events.local`));
  if (local === undefined) return undefined;
  const text = own ? readOnce(path.join(folder, `${controller}.events`)) : local;
  return parseKeyed(text).get(controller === 'memory' ? 'oom' : 'max');
}

function readOnce(name: string): string | undefined {
  const file = new CounterFile(name);
  try {
    return file.read();
  } finally {
    file.close();
  }
}

/**
 * Whose limit was reached between two readings: the innermost whose own was in the way; where that is not counted, the
 * tightest. Undefined: nobody's, so the machine itself had no more. Pure.
 */
export function whoseLimit(before: readonly LimitHolder[], now: readonly LimitHolder[]): LimitHolder | undefined {
  const limited = now.filter(({ value }) => value !== 'max');
  const hit = limited.find(({ folder, hits }) => {
    const earlier = before.find((holder) => holder.folder === folder)?.hits;
    return hits !== undefined && hits > (earlier ?? 0);
  });
  return hit ?? tightestOf(limited.filter(({ hits }) => hits === undefined));
}

/** The innermost of the tightest. Pure. */
export function tightestOf(holders: readonly LimitHolder[]): LimitHolder | undefined {
  const bytes = ({ value }: LimitHolder): number => (value === 'max' ? Infinity : value);
  const [first, ...others] = holders.filter(({ value }) => value !== 'max');
  return others.reduce((best, holder) => (best === undefined || bytes(holder) < bytes(best) ? holder : best), first);
}
