/** What is said about a field or a value under the pointer, as Markdown. Pure. */
import type { JSONSchema } from 'vscode-json-languageservice';
import { ResponseError } from 'vscode-jsonrpc';
import { weightOfBlockIo } from '../cgroup/blockIo.js';
import { quotaToCores, sharesToWeight } from '../cgroup/units.js';
import { findUser } from '../inspect/user.js';
import { type ContainerSpecification, capabilities } from '../protocol/index.js';
import { containerCapabilities, defaultCapabilities } from '../security/capabilities.js';
import { userMounts } from '../specification/complete.js';
import { at, grammarSchema } from './completion.js';
import { type Path, patternOf, type Written } from './document.js';
import type { Facts } from './facts.js';
import { fieldMeanings } from './fields.js';
import { callMeaning, profileWord } from './profileHover.js';
import { bindOptions, cgroupFiles, rlimits, sharedNamespaces, sysctls, tmpfsOptions } from './vocabulary.js';

/** A text for what is written at a place of a file whose sound fields are `specification`; undefined: nothing to say. */
export function hoverText(written: Written, specification: ContainerSpecification, facts: Facts): string | undefined {
  const meaning = meaningOf(written, specification, facts);
  const field = written.path.at(-1);
  const lines = [
    ...fieldText(written.path),
    ...(meaning === undefined ? [] : [meaning]),
    // A default is of interest where the field is named, not at each item of its list.
    ...(typeof field === 'string' ? otherwise(written.path) : []),
  ];
  return lines.length === 0 ? undefined : lines.join('\n\n');
}

/** What the grammar says of the field, and where OCI's configuration has it. */
function fieldText(path: Path): string[] {
  const named = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path;
  const { oci, section } = fieldMeanings[patternOf(named)] ?? {};
  const description = descriptionOf(named);
  const link =
    oci === undefined || section === undefined
      ? undefined
      : `OCI: [\`${oci}\`](https://github.com/opencontainers/runtime-spec/blob/main/${section})`;
  return [description, link].filter((line) => line !== undefined);
}

function otherwise(path: Path): string[] {
  const text = fieldMeanings[patternOf(path)]?.otherwise;
  return text === undefined ? [] : [`Default: ${text}`];
}

let grammar: JSONSchema | undefined;

function descriptionOf(path: Path): string | undefined {
  grammar ??= grammarSchema();
  try {
    return at(grammar, ...path.map((part) => (typeof part === 'number' ? '[]' : part))).description;
  } catch {
    // A field that the grammar does not have, or the name of a setting: a diagnostic says so where it is wrong.
    return undefined;
  }
}

/** What a value stands for, or becomes. */
function meaningOf({ path, value }: Written, specification: ContainerSpecification, facts: Facts): string | undefined {
  const pattern = patternOf(path);
  if (typeof value === 'string') {
    const word = wordMeaning(pattern, value);
    if (word !== undefined) return `${code(value)}: ${word}`;
  }
  const text = typeof value === 'string' ? value : undefined;
  const number = typeof value === 'number' ? value : undefined;
  switch (pattern) {
    case 'root.name': {
      const image = facts.images.find(({ name }) => name === text);
      return image && `${code(image.digest)}, ${bytesText(image.sizeBytes)} unpacked`;
    }
    case 'user':
      return text && userText(text, facts);
    case 'capabilities':
      return effectiveCapabilities(specification);
    case 'resources.memory.limit':
    case 'resources.memory.reservation':
    case 'resources.memory.swap':
    case 'resources.memory.kernel':
    case 'resources.hugepageLimits[].limit':
    case 'resources.blockIO.throttleReadBpsDevice[].rate':
    case 'resources.blockIO.throttleWriteBpsDevice[].rate':
      return number === undefined ? undefined : number < 0 ? 'No limit' : bytesText(number);
    case 'resources.cpu.quota':
    case 'resources.cpu.period':
      return coresText(specification);
    case 'resources.blockIO.weight':
      return number === undefined ? undefined : `io.weight ${weightOfBlockIo(number)} where the machine has cgroup v2`;
    case 'resources.cpu.shares':
      return number === undefined ? undefined : `cpu.weight ${sharesToWeight(number)} where the machine has cgroup v2`;
    case 'timeOffsets.boottime.secs':
    case 'timeOffsets.monotonic.secs':
      return number === undefined ? undefined : `${number < 0 ? 'Behind' : 'Ahead'} by ${timeText(Math.abs(number))}`;
    case 'mounts[].destination':
    case 'mounts[].source':
    case 'mounts[].options':
      return mountText(specification, path);
  }
  const [parent, key] = [patternOf(path.slice(0, -1)), String(path.at(-1))];
  const words = parent === 'resources.unified' ? cgroupFiles : parent === 'sysctl' ? sysctls : [];
  return words.find(({ word }) => word === key)?.meaning;
}

