import { closeSync, constants, existsSync } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { pidfdOpen } from '../../native/bindings/pidfd.js';
import { listXattrs } from '../../native/bindings/xattr.js';
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
  MOUNT_ATTR_RDONLY,
} from '../plan/constants.js';
import { overlayData } from '../plan/mountOptions.js';
import { type Attempt, attempt, type Bench } from './attempt.js';

/** A user namespace with the map of ids that containers have. */
export function tryUserNamespace(bench: Bench): Promise<Attempt> {
  return attempt(bench, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC, () => []);
}

/** An overlay whose upper layer is in the data folder, as containers have it. */
export function tryOverlay(bench: Bench): Promise<Attempt> {
  return attempt(bench, CLONE_NEWNS, async (scratch) => {
    const folder = (name: string): string => path.join(scratch, name);
    await Promise.all(['lower', 'upper', 'work', 'merged'].map((name) => mkdir(folder(name))));
    const writable = { upper: folder('upper'), work: folder('work') };
    const data = overlayData({ lower: [folder('lower')], writable, volatile: true });
    return [{ kind: 'mount', type: 'overlay', source: 'overlay', destination: folder('merged'), attributes: 0, data }];
  });
}

/** A new /proc, which needs the one outside to be uncovered. */
export function tryProc(bench: Bench): Promise<Attempt> {
  return attempt(bench, CLONE_NEWNS | CLONE_NEWPID, async (scratch) => {
    const destination = path.join(scratch, 'proc');
    await mkdir(destination);
    return [{ kind: 'mount', type: 'proc', source: 'proc', destination, attributes: 0, data: '' }];
  });
}

/** A network namespace with its loopback up. */
export function tryNetwork(bench: Bench): Promise<Attempt> {
  return attempt(bench, CLONE_NEWNET, () => [{ kind: 'bringUp', interface: 'lo' }]);
}

/** BPF_RET | BPF_K with SECCOMP_RET_ALLOW: a filter that allows everything. Source: linux/bpf_common.h, linux/seccomp.h. */
const allowAll = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

/** Loading a seccomp filter. */
export function trySeccomp(bench: Bench): Promise<Attempt> {
  return attempt(bench, 0, () => [
    { kind: 'setNoNewPrivileges' },
    { kind: 'installSeccomp', filter: allowAll, flags: 0 },
  ]);
}

/** open_tree, mount_setattr and move_mount: how mounts are bound without a moment in which they are writable. */
export function tryMountApi(bench: Bench): Promise<Attempt> {
  return attempt(bench, CLONE_NEWNS, async (scratch) => {
    const root = path.join(scratch, 'root');
    await mkdir(root);
    return [
      { kind: 'mount', type: 'tmpfs', source: 'tmpfs', destination: root, attributes: 0, data: '' },
      { kind: 'setRoot', path: root },
      {
        kind: 'bind',
        source: '/dev/null',
        destination: '/null',
        recursive: 0,
        attributes: MOUNT_ATTR_RDONLY,
        propagation: 0,
        device: 0n,
      },
    ];
  });
}

/** pidfd_open on ourselves; the errno, or undefined when it works. */
export function tryPidfd(): string | undefined {
  try {
    closeSync(pidfdOpen(process.pid));
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Opening /dev/net/tun for reading and writing; the errno, or undefined when it works. */
export async function tryTun(file = '/dev/net/tun'): Promise<string | undefined> {
  try {
    await (await open(file, constants.O_RDWR)).close();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return code;
}

/** Where a program is found in PATH. */
export function findProgram(
  name: string,
  folders = (process.env.PATH ?? '/usr/bin:/bin').split(':'),
): string | undefined {
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

const setuidBit = 0o4000;

/** Whether a program gets rights that its caller lacks: by the setuid bit of root, or by file capabilities. */
export async function isPrivileged(file: string): Promise<boolean> {
  const { uid, mode } = await stat(file);
  return (uid === 0 && (mode & setuidBit) !== 0) || listXattrs(file).includes('security.capability');
}
