/** What the grammar cannot say of a specification: whether it makes sense, and makes it on this machine. Pure. */
import { limitsOf } from '../cgroup/resources.js';
import { checkMapped } from '../container/create.js';
import { findUser } from '../inspect/user.js';
import { checkAddress } from '../network/membership.js';
import { memberSpecification } from '../pods/specification.js';
import { type ContainerSpecification, type NamespaceChoice, type oci, outboundNetwork } from '../protocol/index.js';
import { capability, containerCapabilities, defaultCapabilities } from '../security/capabilities.js';
import { plainProfile } from '../security/seccomp/profileFile.js';
import type { Path } from './document.js';
import type { Facts } from './facts.js';
import type { Misgiving } from './problems.js';
import { allowMisgivings, explained, profileMisgivings, refusal, say } from './seccompChecks.js';

type Check = (specification: ContainerSpecification, facts: Facts) => Misgiving[];

/** Everything that the machine, or another field, has against a specification that the grammar takes. */
export function misgivings(specification: ContainerSpecification, facts: Facts): Misgiving[] {
  return checks.flatMap((check) => check(specification, facts));
}

const checkName: Check = ({ name }, { containers }) =>
  name !== undefined && containers.some((container) => container.name === name)
    ? [say('warning', ['name'], `There is a container of that name already: it has to be removed first`)]
    : [];

const checkRoot: Check = ({ root }, facts) => {
  if (facts.root.kind !== 'refused') return [];
  const field = root?.kind === 'image' ? ['name'] : root?.kind === 'directory' ? ['path'] : [];
  return [say('error', ['root', ...field], explained(facts.root.error))];
};

/** As create does it: without a user of its own, the image's. */
const checkUser: Check = ({ user }, { root, identity }) => {
  if (root.kind !== 'found' && root.kind !== 'unreadable') return [];
  const wanted = user ?? root.image?.user;
  const path = user === undefined ? ['root', 'name'] : ['user'];
  if (wanted === undefined) return [];
  if (root.kind === 'unreadable') return [say('error', path, explained(root.error))];
  return refusal(path, () => checkMapped(identity, findUser(wanted, root.users)));
};

const checkCapabilities: Check = ({ capabilities: change }) => {
  const isAll = (name: string) => /^(CAP_)?ALL$/i.test(name);
  const at = (field: 'add' | 'drop') =>
    (change?.[field] ?? []).map((name, index) => ({ name, path: ['capabilities', field, index] as const }));
  const unknown = [...at('add'), ...at('drop')].flatMap(({ name, path }) =>
    isAll(name) ? [] : refusal(path, () => capability(name)),
  );
  if (unknown.length > 0) return unknown;
  const both = refusal(['capabilities', 'drop'], () => containerCapabilities(change));
  const idle = (field: 'add' | 'drop', inDefault: boolean, why: string) =>
    at(field)
      .filter(({ name }) => !isAll(name) && isDefault(name) === inDefault)
      .map(({ path }) => say('information', path, why));
  const hasAll = [...(change?.add ?? []), ...(change?.drop ?? [])].some(isAll);
  if (both.length > 0 || hasAll) return both;
  return [
    ...idle('add', true, 'It is there by default'),
    ...idle('drop', false, 'It is not there by default: nothing is dropped'),
  ];
};

const isDefault = (name: string): boolean => defaultCapabilities.includes(capability(name).name);

const checkMounts: Check = ({ mounts = [] }, { sources }) =>
  mounts.flatMap(({ destination, source, options }, index) => [
    ...(source !== undefined && sources.get(source) === false && !options?.includes('nofail')
      ? [say('error', ['mounts', index, 'source'], `There is nothing at ${source}`)]
      : []),
    ...(mounts.slice(index + 1).some((later) => later.destination === destination)
      ? [say('warning', ['mounts', index, 'destination'], `Hidden by a later mount on ${destination}`)]
      : []),
    ...(/^\/+$/.test(destination)
      ? [say('error', ['mounts', index, 'destination'], 'The root itself is said in "root"')]
      : []),
  ]);

const checkNetwork: Check = ({ network }, { containers, networks }) => {
  if (network?.kind === 'bridge') {
    const found = networks.find(({ name }) => name === network.network);
    if (found === undefined && network.network === outboundNetwork) return [];
    if (found === undefined) return [say('error', ['network', 'network'], `There is no network "${network.network}"`)];
    const { address } = network;
    if (address === undefined) return [];
    return refusal(['network', 'address'], () => checkAddress(found, address));
  }
  return network?.kind === 'container' ? checkOther(network.container, ['network', 'container'], containers) : [];
};

