import { closeSync, existsSync, promises as fs, openSync } from 'node:fs';
import * as path from 'node:path';
import { flock } from '../../native/bindings/flock.js';
import { MeasureTrees } from '../image/layerProtocol.js';
import type { Step } from '../plan/step.js';
import { ErrorCode, type oci, terrariumError, type VolumeSummary, type VolumeUse } from '../protocol/index.js';
import { containerNamePattern } from '../specification/schema.js';
import { stepFailure } from './failure.js';
import type { Locations } from './locations.js';
import type { Machine } from './machine.js';
import { readAddedMounts } from './mountRecord.js';
import { liveRun } from './stop.js';

/**
 * Named volumes: `volumes/NAME/data` is what containers mount. The folder belongs to the user, who is root inside; what
 * other users inside make in it belongs to subordinate ids, so that only the zygote can remove it.
 */
function dataFolder(locations: Pick<Locations, 'volumes'>, name: string): string {
  return path.join(locations.volumes, name, 'data');
}

/** Names of the volumes among mounts. */
export function volumesOf(mounts: readonly oci.Mount[]): string[] {
  return mounts.flatMap(({ type, source }) => (type === 'volume' && source !== undefined ? [source] : []));
}

/** The mounts of a configuration with each volume as a bind of its folder. Pure. */
export function withVolumes(locations: Pick<Locations, 'volumes'>, config: oci.Config): oci.Config {
  return { ...config, mounts: config.mounts.map((mount) => volumeAsBind(locations, mount)) };
}

/** The same of one mount. Pure. */
export function volumeAsBind(locations: Pick<Locations, 'volumes'>, mount: oci.Mount): oci.Mount {
  return mount.type === 'volume'
    ? { ...mount, type: 'bind', source: dataFolder(locations, mount.source ?? '') }
    : mount;
}

/**
 * Makes the volumes that are missing, then does `work`, which notes that a container has them; meanwhile none can be
 * removed. @throws what `work` throws
 */
export async function keepingVolumes<T>(
  machine: Machine,
  names: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  if (names.length === 0) return work();
  return locked(machine.locations, async () => {
    for (const name of new Set(names)) await make(machine.locations, name);
    return work();
  });
}

/** @throws Invalid, NameTaken */
export async function createVolume(machine: Machine, name: string): Promise<VolumeSummary> {
  const { locations } = machine;
  if (!containerNamePattern.test(name)) {
    throw terrariumError(ErrorCode.Invalid, `${JSON.stringify(name)} is no name for a volume`, {
      fix: 'Use letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit.',
    });
  }
  await locked(locations, async () => {
    if (!(await make(locations, name))) {
      throw terrariumError(ErrorCode.NameTaken, `There already is a volume named "${name}"`, {
        fix: 'Use that one, or choose another name.',
        command: 'terrarium volume ls',
      });
    }
  });
  return describe(machine, name, []);
}

