/** What is wrong with a file that holds a seccomp profile, each problem where it is written. Pure. */
import { plainProfile, profileFileSchema } from '../security/seccomp/profileFile.js';
import { contentOf, type SpecificationText, spanOf, spanOfKey } from './document.js';
import { misgivingsOf } from './issues.js';
import type { Misgiving, Problem } from './problems.js';
import { profileMisgivings } from './seccompChecks.js';

/** Told from specifications by its name, which is what an editor knows it by. */
export function isProfileFile(uri: string): boolean {
  return uri.endsWith('.seccomp.json');
}

/** Everything there is to say about a profile, in the order of its text. */
export function findProfileProblems(document: SpecificationText): Problem[] {
  return misgivings(contentOf(document))
    .map((misgiving) => {
      const { path, key } = misgiving;
      return { ...misgiving, span: key === undefined ? spanOf(document, path) : spanOfKey(document, path, key) };
    })
    .sort((a, b) => a.span.start - b.span.start);
}

function misgivings(value: unknown): Misgiving[] {
  const parsed = profileFileSchema.safeParse(value);
  if (!parsed.success) return parsed.error.issues.flatMap((issue) => misgivingsOf(issue));
  // Rules that are for other containers are checked all the same, so that places in the file stay what they are.
  return profileMisgivings(plainProfile(parsed.data), []);
}
