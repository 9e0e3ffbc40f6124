/** Finding a root to look into, and making sure that it is mounted. */
import { createHash } from 'node:crypto';
import { closeSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { tryFlock } from '../../native/bindings/flock.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { planRoot } from '../container/root.js';
import { readLatestRun } from '../container/runs.js';
import { liveRun, waitForMonitor } from '../container/stop.js';
import { isAlive } from '../inspect/stat.js';
import type { FileRoot, ProcessIdentity, RootSource } from '../protocol/index.js';
import { type HeldRoot, latestHolder, startHolder, waitForHolder } from './holder.js';
import { drain, openLease, share, withViewLock } from './lease.js';

/** Where what is about the view of a container's root is kept, of its base (`ID-base`) and of an image's. */
export function viewFolder(machine: Machine, key: string): string {
  return path.join(machine.locations.runtime, 'views', key);
}

/** Where a root is to be had. */
export interface ViewSource {
  folder: string;
  name: string;
  /** Of a running container. */
  init: ProcessIdentity | undefined;
  /** Opens the lease and what it is about, with all locks that this takes. */
  open(): Promise<OpenedView>;
}

export interface OpenedView {
  process: ProcessIdentity;
  /** Held shared; the caller's to close. */
  lease: number;
  readOnly?: string | undefined;
  agentBeside?: number | undefined;
}

/** @throws NotFound */
export async function locateView(machine: Machine, root: FileRoot): Promise<ViewSource> {
  switch (root.kind) {
    case 'container':
      return locateContainer(machine, await machine.store.find(root.container));
    case 'base':
      return locateBase(machine, await machine.store.find(root.container));
    case 'image':
      return locateImage(machine, root.name);
  }
}

function locateContainer(machine: Machine, record: ContainerRecord): ViewSource {
  const folder = viewFolder(machine, record.id);
  const { name } = record;
  const runtime = liveRun(machine, record)?.runtime;
  const init = runtime?.init;
  if (runtime !== undefined) {
    return {
      folder,
      name,
      init,
      open: () =>
        withViewLock(folder, async () => ({
          process: runtime.init,
          // Its monitor is a fork of its zygote.
          agentBeside: runtime.zygotePid === (await machine.zygote.pid()) ? undefined : runtime.monitor.pid,
          lease: await share(folder, name),
        })),
    };
  }
  return {
    folder,
    name,
    init,
    // Started meanwhile, it has mounted its root itself: then the lock was not to be had before it ran.
    open: () =>
      machine.store.locked(record.id, async (current) => {
        const run = liveRun(machine, current);
        if (run !== undefined) return locateContainer(machine, current).open();
        const last = readLatestRun(machine.store, current.id);
        if (last !== undefined) await waitForMonitor(current, last);
        const held = () => heldContainer(machine, current, folder);
        return withViewLock(folder, () => hold(machine, folder, whyReadOnly(current), held));
      }),
  };
}

/** Why nothing can be written to the root of a container that does not run. */
function whyReadOnly({ name, specification, config }: ContainerRecord): string | undefined {
  if (specification.writable === 'none') return `${name} has no writable layer.`;
  if (specification.writable === 'tmpfs')
    return `What ${name} writes is kept in memory while it runs, and it does not run.`;
  return config.root.readonly ? `The root of ${name} is read-only.` : undefined;
}

async function heldContainer(machine: Machine, record: ContainerRecord, folder: string): Promise<HeldRoot> {
  const { name } = record;
  if ((record.specification.writable ?? 'overlay') !== 'overlay') return heldBase(machine, record, folder);
  return { name, readOnly: whyReadOnly(record) !== undefined, ...(await planRoot(machine, record)) };
}

/** What a container was made from, without its own layer. */
async function heldBase(machine: Machine, record: ContainerRecord, folder: string): Promise<HeldRoot> {
  return {
    name: record.name,
    readOnly: true,
    ...(await planLower(machine, folder, record.specification.root ?? { kind: 'host' }, record.layers)),
  };
}

/** Read-only layers alone, mounted below the folder of the view. */
function planLower(machine: Machine, folder: string, root: RootSource, layers: string[]) {
  const record = { id: '', layers, specification: { root, writable: 'none' as const }, remove: true };
  return planRoot(machine, record, (...names) => path.join(folder, ...names));
}

function locateBase(machine: Machine, record: ContainerRecord): ViewSource {
  const folder = viewFolder(machine, `${record.id}-base`);
  return {
    folder,
    name: record.name,
    init: undefined,
    open: () => {
      const readOnly = `This is what ${record.name} was made from: it does not change.`;
      return withViewLock(folder, () => hold(machine, folder, readOnly, () => heldBase(machine, record, folder)));
    },
  };
}

async function locateImage(machine: Machine, name: string): Promise<ViewSource> {
  const { layers } = await machine.images.resolve(name);
  // An image that was removed and imported again has other folders at the same paths.
  const content = layers.map((layer) => [layer, statSync(layer, { throwIfNoEntry: false })?.ino]);
  const key = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  const folder = viewFolder(machine, `image-${key}`);
  return {
    folder,
    name,
    init: undefined,
    open: () =>
      withViewLock(folder, () =>
        hold(machine, folder, 'Images do not change. Launch a container from it to change files.', async () => ({
          name,
          readOnly: true,
          ...(await planLower(machine, folder, { kind: 'image', name }, layers)),
        })),
      ),
  };
}

/** Finds the holder or starts one. The caller holds the lock of the view, and of the container where it is one's root. */
async function hold(
  machine: Machine,
  folder: string,
  readOnly: string | undefined,
  plan: () => Promise<HeldRoot>,
): Promise<OpenedView> {
  const lease = openLease(folder);
  try {
    const holder = latestHolder(folder);
    // Once we have the lease, a holder that is there stays.
    if (holder !== undefined && tryFlock(lease, 'shared') && isAlive(holder.init)) {
      return { process: holder.init, lease, readOnly };
    }
    const held = await plan();
    await drain(folder, lease, held.name);
    await waitForHolder(folder, held.name);
    // Not before it is started: it would end at once.
    tryFlock(lease, 'shared');
    return { process: await startHolder(machine, folder, held), lease, readOnly };
  } catch (error) {
    closeSync(lease);
    throw error;
  }
}
