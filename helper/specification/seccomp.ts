import { release } from 'node:os';
import {
  type ContainerSpecification,
  ErrorCode,
  type oci,
  type SeccompChoice,
  terrariumError,
} from '../protocol/index.js';
import { filterOf } from '../security/seccomp/compile.js';
import { defaultProfile, withAllowed } from '../security/seccomp/profile.js';

type Asked = Pick<ContainerSpecification, 'seccomp' | 'nestedNamespaces'>;
type Bounded = Pick<oci.CapabilitySets, 'bounding'>;

/** What is asked for, written out; `unconfined`: no filter at all. Pure. */
export function seccompChoice({
  seccomp = 'default',
}: Pick<ContainerSpecification, 'seccomp'>): SeccompChoice | 'unconfined' {
  if (seccomp === 'unconfined') return seccomp;
  if (seccomp === 'default') return { profile: 'default' };
  return 'defaultAction' in seccomp ? { profile: seccomp } : seccomp;
}

/** Whether calls that are refused are counted. Pure. */
export function countsDenied(specification: Pick<ContainerSpecification, 'seccomp'>): boolean {
  const choice = seccompChoice(specification);
  return choice !== 'unconfined' && choice.notify === true;
}

/** The same specification with other calls let through at the next start. @throws WrongState when it has no filter */
export function withAllowedCalls(
  specification: ContainerSpecification,
  allow: readonly string[],
): ContainerSpecification {
  const choice = seccompChoice(specification);
  if (choice === 'unconfined') {
    throw terrariumError(ErrorCode.WrongState, 'It has no seccomp filter: every call is let through already');
  }
  const { allow: _before, ...rest } = choice;
  return { ...specification, seccomp: { ...rest, ...(allow.length === 0 ? {} : { allow: [...allow] }) } };
}

/** The seccomp profile that a container's processes run under; undefined: none. */
export function seccompProfile(specification: Asked, capabilities: Bounded): oci.Seccomp | undefined {
  const choice = seccompChoice(specification);
  if (choice === 'unconfined') return undefined;
  const { profile = 'default', allow = [] } = choice;
  if (typeof profile === 'string' && profile !== 'default') {
    // Files are read when a container is made: see container/seccompFile.ts.
    throw terrariumError(ErrorCode.Internal, `The seccomp profile ${profile} was not read`);
  }
  const base =
    typeof profile === 'string' ? defaultProfile({ nestedNamespaces: mayNest(specification, capabilities) }) : profile;
  return withAllowed(base, new Set(allow));
}

/**
 * Who adds CAP_SYS_ADMIN wants to mount or make namespaces, which the profile would refuse. That none is to be made is no reason to
 * refuse mounts, too: the kernel sees to it by the count.
 */
function mayNest({ nestedNamespaces = false }: Pick<Asked, 'nestedNamespaces'>, { bounding }: Bounded): boolean {
  return nestedNamespaces || bounding.includes('CAP_SYS_ADMIN');
}

const compiledDefaults = new Map<boolean, Uint8Array>();

/** The same, compiled; empty for none. The default is compiled once. */
export function seccompFilter(specification: Asked, capabilities: Bounded): Uint8Array {
  const notify = countsDenied(specification);
  const compiled = () => filterOf(seccompProfile(specification, capabilities), { notify });
  if ((specification.seccomp ?? 'default') !== 'default') return compiled();
  const nested = mayNest(specification, capabilities);
  const known = compiledDefaults.get(nested) ?? compiled();
  compiledDefaults.set(nested, known);
  return known;
}

// linux/seccomp.h
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5;

/**
 * Flags of seccomp(2) for a filter whose refusals are counted. With Linux 5.19 or later a call that is being answered is not
 * interrupted by signals, which a program would see as EINTR. Pure, given a release as uname(2) has it.
 */
export function listenerFlags(kernel = release()): number {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const waits = major > 5 || (major === 5 && minor >= 19);
  return SECCOMP_FILTER_FLAG_NEW_LISTENER | (waits ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
}
