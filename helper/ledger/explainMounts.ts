import type { StepKind } from '../plan/step.js';
import type { Explanation } from './explanation.js';

/** Steps that make the tree of files. */
export const mounts = {
  setPropagation: {
    purpose: 'Make all mounts private, so that mounting inside does not show outside, nor the other way.',
    without: 'mounts of the container could appear on the host',
    manual: ['mount_namespaces(7)'],
  },
  setRoot: {
    purpose: 'Hold on to the new root: from here on every path is resolved inside it, links included.',
    without: 'a link in the image could lead a mount to a place on the host',
    manual: ['openat2(2)'],
  },
  mount: {
    purpose: 'Mount a file system.',
    without: 'the container would lack it, or see the host’s',
    manual: ['mount(2)', 'fsopen(2)'],
  },
  bind: {
    purpose: 'Show a file or folder of the host inside, with nosuid, nodev and whatever else was asked.',
    without: 'it would not be there',
    manual: ['open_tree(2)', 'mount_setattr(2)', 'move_mount(2)'],
  },
  prepareMount: {
    purpose:
      'Make a file system that shows a joined namespace, from within it and before the user namespace is entered: only who owns that may.',
    without: 'the container would see the processes, interfaces or queues of this machine, or none',
    manual: ['fsopen(2)', 'user_namespaces(7)'],
  },
  attachPrepared: {
    purpose: 'Put the file system that shows a joined namespace at its place.',
    without: 'programs that look into it would find nothing',
    manual: ['move_mount(2)'],
  },
  cloneMount: {
    purpose: 'Copy a mount of the host, where the kernel allows it, with nosuid, nodev and whatever else was asked.',
    without: 'there would be nothing to carry into the container',
    manual: ['open_tree(2)', 'mount_setattr(2)', 'mount_namespaces(7)'],
  },
  createMount: {
    purpose: 'Make a file system that is mounted nowhere yet.',
    without: 'there would be nothing to mount',
    manual: ['fsopen(2)', 'fsmount(2)'],
  },
  attachMount: {
    purpose: 'Mount it at its place in the container, found inside of the root and never in /proc or /sys.',
    without: 'nobody inside would see it',
    manual: ['move_mount(2)', 'openat2(2)'],
  },
  unmount: {
    purpose: 'Unmount what lies there, after a check that it is what was meant.',
    without: 'it would stay',
    manual: ['umount(2)', 'statx(2)'],
  },
  maskPath: {
    purpose: 'Cover a path that tells or changes something about the whole machine.',
    without: 'the container could read it',
    manual: ['move_mount(2)'],
  },
  readonlyPath: {
    purpose: 'Make a path read-only that changes the kernel for everybody.',
    without: 'the container could write to it where file permissions allow',
    manual: ['mount_setattr(2)'],
  },
  pivotRoot: {
    purpose: 'Make the new root the root, and detach the old one: it is gone, not hidden.',
    without: 'the host’s files would still be mounted, and reachable by a way out of chroot',
    manual: ['pivot_root(2)', 'umount(2)'],
  },
  chroot: {
    purpose: 'Change only where paths start. The old root stays mounted: this is weak on purpose, to compare.',
    without: 'the process would see the host’s tree at once',
    manual: ['chroot(2)'],
  },
  setRootAttributes: {
    purpose: 'Make the root read-only.',
    without: 'the container could write to it',
    manual: ['mount_setattr(2)'],
  },
  makeDirectory: {
    purpose: 'Make a folder that a later step needs.',
    without: 'the later step would find nothing',
    manual: ['mkdir(2)'],
  },
  makeFile: {
    purpose: 'Make an empty file.',
    without: 'there would be nothing to mount a file on',
    manual: ['open(2)'],
  },
  symlink: {
    purpose: 'Make a symbolic link that programs expect.',
    without: 'programs that open /dev/stdout and the like would fail',
    manual: ['symlink(2)'],
  },
  writeFile: {
    purpose: 'Write a setting to the kernel, after a check that the file really is the kernel’s.',
    without: 'the setting would keep its default',
    manual: ['proc(5)', 'cgroups(7)'],
  },
  removeTree: { purpose: 'Remove a tree of ours.', without: 'its files would stay on disk', manual: ['unlinkat(2)'] },
} as const satisfies Partial<Record<StepKind, Explanation>>;
