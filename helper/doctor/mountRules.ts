import { isErrno, isStep, type Rule } from './explanation.js';
import { isProcCovered, mountOf } from './facts.js';

/** Before the root is entered the stage mounts with mount(2): that is the overlay, or the tmpfs that holds its upper. */
const isOverlay: (failure: Parameters<Rule>[0]) => boolean = (failure) =>
  isStep(failure, 'mount') && failure.syscall === 'mount';

const procMasked: Rule = (failure, facts) => {
  if (!isStep(failure, 'mount') || !failure.path.endsWith('/proc') || !isErrno(failure, 'EPERM')) return undefined;
  return {
    doctor: 'proc',
    cause: isProcCovered(facts)
      ? 'Parts of /proc are covered by mounts, as in most containers: the kernel then refuses a new, uncovered one.'
      : 'The kernel refuses a new /proc: the one outside may not be seen in full, or the pid namespace is not the container’s own.',
    fix: 'Inside another container, start that one with an unmasked /proc; on a machine of your own, give the container its own pid namespace.',
    command: 'docker run --security-opt systempaths=unconfined …   # podman run --security-opt unmask=ALL …',
  };
};

const sysRefused: Rule = (failure) =>
  isStep(failure, 'mount') && failure.path.endsWith('/sys') && isErrno(failure, 'EPERM')
    ? {
        doctor: 'sysfs',
        cause:
          'sysfs shows the network, so it can be mounted only by who owns the network namespace: here the host does.',
        fix: 'Give the container a network of its own, or bind /sys read-only instead.',
      }
    : undefined;

const noFileSystem: Rule = (failure) =>
  isStep(failure, 'mount') && isErrno(failure, 'ENODEV')
    ? {
        ...(isOverlay(failure) ? { doctor: 'overlay' } : {}),
        cause: isOverlay(failure)
          ? 'The kernel has no overlay file system loaded, and only root can load it.'
          : 'The kernel does not have this type of file system.',
        fix: isOverlay(failure) ? 'Load it, now and at each start of the machine.' : 'Choose another type.',
        ...(isOverlay(failure)
          ? { command: 'sudo modprobe overlay && echo overlay | sudo tee /etc/modules-load.d/overlay.conf' }
          : {}),
      }
    : undefined;

/** File systems that cannot hold an overlay's upper layer: no xattrs, no whiteouts, or no d_type. */
export const unfitForUpper: ReadonlySet<string> = new Set([
  'overlay',
  'nfs',
  'nfs4',
  'vfat',
  'exfat',
  'ntfs3',
  '9p',
  'cifs',
  'ecryptfs',
]);

const overlayUpper: Rule = (failure, facts) => {
  if (!isOverlay(failure) || !isErrno(failure, 'EINVAL')) return undefined;
  const type = mountOf(facts, failure.path)?.type;
  if (type !== undefined && (unfitForUpper.has(type) || type.startsWith('fuse'))) {
    return {
      doctor: 'overlay',
      cause: `The container's writable layer is on ${type}, which cannot hold the upper layer of an overlay.`,
      fix: 'Put the data folder on ext4, xfs, btrfs or tmpfs, or choose a writable layer in memory.',
      command: 'export XDG_DATA_HOME=/path/on/ext4',
    };
  }
  return {
    doctor: 'overlay',
    cause:
      'The overlay was refused: a layer left over by a machine that stopped while the container ran (work/incompat/volatile), a layer in use elsewhere, or an unfit file system.',
    fix: 'Remove the container and make it anew. The kernel’s log has the exact reason.',
    command: 'sudo dmesg | grep overlayfs | tail',
  };
};

const overlayForbidden: Rule = (failure, facts) =>
  isOverlay(failure) && isErrno(failure, 'EPERM')
    ? {
        doctor: 'overlay',
        cause: `Overlays inside user namespaces need Linux 5.11 or later with userxattr; this is ${facts.kernel}.`,
        fix: 'Boot a newer kernel, or choose a root that is not writable.',
        command: 'uname -r',
      }
    : undefined;

/** The overlay's own ELOOP comes from the calls that mount it; one on a path comes from openat2. */
const overlayOverlap: Rule = (failure) =>
  isStep(failure, 'mount') && isErrno(failure, 'ELOOP') && !failure.syscall.startsWith('openat')
    ? {
        doctor: 'data-folder',
        cause: 'The layers of the overlay overlap: the writable layer is inside of a folder that is a layer below it.',
        fix: 'Put the data folder outside of the root that the container is made from.',
        command: 'export XDG_DATA_HOME=/path/outside',
      }
    : undefined;

const overlayStale: Rule = (failure) =>
  isOverlay(failure) && isErrno(failure, 'ESTALE')
    ? {
        cause: 'The layers below have changed since the writable layer was made.',
        fix: 'Remove the container and make it anew.',
      }
    : undefined;

const overlayBusy: Rule = (failure) =>
  isOverlay(failure) && isErrno(failure, 'EBUSY')
    ? { cause: 'The writable layer is in use by another overlay.', fix: 'Stop the other container that uses it.' }
    : undefined;

