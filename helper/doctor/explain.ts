import type { DoctorLineId } from '../protocol/index.js';
import type { Explanation, Failure, Rule } from './explanation.js';
import type { Facts } from './facts.js';
import { mountRules } from './mountRules.js';
import { namespaceRules } from './namespaceRules.js';
import { networkRules } from './networkRules.js';
import { processRules } from './processRules.js';
import { cgroupRules, generalRules } from './resourceRules.js';

export { type Explanation, type Failure, failureOf } from './explanation.js';
export { type Facts, gatherFacts } from './facts.js';

const rules: readonly Rule[] = [
  ...namespaceRules,
  ...mountRules,
  ...networkRules,
  ...processRules,
  ...cgroupRules,
  ...generalRules,
];

/** Which line tries what a step does, for failures that no rule knows. */
const triedBy: Readonly<Record<string, DoctorLineId>> = {
  zygote: 'user-namespace',
  clone: 'user-namespace',
  mapIds: 'id-range',
  setPropagation: 'mount-namespace',
  mount: 'mount-api',
  bind: 'bind',
  pivotRoot: 'pivot-root',
  setHostname: 'uts-namespace',
  bringUp: 'network',
  makeVeth: 'veth',
  makeBridge: 'bridge',
  masquerade: 'masquerade',
  addNetem: 'netem',
  openTerminal: 'devpts',
  installSeccomp: 'seccomp',
  setNamespaces: 'pidfd',
  holdNamespaces: 'pidfd',
  checkUserNamespace: 'pidfd',
  makeCgroup: 'cgroup',
  joinCgroup: 'cgroup',
};

/**
 * Why a step failed on this machine, and what to do about it: the likeliest cause, joining the errno with the facts.
 * Pure; always answers, in the worst case with what the manual page of the call is for.
 */
export function explainFailure(failure: Failure, facts: Facts): Explanation {
  for (const rule of rules) {
    const explanation = rule(failure, facts);
    if (explanation !== undefined) return explanation;
  }
  const call = failure.syscall === '' ? failure.step : `${failure.syscall}(2)`;
  const doctor = triedBy[failure.step];
  return {
    ...(doctor === undefined ? {} : { doctor }),
    cause: `${call} answered ${failure.errno}.`,
    fix: 'Look at what the doctor says about this machine, and at the ledger for the calls before it.',
    command: failure.syscall === '' ? 'terrarium doctor' : `man 2 ${failure.syscall}`,
  };
}
