/** Networks on disk: `networks/NAME/network.json` in the data folder, and beside it the hosts file of its containers. */
import { closeSync, promises as fs, openSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { flock } from '../../native/bindings/flock.js';
import { writeAtomically } from '../container/atomicFile.js';
import type { Locations } from '../container/locations.js';
import { ErrorCode, type OutboundChoice, terrariumError } from '../protocol/index.js';
import { containerNamePattern } from '../specification/schema.js';

export const outboundSchema = z.enum(['none', 'auto', 'pasta', 'slirp4netns']) satisfies z.ZodType<OutboundChoice>;

const recordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  createdAt: z.string(),
  subnet: z.string(),
  /** Absent: it is without IPv6. */
  subnet6: z.string().exactOptional(),
  outbound: outboundSchema.default('none'),
  hostLoopback: z.boolean().default(false),
  /** By the container's id. */
  addresses: z.record(z.string(), z.string()),
});
export type NetworkRecord = z.infer<typeof recordSchema>;

/** @throws Invalid for what cannot be the name of a network: it comes from clients */
export function networkFolder({ networks }: Locations, name: string): string {
  if (containerNamePattern.test(name)) return path.join(networks, name);
  throw terrariumError(ErrorCode.Invalid, `${JSON.stringify(name)} cannot be the name of a network`, {
    fix: 'Use letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit.',
  });
}

const recordFile = (folder: string) => path.join(folder, 'network.json');

/** @throws NotFound; BadInput when its record is damaged */
export function readNetwork(locations: Locations, name: string): NetworkRecord {
  const file = recordFile(networkFolder(locations, name));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw terrariumError(ErrorCode.NotFound, `There is no network "${name}"`, {
      fix: 'Make it first, or see which there are with terrarium network list.',
      command: `terrarium network create ${name}`,
    });
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw terrariumError(ErrorCode.BadInput, `The record of the network ${name} is damaged: ${file}`, {
      path: file,
      cause: error instanceof SyntaxError ? error.message : z.prettifyError(error),
      fix: 'Stop its containers, remove it, and make it again.',
      command: `terrarium network rm ${name}`,
    });
  }
}

/** Keeps it over a crash of the machine. The caller has the lock of networks. */
export async function writeNetwork(locations: Locations, record: NetworkRecord): Promise<void> {
  const folder = networkFolder(locations, record.name);
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomically(recordFile(folder), JSON.stringify(record), { durable: true });
}

export async function forgetNetwork(locations: Locations, name: string): Promise<void> {
  await fs.rm(networkFolder(locations, name), { recursive: true, force: true });
}

/** Whether there is one of that name, damaged or not. */
export async function isNetwork(locations: Locations, name: string): Promise<boolean> {
  return (await networkNames(locations)).includes(name);
}

/** By name. */
export async function networkNames({ networks }: Locations): Promise<string[]> {
  return (await fs.readdir(networks)).sort();
}

/** Those that can be read: a damaged one must not hide the others. */
export async function readNetworks(locations: Locations): Promise<NetworkRecord[]> {
  return (await networkNames(locations)).flatMap((name) => {
    try {
      return [readNetwork(locations, name)];
    } catch (error) {
      // Removed just now, or damaged: who asks for that one is told.
      if (error instanceof ResponseError && [ErrorCode.NotFound, ErrorCode.BadInput].includes(error.code)) return [];
      throw error;
    }
  });
}

/** Runs `work` while no other helper changes networks. */
export async function lockedNetworks<T>({ networks }: Locations, work: () => Promise<T>): Promise<T> {
  const fd = openSync(networks, 'r');
  try {
    await flock(fd, 'exclusive');
    return await work();
  } finally {
    closeSync(fd);
  }
}
