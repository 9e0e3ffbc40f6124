import type { oci } from '../../helper/protocol/index.js';
import type { ProtectedPlace } from '../specification/hostAccess.js';
import { isInside } from '../text/paths.js';

/** What is to be mounted: of this machine by its real path, kept by name, or in memory. */
export type MountSource =
  | { kind: 'host'; path: string }
  | { kind: 'volume'; name: string }
  | { kind: 'tmpfs'; size: string };

export type MountChoice = 'ro' | 'noexec' | 'keep';

/** The mount that was chosen, in OCI's words. */
export function mountOf(source: MountSource, destination: string, choices: readonly MountChoice[]): oci.Mount {
  const options = [
    ...choices.filter((choice) => choice !== 'keep'),
    ...(source.kind === 'tmpfs' && source.size !== '' ? [`size=${source.size}`] : []),
  ];
  const rest = { destination, ...(options.length === 0 ? {} : { options }) };
  switch (source.kind) {
    case 'host':
      return { type: 'bind', source: source.path, ...rest };
    case 'volume':
      return { type: 'volume', source: source.name, ...rest };
    case 'tmpfs':
      return { type: 'tmpfs', ...rest };
  }
}

/** What a source is called: a folder or file by its last name. */
export function sourceText(source: MountSource): string {
  switch (source.kind) {
    case 'host':
      return source.path.split('/').findLast((part) => part !== '') ?? '/';
    case 'volume':
      return source.name;
    case 'tmpfs':
      return 'tmpfs';
  }
}

/** Where it goes unless somebody says otherwise. */
export function usualDestination(source: MountSource): string {
  switch (source.kind) {
    case 'host':
      return `/mnt/${source.path.split('/').findLast((part) => part !== '') ?? 'root'}`;
    case 'volume':
      return `/mnt/${source.name}`;
    case 'tmpfs':
      return '/mnt/tmpfs';
  }
}

/** Why somebody should think twice before a container gets a place of this machine; the worst first. Real paths. */
export function misgivings(
  place: string,
  { folders, kept, writable }: { folders: readonly string[]; kept: readonly ProtectedPlace[]; writable: boolean },
): string[] {
  const reasons = kept
    .filter(({ path }) => isInside(place, path) || isInside(path, place))
    .map(({ path, reason }) => (isInside(place, path) ? reason : `it holds ${path}: ${reason}`));
  const outside = folders.every((folder) => !isInside(place, folder));
  return [
    ...new Set(reasons),
    ...(outside && writable ? ['it is outside of the workspace, and what runs in the container can change it'] : []),
  ];
}

/** What is wrong with a destination while it is typed; the helper has the last word. */
export function destinationProblem(text: string): string | undefined {
  if (!text.startsWith('/')) return 'Begin with a slash: it is a path in the container';
  if (/^\/+$/.test(text)) return 'The root itself cannot be covered';
  return /^\/+(proc|sys)(\/|$)/.test(text) ? 'Nothing is mounted over /proc and /sys' : undefined;
}

/** What is wrong with the size of a tmpfs, as tmpfs(5) takes it; nothing is half of the memory. */
export function sizeProblem(text: string): string | undefined {
  return /^(\d+[kmg%]?)?$/i.test(text) ? undefined : 'Use a size such as 64m, 1g or 10%';
}
