/** Pods on disk: `pods/NAME/pod.json` in the data folder. */
import { closeSync, promises as fs, openSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { flock } from '../../native/bindings/flock.js';
import { writeAtomically } from '../container/atomicFile.js';
import type { Locations } from '../container/locations.js';
import { ErrorCode, type PodNamespace, type PodNetwork, type PortMapping, terrariumError } from '../protocol/index.js';
import { containerNamePattern } from '../specification/schema.js';

/** `pod.json`: what a pod is. */
export interface PodRecord {
  version: 1;
  /** Of the same kind as a container's: addresses in a network go by it. */
  id: string;
  name: string;
  createdAt: string;
  shares: PodNamespace[];
  network?: PodNetwork;
  ports: PortMapping[];
  hostname?: string;
}

/** Ours, written by us: the outline is checked, so that a damaged file is told from a sound one. */
const recordSchema = z.looseObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string(),
  createdAt: z.string(),
  shares: z.array(z.enum(['network', 'ipc', 'uts', 'pid'])),
  ports: z.array(z.looseObject({})),
}) as unknown as z.ZodType<PodRecord>;

/** @throws Invalid for what cannot be the name of a pod: it comes from clients */
function podFolder({ pods }: Pick<Locations, 'pods'>, name: string): string {
  if (containerNamePattern.test(name)) return path.join(pods, name);
  throw terrariumError(ErrorCode.Invalid, `${JSON.stringify(name)} cannot be the name of a pod`, {
    fix: 'Use letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit.',
  });
}

const recordFile = (folder: string) => path.join(folder, 'pod.json');

/** @throws NotFound; BadInput when its record is damaged */
export function readPod(locations: Pick<Locations, 'pods'>, name: string): PodRecord {
  const file = recordFile(podFolder(locations, name));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw terrariumError(ErrorCode.NotFound, `There is no pod "${name}"`, {
      fix: `See which there are, or make it with terrarium pod create ${name}.`,
      command: 'terrarium pod list',
    });
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw terrariumError(ErrorCode.BadInput, `The record of the pod ${name} is damaged: ${file}`, {
      path: file,
      cause: error instanceof SyntaxError ? error.message : z.prettifyError(error),
      fix: 'Remove the pod with its containers, or put back a copy of that file.',
      command: `terrarium pod rm ${name}`,
    });
  }
}

/** Keeps it over a crash of the machine. The caller has the lock of pods. */
export async function writePod(locations: Locations, record: PodRecord): Promise<void> {
  const folder = podFolder(locations, record.name);
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomically(recordFile(folder), JSON.stringify(record), { durable: true });
}

export async function forgetPod(locations: Locations, name: string): Promise<void> {
  await fs.rm(podFolder(locations, name), { recursive: true, force: true });
}

/** Whether there is one of that name, damaged or not. */
export async function isPod(locations: Locations, name: string): Promise<boolean> {
  return (await podNames(locations)).includes(name);
}

/** By name. */
export async function podNames({ pods }: Locations): Promise<string[]> {
  return (await fs.readdir(pods)).sort();
}

/** Undefined when it is gone, or damaged: who asks for it by `readPod` is told. */
export function findPod(locations: Pick<Locations, 'pods'>, name: string): PodRecord | undefined {
  try {
    return readPod(locations, name);
  } catch (error) {
    if (error instanceof ResponseError && [ErrorCode.NotFound, ErrorCode.BadInput].includes(error.code))
      return undefined;
    throw error;
  }
}

/** Those that can be read: a damaged one must not hide the others. */
export async function readPods(locations: Locations): Promise<PodRecord[]> {
  return (await podNames(locations)).flatMap((name) => findPod(locations, name) ?? []);
}

/**
 * Runs `work` while no other helper changes pods. Whoever needs the lock of a container too takes that one first, and
 * that of networks last.
 */
export async function lockedPods<T>({ pods }: Locations, work: () => Promise<T>): Promise<T> {
  const fd = openSync(pods, 'r');
  try {
    await flock(fd, 'exclusive');
    return await work();
  } finally {
    closeSync(fd);
  }
}