/** All volumes by name, with the containers that have them. */
export async function listVolumes(machine: Machine): Promise<VolumeSummary[]> {
  const names = (await fs.readdir(machine.locations.volumes)).filter((name) => containerNamePattern.test(name)).sort();
  if (names.length === 0) return [];
  const uses = await readUses(machine);
  const summaries = await Promise.all(
    names.map((name) =>
      describe(machine, name, uses.get(name) ?? []).catch((error: NodeJS.ErrnoException) => {
        // Another helper has just removed it.
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    ),
  );
  return summaries.filter((summary) => summary !== undefined);
}

/** Removes a volume with all that is in it. @throws NotFound, WrongState while a container has it */
export async function removeVolume(machine: Machine, name: string): Promise<void> {
  await locked(machine.locations, async () => {
    refuseMissing(machine.locations, name);
    const users = (await readUses(machine)).get(name) ?? [];
    if (users.length > 0) {
      throw terrariumError(
        ErrorCode.WrongState,
        `The volume ${name} is used by ${[...new Set(users.map((use) => use.name))].join(', ')}`,
        {
          cause: 'A container that has it, even if it does not run, would not start again without it.',
          fix: 'Remove those containers, or the mount from them, first.',
          command: `terrarium rm ${users[0]?.name ?? ''}`,
        },
      );
    }
    await removeTrees(machine, [name]);
  });
}

/** Bytes on disk, counted by the agent: files of other users inside are not ours to read. @throws NotFound */
export async function measureVolume(machine: Machine, name: string): Promise<{ sizeBytes: number }> {
  refuseMissing(machine.locations, name);
  const sizeBytes = await machine.agent.request(MeasureTrees, { paths: [dataFolder(machine.locations, name)] });
  return { sizeBytes };
}

/** Removes the volumes that no container has. Answers their names. */
export async function pruneVolumes(machine: Machine): Promise<string[]> {
  return locked(machine.locations, async () => {
    const [damaged] = (await machine.store.survey()).damaged;
    if (damaged !== undefined) {
      throw terrariumError(ErrorCode.WrongState, `Which volumes ${damaged.name} has cannot be read`, {
        cause: 'Its record is damaged, and a volume that it needs must not be removed as unused.',
        fix: 'Repair or remove that container first, or remove volumes by name.',
        command: 'terrarium volume rm NAME',
      });
    }
    const unused = (await listVolumes(machine)).filter(({ usedBy }) => usedBy.length === 0).map(({ name }) => name);
    if (unused.length > 0) await removeTrees(machine, unused);
    return unused;
  });
}

function refuseMissing(locations: Pick<Locations, 'volumes'>, name: string): void {
  if (containerNamePattern.test(name) && existsSync(path.join(locations.volumes, name))) return;
  throw terrariumError(ErrorCode.NotFound, `There is no volume "${name}"`, {
    fix: 'See which there are.',
    command: 'terrarium volume ls',
  });
}

/** False when it is there already. */
async function make(locations: Locations, name: string): Promise<boolean> {
  try {
    await fs.mkdir(path.join(locations.volumes, name), { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // A crash may have come between the two folders.
    await fs.mkdir(dataFolder(locations, name), { recursive: true, mode: 0o755 });
    return false;
  }
  await fs.mkdir(dataFolder(locations, name), { mode: 0o755 });
  return true;
}

async function describe(machine: Machine, name: string, usedBy: VolumeUse[]): Promise<VolumeSummary> {
  const { birthtime } = await fs.stat(path.join(machine.locations.volumes, name));
  return { name, createdAt: birthtime.toISOString(), path: dataFolder(machine.locations, name), usedBy };
}

/** Who has which volume: by its specification, or added while it runs. */
async function readUses(machine: Machine): Promise<Map<string, VolumeUse[]>> {
  const uses = new Map<string, VolumeUse[]>();
  const note = (volume: string, use: VolumeUse) => {
    const all = uses.get(volume) ?? [];
    const known = all.find((other) => other.container === use.container && other.destination === use.destination);
    if (known === undefined) uses.set(volume, [...all, use]);
    else known.mounted ||= use.mounted;
  };
  for (const record of await machine.store.list()) {
    const run = liveRun(machine, record);
    const base = { container: record.id, name: record.name };
    const added = run === undefined ? undefined : readAddedMounts(run.folder);
    const { removed = [], mounts = [] } = added ?? {};
    for (const { type, source, destination } of record.specification.mounts ?? []) {
      if (type !== 'volume' || source === undefined) continue;
      note(source, { ...base, destination, mounted: run !== undefined && !removed.includes(destination) });
    }
    for (const { mount } of mounts) {
      if (mount.type !== 'volume' || mount.source === undefined) continue;
      note(mount.source, { ...base, destination: mount.destination, mounted: true });
    }
  }
  return uses;
}

async function removeTrees(machine: Machine, names: readonly string[]): Promise<void> {
  const plan = names.map((name): Step => ({ kind: 'removeTree', path: path.join(machine.locations.volumes, name) }));
  const { answer } = await machine.zygote.carryOut(plan);
  if (answer.status === 'failed') throw await stepFailure(machine, 'The volume could not be removed', plan, answer);
}

/** Alone among all helpers: a volume must not go while a container is made that has it. */
async function locked<T>(locations: Locations, work: () => Promise<T>): Promise<T> {
  const fd = openSync(locations.volumes, 'r');
  try {
    await flock(fd, 'exclusive');
    return await work();
  } finally {
    closeSync(fd);
  }
}
