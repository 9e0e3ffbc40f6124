/** What a process that entered has not in common with the one whose namespaces it entered, for a person. */
import { readSecurityLabel } from '../inspect/capabilities.js';
import { unlessDenied } from '../inspect/proc.js';
import { isAlive } from '../inspect/stat.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { cgroupLines, type Target } from './target.js';

/** @param filtered it got a seccomp filter of ours */
export function noticesOf(target: Target, entered: ProcessIdentity, filtered: boolean): string[] {
  const { pid } = target.identity;
  const [theirs, own] = [cgroupLines(pid), cgroupLines(entered.pid)];
  const label = unlessDenied(() => readSecurityLabel(entered.pid));
  return [
    ...(target.status.seccomp === 2 && !filtered
      ? [`The seccomp filter of process ${pid} does not count for it: the kernel lets nobody copy one.`]
      : []),
    ...(isAlive(entered) && target.securityLabel !== undefined && label !== target.securityLabel
      ? [`It has not the security label of process ${pid} (${target.securityLabel}) but ${label ?? 'none'}.`]
      : []),
    ...(isAlive(entered) && theirs !== undefined && own !== undefined && outside(theirs, own).length > 0
      ? [
          `It is not in all control groups of process ${pid}, which are not yours to put it in (${outside(theirs, own).join(', ')}): their limits do not count for it.`,
        ]
      : []),
  ];
}

/** Lines of the one that are not in the other. Pure. */
function outside(theirs: readonly string[], own: readonly string[]): string[] {
  return theirs.filter((line) => !own.includes(line));
}
