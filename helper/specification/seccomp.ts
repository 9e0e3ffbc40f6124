import type { ContainerSpecification, oci } from '../protocol/index.js';
import { filterOf } from '../security/seccomp/compile.js';
import { defaultProfile } from '../security/seccomp/profile.js';

/** The seccomp profile that a container's processes run under; undefined: none. */
export function seccompProfile(
  specification: Pick<ContainerSpecification, 'seccomp' | 'nestedNamespaces'>,
  capabilities: Pick<oci.CapabilitySets, 'bounding'>,
): oci.Seccomp | undefined {
  const { seccomp = 'default' } = specification;
  if (seccomp === 'unconfined') return undefined;
  return seccomp === 'default' ? defaultProfile({ nestedNamespaces: mayNest(specification, capabilities) }) : seccomp;
}

/**
 * Who adds CAP_SYS_ADMIN wants to mount or make namespaces, which the profile would refuse. That none is to be made is no reason to
 * refuse mounts, too: the kernel sees to it by the count.
 */
function mayNest(
  { nestedNamespaces = false }: Pick<ContainerSpecification, 'nestedNamespaces'>,
  { bounding }: Pick<oci.CapabilitySets, 'bounding'>,
): boolean {
  return nestedNamespaces || bounding.includes('CAP_SYS_ADMIN');
}

const compiledDefaults = new Map<boolean, Uint8Array>();

/** The same, compiled; empty for none. The default is compiled once. */
export function seccompFilter(
  specification: Pick<ContainerSpecification, 'seccomp' | 'nestedNamespaces'>,
  capabilities: Pick<oci.CapabilitySets, 'bounding'>,
): Uint8Array {
  if ((specification.seccomp ?? 'default') !== 'default') return filterOf(seccompProfile(specification, capabilities));
  const nested = mayNest(specification, capabilities);
  const known = compiledDefaults.get(nested) ?? filterOf(seccompProfile(specification, capabilities));
  compiledDefaults.set(nested, known);
  return known;
}
