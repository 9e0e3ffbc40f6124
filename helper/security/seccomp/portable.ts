/**
 * Profiles for runtimes that compile with libseccomp. There a rule without conditions decides alone; here, beside rules with
 * conditions for the same call, it decides what they leave over. So that the others refuse the same, the rest is written out as
 * conditions of its own. Pure.
 */
import type { oci } from '../../protocol/index.js';

export interface PortableProfile {
  profile: oci.Seccomp;
  /** Calls whose rest cannot be written so: there only the rule without conditions counts. */
  different: string[];
}

/** The profile that means the same to libseccomp. */
export function portableProfile(profile: oci.Seccomp): PortableProfile {
  const rules = (profile.syscalls ?? []).flatMap((rule) => rule.names.map((name) => ({ ...rule, names: [name] })));
  const names = (wanted: (rule: oci.SeccompRule) => boolean) =>
    new Set(rules.filter(wanted).flatMap((one) => one.names));
  const conditional = names((rule) => isConditional(rule));
  const both = [...names((rule) => !isConditional(rule))].filter((name) => conditional.has(name));
  const kept = (profile.syscalls ?? [])
    .map((rule) => (isConditional(rule) ? rule : { ...rule, names: rule.names.filter((name) => !both.includes(name)) }))
    .filter((rule) => rule.names.length > 0);
  const rest = both.map((name) => restOf(rules.filter((rule) => rule.names[0] === name)));
  return {
    profile: { ...profile, syscalls: [...kept, ...rest.flatMap(({ written }) => written)] },
    different: both.filter((_, index) => rest[index]?.isExact === false),
  };
}

const isConditional = ({ args }: oci.SeccompRule): boolean => args !== undefined && args.length > 0;

/** The first rule without conditions, for what those with conditions leave over. */
function restOf(rules: readonly oci.SeccompRule[]): { written: oci.SeccompRule[]; isExact: boolean } {
  const written = rules.filter((rule) => !isConditional(rule)).slice(0, 1);
  const conditions = rules.filter(isConditional).map(({ args = [] }) => args);
  const [first] = conditions.flat();
  const isOneMask = conditions.every(
    ([one, ...more]) =>
      more.length === 0 && one?.op === 'SCMP_CMP_MASKED_EQ' && one.index === first?.index && one.value === first.value,
  );
  if (first === undefined || !isOneMask) return { written, isExact: false };
  const values = conditions.flat().map(({ valueTwo = 0 }) => BigInt(valueTwo));
  const others = complement(BigInt(first.value), values, 0n, 0n);
  return {
    written: written.flatMap((rule) =>
      others.map(({ mask, value }) => ({
        ...rule,
        args: [{ index: first.index, value: Number(mask), valueTwo: Number(value), op: 'SCMP_CMP_MASKED_EQ' as const }],
      })),
    ),
    isExact: true,
  };
}

interface Masked {
  mask: bigint;
  value: bigint;
}

/** All that differs from each of `values` in the bits of `whole`: by the first bits in which it does, so that none overlap. */
function complement(whole: bigint, values: readonly bigint[], mask: bigint, value: bigint): Masked[] {
  const here = values.filter((one) => (one & mask) === value);
  if (here.length === 0) return [{ mask, value }];
  const left = whole & ~mask;
  if (left === 0n) return [];
  const bit = 1n << BigInt(left.toString(2).length - 1);
  return [...complement(whole, here, mask | bit, value), ...complement(whole, here, mask | bit, value | bit)];
}