/** What the words of lists and choices mean. */
function wordMeaning(pattern: string, word: string): string | undefined {
  const of = (table: Readonly<Record<string, string>>) => (Object.hasOwn(table, word) ? table[word] : undefined);
  const ofProfile = /^seccomp\.(?:profile\.)?(.+)/.exec(pattern)?.[1];
  const inProfile = ofProfile === undefined ? undefined : profileWord(ofProfile, word);
  if (inProfile !== undefined) return inProfile;
  switch (pattern) {
    case 'capabilities.add[]':
    case 'capabilities.drop[]': {
      const name = `CAP_${word.toUpperCase().replace(/^CAP_/, '')}`;
      const found = capabilities.find((one) => one.name === name);
      const isDefault = defaultCapabilities.some((one) => one === name);
      return found && `${found.allows}. ${isDefault ? 'In the default set' : 'Not in the default set'}`;
    }
    case 'mounts[].options[]':
      return [...bindOptions, ...tmpfsOptions].find((one) => one.word.split('=')[0] === word.split('=')[0])?.meaning;
    case 'namespaces.mount':
    case 'namespaces.user':
    case 'namespaces.uts':
    case 'namespaces.ipc':
    case 'namespaces.pid':
    case 'namespaces.cgroup':
    case 'namespaces.time':
      return word === 'host' ? sharedNamespaces[pattern.slice('namespaces.'.length)] : undefined;
    case 'rlimits[].type':
      return of(rlimits);
    case 'seccomp.allow[]':
      return callMeaning(word);
    case 'seccomp':
      return of({
        default: 'The built-in profile: what reaches beyond the container is refused',
        unconfined: 'No filter: the whole of the kernel’s interface can be reached',
      });
    case 'writable':
      return of({
        overlay: 'Kept in a layer of its own, until the container is removed',
        tmpfs: 'Kept in memory, until it ends',
        none: 'Refused: read-only file system',
      });
    case 'root.kind':
      return of({ host: 'This machine’s own /', image: 'An imported image', directory: 'A folder' });
    case 'network.kind':
      return of({
        none: 'Only lo',
        host: 'This machine’s',
        container: 'That of another container',
        bridge: 'One of its own, connected to a named network',
      });
  }
  return undefined;
}

function userText(user: string, { root, identity }: Facts): string | undefined {
  if (root.kind !== 'found') return undefined;
  try {
    const { uid, gid, additionalGids, home } = findUser(user, root.users);
    const mapping = identity.uidMappings.find(
      ({ containerID, size }) => uid >= containerID && uid < containerID + size,
    );
    const outside =
      mapping === undefined ? 'not mapped outside' : `${mapping.hostID + uid - mapping.containerID} outside`;
    const groups = additionalGids.length === 0 ? '' : `, groups ${additionalGids.join(', ')}`;
    return `uid ${uid} inside, ${outside}; gid ${gid}${groups}; home ${code(home)}`;
  } catch (error) {
    // No such user: a diagnostic says so.
    if (error instanceof ResponseError) return undefined;
    throw error;
  }
}

function effectiveCapabilities({ capabilities: change }: ContainerSpecification): string | undefined {
  if (change === undefined) return undefined;
  try {
    return `Root inside keeps: ${containerCapabilities(change).join(', ') || 'none'}`;
  } catch (error) {
    // A name that there is not: a diagnostic says so.
    if (error instanceof ResponseError) return undefined;
    throw error;
  }
}

function coresText({ resources }: ContainerSpecification): string | undefined {
  const { quota, period = 100_000 } = resources?.cpu ?? {};
  if (!quota) return undefined;
  return quota < 0 ? 'No limit' : `${Number(Number(quotaToCores({ quota, period })).toFixed(3))} cores`;
}

/** With everything that is added to it. */
function mountText({ mounts = [] }: ContainerSpecification, path: Path): string | undefined {
  const [, index] = path;
  const mount = typeof index === 'number' ? mounts[index] : undefined;
  const [whole] = mount === undefined ? [] : userMounts({ mounts: [mount] });
  return (
    whole &&
    `Mounted as ${whole.type} from ${code(whole.source ?? '')}, options ${code(whole.options?.join(',') ?? '')}`
  );
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 104857600 is 100 MiB. */
export function bytesText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}

function timeText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count} ${unit}`])).join(' ');
}

/** Names and paths come from files and images: a code span shows them as they are, but for what would end it. */
function code(text: string): string {
  return `\`${text.replaceAll('`', 'ˋ').replace(/\p{Cc}/gu, '�')}\``;
}
