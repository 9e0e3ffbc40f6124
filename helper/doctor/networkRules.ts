import type { DoctorLineId } from '../protocol/index.js';
import { type Explanation, type Failure, isErrno, isStep, type Rule } from './explanation.js';

/** A module that the kernel loads on demand where it has it, and only root can load beforehand. */
export function missingModule(module: string): Explanation {
  return {
    cause: `The kernel has no ${module} loaded, or was built without it.`,
    fix: 'Load it, now and at each start of the machine.',
    command: `sudo modprobe ${module} && echo ${module} | sudo tee /etc/modules-load.d/${module}.conf`,
  };
}

/** What rtnetlink answers for a kind of interface that it does not know. */
export const unknownLink = ['EOPNOTSUPP', 'ENOTSUP', 'ENODEV'];
/** The same for a queueing discipline (net/sched/sch_api.c). */
export const unknownQdisc = ['ENOENT', 'EOPNOTSUPP', 'EINVAL'];
/** The same for nf_tables: no netlink of netfilter at all, none of nf_tables, or no such kind of chain or expression. */
export const unknownNat = ['EPROTONOSUPPORT', 'EINVAL', 'EOPNOTSUPP', 'ENOENT'];

const steps = {
  addNetem: { module: 'sch_netem', errnos: unknownQdisc, doctor: 'netem' },
  addTokenBucket: { module: 'sch_tbf', errnos: unknownQdisc, doctor: 'netem' },
  masquerade: { module: 'nft_masq', errnos: unknownNat, doctor: 'masquerade' },
} as const satisfies Record<string, { module: string; errnos: string[]; doctor: DoctorLineId }>;

const isKnown = (step: string): step is keyof typeof steps => step in steps;

const moduleRule: Rule = (failure: Failure) => {
  if (!isKnown(failure.step)) return undefined;
  const { module, errnos, doctor } = steps[failure.step];
  return isErrno(failure, ...errnos) ? { ...missingModule(module), doctor } : undefined;
};

/** A container that has ended took its end of the link with it. */
const gone: Rule = (failure) =>
  isStep(failure, 'setLink', 'addNetem', 'addTokenBucket', 'removeQdisc') && isErrno(failure, 'ENODEV')
    ? { cause: 'The interface is gone: the container has ended, or removed it.', fix: 'Start the container anew.' }
    : undefined;

/** On what becomes of steps of networks. */
export const networkRules: readonly Rule[] = [gone, moduleRule];
