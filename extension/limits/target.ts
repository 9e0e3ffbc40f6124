import * as z from 'zod/mini';
import type { LimitTarget } from '../../helper/protocol/limits.js';

const name = z.string().check(z.minLength(1), z.maxLength(4096));

/** A target as it arrives from a command's argument, a saved panel or a page: unchecked. */
export const limitTarget = z.union([
  z.object({ container: name }),
  z.object({ group: name }),
  z.object({ cgroup: name }),
]);

/** The same for the same target, and for no other. */
export function targetKey(target: LimitTarget): string {
  if ('container' in target) return `container:${target.container}`;
  return 'group' in target ? `group:${target.group}` : `cgroup:${target.cgroup}`;
}
