/** What two processes see and may do differently. Pure: of two inspections. */
import { formatIdMap } from '../inspect/idmap.js';
import {
  type ComparedProcess,
  type ComparisonSection,
  type ComparisonTopic,
  comparisonTopics,
  type Difference,
  type InspectedId,
  type InspectedLimit,
  type MountInfo,
  type oci,
  type ProcessInspection,
} from '../protocol/index.js';

/** What is compared of a process. What is missing has its reason in `unreadable`, `limits` for those of its control groups. */
export interface Compared extends ProcessInspection {
  limits?: Readonly<Record<string, InspectedLimit>>;
}

/** What one of the two has under a topic, by name; undefined when it could not be read. */
type Facts = ReadonlyMap<string, string> | undefined;

const factsOf: Readonly<Record<ComparisonTopic, (inspection: Compared) => Facts>> = {
  namespaces: namespaceFacts,
  ids: idFacts,
  capabilities: ({ process }) => capabilityFacts(process.capabilities),
  confinement: confinementFacts,
  mounts: ({ mounts }) => mounts && mountFacts(mounts),
  sysctl: ({ linux }) => linux.sysctl && new Map(Object.entries(linux.sysctl)),
  cgroup: ({ linux }) => new Map(Object.entries(linux.cgroups).map(([name, path]) => [name || 'cgroup v2', path])),
  limits: ({ limits }) => limits && new Map(Object.entries(limits).map(([name, limit]) => [name, limitFact(limit)])),
  rlimits: ({ process }) => new Map(process.rlimits.map(({ type, soft, hard }) => [type, `${soft} (hard ${hard})`])),
};

/** Where an inspection says why a topic is missing. */
const places: Readonly<Partial<Record<ComparisonTopic, string>>> = {
  namespaces: 'linux.namespaces',
  mounts: 'mounts',
  sysctl: 'linux.sysctl',
  limits: 'limits',
};

/** The sections in the order of `comparisonTopics`, all of them. */
export function compareInspections(a: Compared, b: Compared): ComparisonSection[] {
  return comparisonTopics.map((topic) => {
    const [one, other] = [factsOf[topic](a), factsOf[topic](b)];
    if (one !== undefined && other !== undefined) return { topic, ...compareFacts(one, other) };
    const unread = one === undefined ? a : b;
    const reason = unread.unreadable[places[topic] ?? ''] ?? 'It could not be read.';
    return { topic, differences: [], same: [], unknown: `Of process ${unread.identity.pid}: ${reason}` };
  });
}

/** A process as the heading of its side. */
export function comparedProcess(
  { identity, container, process, name }: ProcessInspection,
  isHost: boolean,
): ComparedProcess {
  return {
    identity,
    command: process.args.join(' ') || `[${name}]`,
    ...(container === undefined ? {} : { container }),
    ...(isHost ? { host: true } : {}),
  };
}

function compareFacts(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): { differences: Difference[]; same: string[] } {
  const differences: Difference[] = [];
  const same: string[] = [];
  // The order of the first, and what only the second has after it.
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(name) ?? null, b.get(name) ?? null];
    if (one === other) same.push(name);
    else differences.push({ name, a: one, b: other });
  }
  return { differences, same };
}

/** By number; and how far the clocks are shifted, which is the time namespace's. */
function namespaceFacts({ linux: { namespaces, timeOffsets = {} } }: ProcessInspection): Facts {
  return (
    namespaces &&
    new Map([
      ...namespaces.map(({ type, inode }): [string, string] => [type, String(inode)]),
      ...Object.entries(timeOffsets).map(([clock, { secs, nanosecs }]): [string, string] => [
        `clock ${clock}`,
        `${secs} s${nanosecs === 0 ? '' : ` ${nanosecs} ns`}`,
      ]),
    ])
  );
}

/** What is set, and what holds because of a group above. */
function limitFact({ value = '', effective }: InspectedLimit): string {
  return effective === undefined ? value : `${value} (${effective.value} by ${effective.path})`;
}

/** `0 inside is 1000 outside`: both ids of each. */
function idFacts({ process: { user, group, additionalGids }, linux }: ProcessInspection): Facts {
  const both = ({ inside, outside }: InspectedId) =>
    inside === outside ? String(outside) : `${inside ?? 'unmapped'} (${outside} outside)`;
  const kinds = ['real', 'effective', 'saved', 'fileSystem'] as const;
  return new Map([
    ...kinds.map((kind): [string, string] => [`${kind} user`, both(user[kind])]),
    ...kinds.map((kind): [string, string] => [`${kind} group`, both(group[kind])]),
    ['additional groups', additionalGids.map(both).join(', ') || 'none'],
    ...mapFact('uid_map', linux.uidMappings),
    ...mapFact('gid_map', linux.gidMappings),
  ]);
}

function mapFact(name: string, map: readonly oci.IdMapping[] | undefined): [string, string][] {
  return map === undefined ? [] : [[name, formatIdMap(map) || 'empty']];
}

const setNames = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'] as const;

/** For each capability the sets that it is in. */
function capabilityFacts(sets: oci.CapabilitySets): Facts {
  const names = [...new Set(setNames.flatMap((set) => sets[set]))].sort();
  return new Map(names.map((name) => [name, setNames.filter((set) => sets[set].includes(name)).join(', ')]));
}

function confinementFacts({ process, linux: { seccomp } }: ProcessInspection): Facts {
  return new Map([
    ['seccomp', `${seccomp.mode}${seccomp.filters ? ` (${seccomp.filters})` : ''}`],
    ['no_new_privs', process.noNewPrivileges ? 'yes' : 'no'],
    ...(process.securityLabel === undefined ? [] : [['security label', process.securityLabel] as const]),
    ['oom_score_adj', String(process.oomScoreAdj)],
    ...(process.umask === undefined ? [] : [['umask', process.umask] as const]),
  ]);
}

/** By destination: of several at one place the last covers the others. Ids and peer groups differ in every namespace. */
function mountFacts(mounts: readonly MountInfo[]): Facts {
  return new Map(
    mounts.map(({ destination, type, source, root, device, options, superOptions, propagation }) => [
      destination,
      [
        type === source ? type : `${type} from ${source}`,
        ...(root === '/' ? [] : [`folder ${root}`]),
        `device ${device}`,
        options.join(','),
        superOptions.filter((option) => !options.includes(option)).join(','),
        propagation.replace(/:\d+/g, ''),
      ]
        .filter((part) => part !== '')
        .join(' · '),
    ]),
  );
}
