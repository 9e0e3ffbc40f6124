/** Which capabilities a container gets: the default set, and what is added to it and dropped. */
import {
  type Capability,
  type CapabilityName,
  capabilities,
  defaultCapabilities,
  ErrorCode,
  findCapability,
  terrariumError,
} from '../protocol/index.js';

export { defaultCapabilities };

/**
 * The capability of a name: `CAP_CHOWN`, `chown`, in any case.
 * @throws a terrariumError (Invalid) when there is none.
 */
export function capability(name: string): Capability {
  const found = findCapability(name);
  if (!found) {
    throw terrariumError(ErrorCode.Invalid, `There is no capability ${JSON.stringify(name)}`, {
      fix: 'Names are those of capabilities(7), for instance CAP_NET_RAW.',
    });
  }
  return found;
}

/** Bits of a set, as the kernel counts them. @throws a terrariumError (Invalid) for an unknown name. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(capability(name).number)), 0n);
}

/**
 * The default set with some added and dropped, by number. `ALL` stands for every capability; what is dropped by name
 * stays dropped when all are added, and what is added by name stays when all are dropped.
 * @throws a terrariumError (Invalid) for an unknown name, or one that is both added and dropped.
 */
export function containerCapabilities(
  change: { add?: readonly string[]; drop?: readonly string[] } = {},
  base: readonly string[] = defaultCapabilities,
): CapabilityName[] {
  const isAll = (name: string) => /^(CAP_)?ALL$/i.test(name);
  const named = (names: readonly string[] = []) =>
    new Set(names.filter((n) => !isAll(n)).map((n) => capability(n).name));
  const [added, dropped] = [named(change.add), named(change.drop)];
  const both = [...added].filter((name) => dropped.has(name));
  const [addAll, dropAll] = [change.add?.some(isAll) ?? false, change.drop?.some(isAll) ?? false];
  if (both.length > 0 || (addAll && dropAll)) {
    throw terrariumError(ErrorCode.Invalid, `Both added and dropped: ${both.join(', ') || 'ALL'}`, {
      fix: 'Name each capability once.',
    });
  }
  const kept = new Set(base.map((name) => capability(name).name));
  return capabilities
    .map(({ name }) => name)
    .filter((name) => added.has(name) || (!dropped.has(name) && !dropAll && (addAll || kept.has(name))));
}
