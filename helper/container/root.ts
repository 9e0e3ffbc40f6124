import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import * as path from 'node:path';
import type { OverlayLayers } from '../plan/mountOptions.js';
import type { RootPlan } from '../plan/rootSteps.js';
import { ErrorCode, type RootSource, terrariumError, type Writable } from '../protocol/index.js';
import { checkShown, readHostFacts } from './hostFacts.js';
import { readHostRoot } from './hostRoot.js';
import { type HostChoices, type HostView, hostView, layeredPaths, nearestRule } from './hostView.js';
import type { Machine } from './machine.js';
import { realPath } from './mountSources.js';
import type { ContainerRecord } from './record.js';

/** A root file system's layers, top first, and what its image says of how to run it. */
export interface ResolvedRoot {
  layers: string[];
  imageDigest?: string;
  image?: { env: string[]; args: string[]; cwd?: string; user?: string };
}

/**
 * Finds the read-only layers and does something with them, such as making a container; meanwhile an image cannot be
 * removed. @throws NotFound, BadInput, Invalid, and what `action` throws
 */
export async function withRoot<T>(
  machine: Machine,
  root: RootSource,
  action: (root: ResolvedRoot) => Promise<T>,
): Promise<T> {
  switch (root.kind) {
    case 'host':
      // By default there is nothing to refuse.
      if (root.hide !== undefined || root.show !== undefined) viewOfHost(machine, root);
      return action({ layers: [] });
    case 'image':
      return machine.images.use(root.name, ({ digest, layers, config: { config } }) =>
        action({
          layers,
          imageDigest: digest,
          image: {
            env: config?.Env ?? [],
            args: [...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])],
            ...(config?.WorkingDir ? { cwd: config.WorkingDir } : {}),
            ...(config?.User ? { user: config.User } : {}),
          },
        }),
      );
    case 'directory':
      checkDirectory(root.path);
      return action({ layers: [root.path] });
  }
}

/** How this machine's root is seen, with what was chosen. @throws Invalid, NotFound, WrongState for a choice that cannot be granted */
function viewOfHost(machine: Machine, choices: HostChoices): { view: HostView; mountPoints: readonly string[] } {
  const { show = [] } = choices;
  const facts = readHostFacts(machine.locations, show.length > 0);
  const view = hostView(facts, choices);
  checkShown(show);
  return { view, mountPoints: facts.mountPoints };
}

/** A root must look like one, so that a slip of the hand does not end in "no such file" from inside. */
function checkDirectory(folder: string): void {
  if (path.resolve(folder) === '/') {
    // EINVAL of the overlay: mounts came into the user namespace locked, and what they cover must stay covered.
    throw terrariumError(ErrorCode.Invalid, "This machine's own root cannot be used as a folder", {
      path: folder,
      cause: 'File systems are mounted below it, and the kernel lets no user namespace look under them.',
      fix: 'Choose "host", which shows this machine\'s programs with all that is mounted.',
      command: 'terrarium run --root host',
    });
  }
  let stat: Stats;
  try {
    stat = statSync(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw terrariumError(ErrorCode.BadInput, `The root folder cannot be used: ${folder}`, {
      path: folder,
      errno: code ?? 'EIO',
      cause: code === 'ENOENT' ? 'There is no such folder.' : message,
      fix: 'Choose a folder that holds a root file system, or import an archive as an image.',
    });
  }
  if (!stat.isDirectory()) {
    throw terrariumError(ErrorCode.BadInput, `The root is not a folder: ${folder}`, {
      path: folder,
      errno: 'ENOTDIR',
      cause: 'A root file system is a folder with bin, etc, usr and so on in it.',
      fix: 'If it is an archive, import it as an image first.',
      command: `terrarium import ${folder} --name my-image`,
    });
  }
  if (readdirSync(folder).length === 0) {
    throw terrariumError(ErrorCode.BadInput, `The root folder is empty: ${folder}`, {
      path: folder,
      cause: 'There is nothing in it that could be run.',
      fix: 'Unpack a root file system into it, or import an archive as an image.',
    });
  }
}

/**
 * How a container's root is mounted, and which folders of its own must be there before.
 * @param folder where these are: the container's own folder, unless only its layers are looked at.
 */
export async function planRoot(
  machine: Machine,
  record: Pick<ContainerRecord, 'id' | 'layers' | 'specification' | 'remove'>,
  folder = (...names: string[]) => machine.store.folder(record.id, ...names),
): Promise<{ root: RootPlan; folders: string[] }> {
  const writable = record.specification.writable ?? 'overlay';
  const scratch = writable === 'tmpfs' ? folder('scratch') : undefined;
  const parent = scratch ?? folder();
  /** Throw-away containers skip syncing; a kept one's fsync reaches the disk, and its monitor pays for the unmounting. */
  const volatile = record.remove;
  const layersOn = (lower: readonly string[], ...below: string[]): OverlayLayers =>
    writable === 'none'
      ? // An overlay needs two layers when none is writable: an empty one makes no difference.
        { lower: lower.length > 1 ? lower : [folder('empty'), ...lower], volatile }
      : {
          lower,
          writable: { upper: path.join(parent, 'upper', ...below), work: path.join(parent, 'work', ...below) },
          volatile,
        };
  const extra: Record<Writable, string[]> = {
    overlay: [],
    tmpfs: [folder('scratch')],
    none: [folder('empty'), folder('base')],
  };
  const folders = [folder('rootfs'), ...extra[writable]];
  const place = {
    path: folder('rootfs'),
    ...(scratch === undefined ? {} : { scratch }),
  };
  const source: RootSource = record.specification.root ?? { kind: 'host' };
  if (source.kind !== 'host') {
    return { root: { ...place, content: { kind: 'layered', layers: layersOn(record.layers) } }, folders };
  }
  const { view, mountPoints } = viewOfHost(machine, source);
  const layer = await machine.hostLayer(layeredPaths(view));
  /** What lies below the container's own layer of a folder. What is chosen to be shown is not below the host's layer. */
  const lowerOf = (name: string) => {
    const inLayer = path.join(layer.path, name);
    const isChosen = nearestRule(view, `/${name}`)?.seen === true;
    return [...(!isChosen && existsSync(inLayer) ? [inLayer] : []), `/${name}`];
  };
  const root: RootPlan = {
    ...place,
    content: {
      kind: 'composed',
      // A source of a bind mount, in which the stage follows no link: the person's data folder may lie behind one.
      base: realPath(path.join(parent, writable === 'none' ? 'base' : 'upper')),
      parts: readHostRoot(view, mountPoints).map((part) =>
        part.kind === 'overlay' ? { ...part, layers: layersOn(lowerOf(part.name), part.name) } : part,
      ),
    },
  };
  return { root, folders };
}
