import * as path from 'node:path/posix';
import { ErrorCode, terrariumError } from '../protocol/index.js';

/** What a rule says of a folder of this machine and all below it, up to the next rule. */
export interface ViewRule {
  path: string;
  seen: boolean;
  /** A sentence. */
  why: string;
  /** Made new for each container, rather than hidden. */
  own?: boolean;
  /** No choice of a person changes it. */
  locked?: boolean;
  /** Nothing that holds it can be a layer of an overlay. */
  unlayerable?: boolean;
  /** Hidden by a layer that lies over the folder above it, which need not be taken apart for that: see hostLayer.ts. */
  layered?: boolean;
}

/** What must be known of this machine to decide. Paths are absolute and free of links. */
export interface HostFacts {
  data: string;
  runtime: string;
  /** Somebody else's (`/`, `/usr/sbin`: those of services) is a folder of the system and stays. */
  home: { path: string; isOwn: boolean };
  otherHomes: readonly string[];
  mountPoints: readonly string[];
}

export interface HostChoices {
  hide?: readonly string[];
  show?: readonly string[];
}

/** The rules that make a difference: to the nearest above it, or to how a folder can be mounted. `/` itself is seen. */
export type HostView = readonly ViewRule[];

const own = 'Every container has its own.';
const topFolders: readonly ViewRule[] = [
  ...['proc', 'sys', 'dev', 'run', 'tmp'].map((name) => ({ path: `/${name}`, why: own, own: true, locked: true })),
  { path: '/home', why: 'Homes are private.' },
  { path: '/root', why: 'Homes are private.' },
  { path: '/media', why: 'Other disks are not part of the system.' },
  { path: '/mnt', why: 'Other disks are not part of the system.' },
  { path: '/boot', why: 'A container starts no machine.' },
  { path: '/lost+found', why: 'It belongs to the file system check.' },
].map((rule) => ({ ...rule, seen: false }));

const systemFolders: readonly ViewRule[] = [
  { path: '/var/home', why: 'Homes are private.' },
  { path: '/var/tmp', why: 'Temporary files of others are private.' },
  { path: '/var/run', why: own, locked: true },
  ...['docker', 'containers', 'containerd', 'lxc', 'lxd', 'incus'].map((name) => ({
    path: `/var/lib/${name}`,
    why: 'It is the state of another engine.',
    locked: true,
  })),
].map((rule) => ({ ...rule, seen: false, layered: true }));

/** Of a home. Named themselves they can be shown, with the home they are not. */
const secrets = [
  '.ssh',
  '.gnupg',
  '.pki',
  '.password-store',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.config/gcloud',
  '.config/gh',
  '.config/containers',
  '.config/op',
  '.local/share/keyrings',
  '.mozilla',
  '.thunderbird',
  '.config/google-chrome',
  '.config/chromium',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.git-credentials',
];
const engines = ['.local/share/containers', '.local/share/docker'];

/** What holds on every machine, by default. */
export function defaultRules({ data, runtime, home, otherHomes }: HostFacts): ViewRule[] {
  const hidden =
    (why: string, locked = false) =>
    (file: string) => ({ path: file, seen: false, why, locked });
  const isHome = home.isOwn && home.path !== '/';
  const inHome = (names: readonly string[]) => (isHome ? names.map((name) => path.join(home.path, name)) : []);
  return [
    ...topFolders,
    ...systemFolders,
    ...(isHome ? [hidden('Homes are private.')(home.path)] : []),
    ...inHome(secrets).map(hidden('Keys and credentials are shown only when they are named themselves.')),
    ...inHome(engines).map(hidden('It is the state of another engine.', true)),
    ...otherHomes.map(hidden('It is the home of another user.', true)),
    hidden('Containers may not change what makes containers.', true)(runtime),
    { ...hidden('Containers may not change what makes containers.', true)(data), unlayerable: true },
  ];
}

/**
 * What a container sees, by default rules and a person's choices. Pure.
 * @throws TerrariumError Invalid for a choice that cannot be granted.
 */
export function hostView(facts: HostFacts, { hide = [], show = [] }: HostChoices = {}): HostView {
  // Who has a home in the system keeps it as it is, unless it is part of what is chosen.
  const otherHomes = facts.otherHomes.filter((one) => show.some((file) => isWithin(one, file) || isWithin(file, one)));
  const defaults = defaultRules({ ...facts, otherHomes }).filter(
    // Who shows what holds the home means the home.
    (rule) => rule.path !== facts.home.path || !show.some((file) => isWithin(rule.path, file)),
  );
  for (const file of show) refuseLocked(file, defaults);
  const both = show.find((file) => hide.includes(file));
  if (both !== undefined) throw invalid(`${both} cannot be hidden and shown at once`, 'Choose one of the two.');
  const locked = defaults.filter((rule) => rule.locked === true);
  const isInLayer = (file: string) =>
    // What is shown is no longer below the layer, nor is what is taken apart because of a mount in it.
    !show.some((shown) => isWithin(file, shown)) &&
    depthOf(file) > 1 &&
    !facts.mountPoints.some((point) => isWithin(point, `/${file.split('/')[1] ?? ''}`) && depthOf(point) > 1);
  const chosen: ViewRule[] = [
    ...show.map((file) => ({ path: file, seen: true, why: 'It was chosen to be shown.' })),
    ...hide.map((file) => ({ path: file, seen: false, why: 'It was chosen to be hidden.', layered: isInLayer(file) })),
  ];
  // Of several rules for a path the last one counts.
  const byPath = new Map([...defaults, ...chosen, ...locked].map((rule) => [rule.path, rule]));
  const view: ViewRule[] = [];
  for (const rule of [...byPath.values()].sort((a, b) => depthOf(a.path) - depthOf(b.path))) {
    const above = nearestRule(view, path.dirname(rule.path))?.seen ?? true;
    if (above !== rule.seen || rule.unlayerable === true) view.push(rule);
  }
  return view;
}

/** What the layer over the system's folders has to hide. */
export function layeredPaths(view: HostView): string[] {
  return view.filter(({ layered, seen }) => layered === true && !seen).map((rule) => rule.path);
}

/** The rule that holds at a path. */
export function nearestRule(view: HostView, file: string): ViewRule | undefined {
  let nearest: ViewRule | undefined;
  for (const rule of view) {
    if (isWithin(file, rule.path) && rule.path.length >= (nearest?.path.length ?? 0)) nearest = rule;
  }
  return nearest;
}

/** Whether a folder has to be taken apart, since something below it is seen differently and no layer can do that. */
export function hasExceptions(view: HostView, folder: string): boolean {
  const seen = nearestRule(view, folder)?.seen ?? true;
  return view.some(
    (rule) => rule.path !== folder && isWithin(rule.path, folder) && (seen ? rule.layered !== true : rule.seen),
  );
}

export function isWithin(file: string, folder: string): boolean {
  return file === folder || folder === '/' || file.startsWith(`${folder}/`);
}

function refuseLocked(file: string, rules: readonly ViewRule[]): void {
  const rule = rules.find(({ path: folder, locked }) => locked === true && isWithin(file, folder));
  if (rule !== undefined) {
    throw invalid(`${file} cannot be shown in a container`, 'Leave it out, or mount what you need of it.', rule.why);
  }
  if (file === '/') throw invalid('/ cannot be shown as a whole', 'Name the folders that are to be seen.');
}

function invalid(message: string, fix: string, cause?: string) {
  return terrariumError(ErrorCode.Invalid, message, { fix, ...(cause === undefined ? {} : { cause }) });
}

function depthOf(file: string): number {
  return file.split('/').filter(Boolean).length;
}
