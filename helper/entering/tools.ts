/** The root of the tools that somebody brings along: see helper/plan/enterPlan.ts. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import * as path from 'node:path';
import type { Machine } from '../container/machine.js';
import { realPath } from '../container/mountSources.js';
import { planRoot, withRoot } from '../container/root.js';
import { layeredRoot, type RootReader } from '../inspect/root.js';
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import type { ToolsRoot } from '../plan/enterPlan.js';
import { rootSteps } from '../plan/rootSteps.js';
import type { Step } from '../plan/step.js';
import type { RootSource } from '../protocol/index.js';
import { defaultPath } from '../specification/complete.js';

export interface Tools extends ToolsRoot {
  /** Where shells are looked for. */
  reader: RootReader;
  env: string[];
  /** Folders of ours that must be there before. */
  folders: string[];
}

/**
 * Programs of this machine, and what they need to run. Nothing else of it: those inside may look at the root of a process
 * that has their user id (/proc/PID/root), and so at all that is in it.
 */
const ofHost = [
  'usr',
  'bin',
  'sbin',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'etc/alternatives',
  'etc/bash.bashrc',
  'etc/inputrc',
  'etc/ld.so.cache',
  'etc/ld.so.conf',
  'etc/ld.so.conf.d',
  'etc/nsswitch.conf',
  'etc/profile',
  'etc/profile.d',
  'etc/terminfo',
];

/**
 * Plans the root; nothing is done yet.
 * @param folder of the session, where it is mounted for nobody else to see
 * @throws NotFound for an image that is not there, BadInput for a folder that is no root
 */
export async function planTools(machine: Machine, root: RootSource, folder: string): Promise<Tools> {
  const below = (...names: string[]) => path.join(folder, 'tools', ...names);
  if (root.kind === 'host') {
    const at = below('rootfs');
    return { path: at, steps: hostSteps(at), reader: layeredRoot(['/']), env: [defaultPath], folders: [at] };
  }
  return withRoot(machine, root, async ({ layers, image }) => {
    const specification = { root, writable: 'tmpfs' } as const;
    const planned = await planRoot(machine, { id: '', layers, specification, remove: true }, below);
    return {
      path: planned.root.path,
      steps: rootSteps(planned.root),
      reader: layeredRoot(layers),
      env: [defaultPath, ...(image?.env ?? []).filter((variable) => variable.startsWith('PATH='))],
      folders: planned.folders,
    };
  });
}

function hostSteps(at: string): Step[] {
  return [
    {
      kind: 'mount',
      type: 'tmpfs',
      source: 'tmpfs',
      destination: at,
      attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
      data: 'mode=755,size=64m',
    },
    { kind: 'setRoot', path: at },
    { kind: 'makeDirectory', path: '/tmp', mode: 0o1777 },
    { kind: 'makeDirectory', path: '/root', mode: 0o700 },
    ...ofHost.flatMap(hostPart),
  ];
}

function hostPart(name: string): Step[] {
  const file = `/${name}`;
  const stats: Stats | undefined = lstatSync(file, { throwIfNoEntry: false });
  // On merged-/usr systems /bin and its like are links, and stay so.
  if (stats?.isSymbolicLink() && !name.includes('/')) {
    return [{ kind: 'symlink', target: readlinkSync(file), path: file }];
  }
  if (stats === undefined) return [];
  return [
    {
      kind: 'bind',
      source: realPath(file),
      destination: file,
      recursive: 1,
      attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
      propagation: MS_REC | MS_PRIVATE,
      device: 0n,
    },
  ];
}
