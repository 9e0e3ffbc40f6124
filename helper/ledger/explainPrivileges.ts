import type { StepKind } from '../plan/step.js';
import type { Explanation } from './explanation.js';

/** Steps that take rights away. */
export const privileges = {
  setDumpable: {
    purpose: 'Hide this process from those inside while it enters.',
    without: 'a process inside could look at its descriptors and get out through them (CVE-2016-9962)',
    manual: ['prctl(2)'],
  },
  limitBoundingSet: {
    purpose: 'Drop capabilities for good: no program can get them back, not even by a file capability.',
    without: 'root inside would have every capability over its own namespaces',
    manual: ['capabilities(7)', 'prctl(2)'],
  },
  setIds: {
    purpose: 'Become the user that the command is to run as.',
    without: 'it would run as root inside',
    manual: ['setresuid(2)', 'setgroups(2)'],
  },
  setCapabilities: {
    purpose: 'Set the capabilities that are left.',
    without: 'the process would keep all that the bounding set does not stop',
    manual: ['capset(2)', 'capabilities(7)'],
  },
  setNoNewPrivileges: {
    purpose: 'Make sure that executing a setuid file gives nothing.',
    without: 'a setuid program inside could raise privileges',
    manual: ['prctl(2)'],
  },
  installSeccomp: {
    purpose: 'Load the filter that refuses system calls no ordinary program needs.',
    without: 'the whole of the kernel’s interface would be open to attack',
    manual: ['seccomp(2)'],
  },
  countDenied: {
    purpose: 'Have the monitor answer the calls that the filter refuses, and count them by program.',
    without: 'nobody could say which calls were refused to which program',
    manual: ['seccomp_unotify(2)'],
  },
} as const satisfies Partial<Record<StepKind, Explanation>>;
