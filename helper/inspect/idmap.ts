/** uid_map and gid_map: which ids outside stand for which inside. */
import { readFileSync } from 'node:fs';
import { ErrorCode, type oci, terrariumError } from '../protocol/index.js';
import { procFolder, unlessGone } from './proc.js';

/** What the kernel shows for an id that is not mapped. */
export const overflowId = 65534;

/** Parses `inside outside count` lines. @throws a terrariumError (Internal) for anything else. */
export function parseIdMap(text: string): oci.IdMapping[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [containerID, hostID, size, ...rest] = line.trim().split(/\s+/).map(Number);
      if (containerID === undefined || hostID === undefined || size === undefined || rest.length > 0) {
        throw terrariumError(ErrorCode.Internal, `Not a line of an id map: ${JSON.stringify(line.slice(0, 200))}`);
      }
      if (![containerID, hostID, size].every(Number.isSafeInteger)) {
        throw terrariumError(ErrorCode.Internal, `An id map with something that is no number: ${JSON.stringify(line)}`);
      }
      return { containerID, hostID, size };
    });
}

/** The map of a process with host ids as our user namespace sees them; undefined when it has ended. */
export function readIdMap(pid: number, kind: 'uid' | 'gid', proc = procFolder): oci.IdMapping[] | undefined {
  try {
    const text = unlessGone(() => readFileSync(`${proc}/${pid}/${kind}_map`, 'utf8'));
    return text === undefined ? undefined : parseIdMap(text);
  } catch (error) {
    // The kernel's word for a process that ended between the look-up of the file and its opening (proc_id_map_open).
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

/** The id inside, or undefined when `hostId` is not mapped. */
export function toContainerId(map: readonly oci.IdMapping[], hostId: number): number | undefined {
  const range = map.find(({ hostID, size }) => hostId >= hostID && hostId - hostID < size);
  return range && range.containerID + (hostId - range.hostID);
}

/** The id outside, or undefined when `containerId` is not mapped. */
export function toHostId(map: readonly oci.IdMapping[], containerId: number): number | undefined {
  const range = map.find(({ containerID, size }) => containerId >= containerID && containerId - containerID < size);
  return range && range.hostID + (containerId - range.containerID);
}

/** As in the kernel's file: `0 1000 1, 1 100000 65536`. */
export function formatIdMap(map: readonly oci.IdMapping[]): string {
  return map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join(', ');
}

/**
 * A map in words, for a person.
 * @param ownId the person's id on the host.
 */
export function explainIdMap(map: readonly oci.IdMapping[], kind: 'uid' | 'gid', ownId: number): string {
  const who = kind === 'uid' ? 'user' : 'group';
  if (map.length === 0) {
    return `No ${who} is mapped: everything belongs to nobody (${overflowId}) inside.`;
  }
  const sentences = map.map(({ containerID, hostID, size }) => {
    const yours = hostID === ownId ? `you (${kind} ${ownId})` : `${kind} ${hostID} outside`;
    const inside = containerID === 0 ? `root (${kind} 0)` : `${kind} ${containerID}`;
    return size === 1
      ? `${inside} inside is ${yours}`
      : `${kind}s ${containerID} to ${containerID + size - 1} inside are ${hostID} to ${hostID + size - 1} outside`;
  });
  const text = `${sentences.join('; ')}; any other ${who} appears as nobody (${overflowId}).`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
