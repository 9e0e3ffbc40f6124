import type { oci, ProcessIdentity } from '../protocol/index.js';
import { CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC } from './constants.js';
import { parseMountOptions } from './mountOptions.js';
import type { Plan, Step } from './step.js';

/** A running container that is mounted in. */
export interface MountTarget {
  /** Its init, in whose mount namespace it happens. */
  init: ProcessIdentity;
  /** Where the root is in that namespace, if it was only entered by chroot(2); else it is `/`. */
  chroot?: string | undefined;
}

/**
 * The plan that mounts something in a running container. It has no clone: the zygote's fork does it and ends. Pure.
 *
 * A mount of the host can be copied only by who owns the mount namespace that it is in: the fork takes the container's
 * user namespace, makes a mount namespace in it that shows the host, copies there, and carries the copy over.
 */
export function addMountPlan(target: MountTarget, mount: oci.Mount): Plan {
  const options = parseMountOptions(mount.options ?? []);
  const arrival: Step[] = [
    { kind: 'setRoot', path: target.chroot ?? '/' },
    ...(mount.type === 'bind'
      ? []
      : [
          {
            kind: 'createMount',
            type: mount.type ?? 'none',
            source: mount.source ?? 'none',
            attributes: options.attributes,
            data: options.data,
          } as const,
        ]),
    { kind: 'attachMount', destination: mount.destination },
  ];
  if (mount.type !== 'bind') return [...entering(target), ...arrival];
  return [
    hidden,
    // Once in the container's user namespace nobody may open it whose program is not the container's.
    { kind: 'openNamespace', slot: mountSlot, ...processOf(target), type: CLONE_NEWNS, ancestor: 0, inode: 0n },
    { kind: 'setNamespaces', ...processOf(target), flags: CLONE_NEWUSER },
    { kind: 'unshare', flags: CLONE_NEWNS },
    {
      kind: 'cloneMount',
      source: mount.source ?? '',
      recursive: options.recursive ? 1 : 0,
      attributes: options.attributes,
      // The copy would follow what is mounted on the host later, which only `slave` asks for.
      propagation: options.propagation === 0 ? MS_PRIVATE | MS_REC : options.propagation,
    },
    { kind: 'enterNamespace', slot: mountSlot, type: CLONE_NEWNS },
    ...arrival,
  ];
}

/** The plan that unmounts in a running container what has this id in mountinfo. Pure. */
export function removeMountPlan(target: MountTarget, mount: { destination: string; id: number }): Plan {
  return [
    ...entering(target),
    { kind: 'setRoot', path: target.chroot ?? '/' },
    { kind: 'unmount', path: mount.destination, mount: BigInt(mount.id) },
  ];
}

/** Where the plan holds the container's mount namespace. */
const mountSlot = 0;

/** CVE-2016-9962: from here on the container could look at this process. */
const hidden: Step = { kind: 'setDumpable', value: 0 };

function entering(target: MountTarget): Step[] {
  return [hidden, { kind: 'setNamespaces', ...processOf(target), flags: CLONE_NEWUSER | CLONE_NEWNS }];
}

function processOf({ init }: MountTarget): { pid: number; startTime: bigint } {
  return { pid: init.pid, startTime: BigInt(init.startTime) };
}
