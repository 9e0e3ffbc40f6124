/** What a profile says about a system call, straight from its rules: slow, obvious, and without any BPF. */

import type { oci } from '../../../helper/protocol/index.js';
import { type Architecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';

const returns: Record<oci.SeccompAction, number> = {
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
};

export const allowed = returns.SCMP_ACT_ALLOW;
export const refusedWith = (errno: number) => returns.SCMP_ACT_ERRNO + errno;

function value(action: oci.SeccompAction, errnoRet = 1): number {
  return returns[action] + (action === 'SCMP_ACT_ERRNO' ? errnoRet : 0);
}

function holds({ index, op, value: one, valueTwo = 0 }: oci.SeccompArgument, args: readonly bigint[]): boolean {
  const argument = BigInt.asUintN(64, args[index] ?? 0n);
  const wanted = BigInt(one);
  switch (op) {
    case 'SCMP_CMP_EQ':
      return argument === wanted;
    case 'SCMP_CMP_NE':
      return argument !== wanted;
    case 'SCMP_CMP_LT':
      return argument < wanted;
    case 'SCMP_CMP_LE':
      return argument <= wanted;
    case 'SCMP_CMP_GE':
      return argument >= wanted;
    case 'SCMP_CMP_GT':
      return argument > wanted;
    case 'SCMP_CMP_MASKED_EQ':
      return (argument & wanted) === BigInt(valueTwo);
  }
}

/** The verdict that the profile means for a call of the architecture it was compiled for. */
export function meaning(
  profile: oci.Seccomp,
  architecture: Architecture,
  number: number,
  args: readonly bigint[] = [],
): number {
  if (architecture === 'x64' && number >= 0x40000000) {
    return refusedWith(38);
  }
  const name = Object.entries(systemCallNumbers[architecture]).find(([, known]) => known === number)?.[0];
  const rules = (profile.syscalls ?? []).filter(({ names }) => name !== undefined && names.includes(name));
  const conditional = rules.find(({ args: conditions = [] }) => {
    const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
    const hold = (condition: oci.SeccompArgument) => holds(condition, args);
    return conditions.length > 0 && (repeated ? conditions.some(hold) : conditions.every(hold));
  });
  const rule = conditional ?? rules.find(({ args: conditions = [] }) => conditions.length === 0);
  return rule ? value(rule.action, rule.errnoRet) : value(profile.defaultAction, profile.defaultErrnoRet);
}