const tooLong: Rule = (failure) =>
  isOverlay(failure) && isErrno(failure, 'ENAMETOOLONG', 'E2BIG', 'ENOMEM')
    ? {
        doctor: 'overlay-layers',
        cause: 'The root has more layers than fit into one mount, whose options are one page (4096 bytes).',
        fix: 'Flatten the image into fewer layers, or use a data folder with a shorter path.',
      }
    : undefined;

const noSource: Rule = (failure) =>
  isStep(failure, 'bind', 'cloneMount') && isErrno(failure, 'ENOENT')
    ? { cause: `There is no ${failure.path} on this machine.`, fix: 'Correct the source of the mount, or make it.' }
    : undefined;

const sourceForbidden: Rule = (failure) =>
  isStep(failure, 'bind', 'cloneMount') && isErrno(failure, 'EACCES')
    ? {
        cause: `You may not reach ${failure.path}: a folder on the way to it belongs to somebody else.`,
        fix: 'Choose a source that you can read.',
        command: `namei -l '${failure.path.replaceAll("'", "'\\''")}'`,
      }
    : undefined;

/** The stage itself refuses it, with no system call that failed. */
const overKernelFiles: Rule = (failure) =>
  isStep(failure, 'bind', 'attachMount') && isErrno(failure, 'EPERM') && failure.syscall === ''
    ? {
        cause:
          'The destination lies in /proc or /sys, or a link in the root leads there: programs, and the kernel’s own protections, must be able to rely on what they read there.',
        fix: 'Mount it somewhere else. If you did not name /proc or /sys, the root has a link in that place: do not trust it.',
      }
    : undefined;

const destinationForbidden: Rule = (failure) =>
  isStep(failure, 'attachMount') && isErrno(failure, 'EROFS', 'EACCES')
    ? {
        cause:
          'The destination does not exist, and nothing can be made there: the root, or that part of it, is read-only.',
        fix: 'Choose a destination that exists, or a folder that can be written, such as /tmp.',
      }
    : undefined;

const mountGone: Rule = (failure) =>
  isStep(failure, 'unmount') && isErrno(failure, 'ESTALE', 'ENOENT', 'EINVAL')
    ? {
        cause: isErrno(failure, 'EINVAL')
          ? 'The kernel does not unmount it: it came along with another mount and is locked to it, for it may cover what is not to be seen.'
          : 'A process inside has unmounted it meanwhile, or mounted something else there.',
        fix: isErrno(failure, 'EINVAL')
          ? 'Remove the mount that it lies in.'
          : 'Look at the mounts of the container again.',
      }
    : undefined;

const lockedMounts: Rule = (failure) =>
  isStep(failure, 'bind', 'cloneMount') && isErrno(failure, 'EINVAL', 'EPERM')
    ? {
        doctor: 'bind',
        cause:
          'Other mounts below the source, or its options, are locked: a user namespace may not lay open what they cover.',
        fix: 'Bind recursively (rbind), and do not ask for fewer restrictions (suid, dev, exec, rw) than the source has.',
      }
    : undefined;

const kindsDiffer: Rule = (failure) =>
  isStep(failure, 'bind', 'mount', 'attachMount') && isErrno(failure, 'ENOTDIR', 'EISDIR')
    ? {
        cause: 'Source and destination must both be folders or both be files; and nothing is mounted onto a link.',
        fix: 'Correct the destination. If the image has a link in its place, the image is broken or hostile.',
      }
    : undefined;

/** The path of a `bind` is its source. */
const sourceIsLink: Rule = (failure) =>
  isStep(failure, 'bind', 'cloneMount') && isErrno(failure, 'ELOOP')
    ? {
        cause: `${failure.path} is a link now, or leads through one, and was none when the container was made: whoever can write there, another container for one, may have put it there. It is not followed.`,
        fix: 'See where it leads, and put the folder back. If the link is meant, make the container anew.',
        command: `namei '${failure.path.replaceAll("'", "'\\''")}'`,
      }
    : undefined;

const linkRefused: Rule = (failure) =>
  isErrno(failure, 'ELOOP', 'EXDEV')
    ? {
        cause: `${failure.path || 'The path'} is a link in the root file system, or leads out of it: it is not followed, for it could name something of the host.`,
        fix: 'Repair the root: this place must be a real file or folder. Do not trust an image that has a link there.',
      }
    : undefined;

const oldKernel: Rule = (failure, facts) =>
  isErrno(failure, 'ENOSYS')
    ? {
        doctor: 'kernel',
        cause: `The kernel (${facts.kernel}) lacks ${failure.syscall || 'a system call'}, or a seccomp filter around us hides it.`,
        fix: 'Terrarium needs Linux 5.12 or later. In a container, start that one with a newer seccomp profile.',
        command: 'uname -r',
      }
    : undefined;

export const mountRules: readonly Rule[] = [
  procMasked,
  sysRefused,
  noFileSystem,
  overlayUpper,
  overlayForbidden,
  overlayOverlap,
  overlayStale,
  overlayBusy,
  tooLong,
  noSource,
  sourceForbidden,
  overKernelFiles,
  destinationForbidden,
  mountGone,
  lockedMounts,
  kindsDiffer,
  sourceIsLink,
  linkRefused,
  oldKernel,
];