/** Whether a container whose namespaces are to be joined is there to be joined. */
function checkOther(wanted: string, path: Path, containers: Facts['containers']): Misgiving[] {
  const other = containers.find(({ name }) => name === wanted);
  // The start of an id is as good as a name; which one it is the start of is not looked up here.
  if (other === undefined) {
    return /^[0-9a-f]{1,12}$/.test(wanted) ? [] : [say('error', path, `There is no container "${wanted}"`)];
  }
  return other.state === 'running' || other.state === 'paused'
    ? []
    : [say('warning', path, `${wanted} is not running: it has to be started first`)];
}

const checkPod: Check = (specification, { pods }) => {
  const { pod: name } = specification;
  if (name === undefined) return [];
  const pod = pods.find((one) => one.name === name);
  if (pod === undefined) return [say('error', ['pod'], `There is no pod "${name}"`)];
  return refusal(['pod'], () => memberSpecification(specification, pod));
};

const checkSharing: Check = ({ namespaces = {}, hostname, timeOffsets }, { containers }) => [
  ...Object.entries(namespaces).flatMap(([type, choice]) =>
    typeof choice === 'object' && 'container' in choice
      ? checkOther(choice.container, ['namespaces', type, 'container'], containers)
      : [],
  ),
  ...(hostname !== undefined && !isNew(namespaces.uts)
    ? [say('information', ['hostname'], `${whose(namespaces.uts)} host name is shared and stays what it is`)]
    : []),
  ...(!isNew(namespaces.time) && timeOffsets !== undefined
    ? [say('information', ['timeOffsets'], `${whose(namespaces.time)} clocks are shared and stay what they are`)]
    : []),
];

const isNew = (choice: NamespaceChoice | undefined): boolean => choice === undefined || choice === 'new';
const whose = (choice: NamespaceChoice | undefined): string => (choice === 'host' ? 'This machine’s' : 'The other’s');

/** KTIME_SEC_MAX / 2 of the kernel, beyond which it answers ERANGE: time_namespaces(7). */
const largestClock = 2 ** 63 / 1e9 / 2;

const checkClocks: Check = ({ timeOffsets }, { uptime }) =>
  (['monotonic', 'boottime'] as const).flatMap((clock) => {
    const secs = timeOffsets?.[clock]?.secs;
    if (secs === undefined || (uptime + secs >= 0 && uptime + secs < largestClock)) return [];
    const why = secs < 0 ? `The clock would run below zero: this machine is up for ${Math.floor(uptime)} s` : 'Too far';
    return [say('error', ['timeOffsets', clock, 'secs'], why)];
  });

/** Part by part, so that each is underlined where it is written. */
const checkResources: Check = ({ resources }) => {
  const { memory, cpu, blockIO, unified } = resources ?? {};
  const wrong = (path: Path, part: oci.Resources) => refusal(['resources', ...path], () => limitsOf(part));
  const limit = memory?.limit === undefined ? [] : wrong(['memory', 'limit'], { memory: { limit: memory.limit } });
  return [
    ...(limit.length > 0 || memory === undefined ? limit : wrong(['memory', 'swap'], { memory })),
    ...(cpu === undefined ? [] : wrong(['cpu', 'quota'], { cpu })),
    ...(blockIO === undefined ? [] : wrong(['blockIO'], { blockIO })),
    ...Object.entries(unified ?? {}).flatMap(([file, text]) => wrong(['unified', file], { unified: { [file]: text } })),
  ];
};

const checkSeccomp: Check = ({ seccomp }, { seccompProfile }) => {
  if (typeof seccomp !== 'object') return [];
  if ('defaultAction' in seccomp) return profileMisgivings(plainProfile(seccomp), ['seccomp']);
  const { profile } = seccomp;
  return [
    ...(seccompProfile === undefined ? [] : [say('error', ['seccomp', 'profile'], explained(seccompProfile))]),
    ...(typeof profile === 'object' ? profileMisgivings(plainProfile(profile), ['seccomp', 'profile']) : []),
    ...allowMisgivings(seccomp, ['seccomp']),
  ];
};

const checks: readonly Check[] = [
  checkName,
  checkRoot,
  checkUser,
  checkCapabilities,
  checkMounts,
  checkNetwork,
  checkPod,
  checkSharing,
  checkClocks,
  checkResources,
  checkSeccomp,
];
