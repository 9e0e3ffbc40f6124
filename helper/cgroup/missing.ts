import { knobOf, type Remedy } from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import { listedKnobs, type OfferedKnobs } from './discovery.js';
import { knobFiles } from './knobFiles.js';
import { controllerKey } from './reading.js';

/** Names of the knobs of cgroups that this version has, in the order of the list. */
export function knobsOfVersion(version: 1 | 2): string[] {
  return listedKnobs.map(({ name }) => name).filter((name) => knobFiles(version, name).length > 0);
}

/**
 * Why a knob that the list knows is not in a group; undefined when there is nothing to say: the group has the controller, and
 * this kernel knows no such file, or it is the root, which has no limits. Pure.
 */
export function whyNotListed(
  version: 1 | 2,
  name: string,
  offered: OfferedKnobs,
  access: CgroupAccess,
): Remedy | undefined {
  if (name === 'memory.swap.max' && offered.known.has('memory.max')) {
    return {
      reason: 'The kernel does not account for swap here.',
      remedy: 'Boot with the kernel parameter swapaccount=1.',
    };
  }
  if (offered.controllers.has(controllerKey(version, name))) return undefined;
  return whyMissing(version, name, access);
}

/** Why a knob's controller is not there. Pure. */
export function whyMissing(version: 1 | 2, name: string, access: CgroupAccess): Remedy {
  const controller = controllerKey(version, name);
  const known = access.mode === 'none' ? undefined : (access.absent?.[controller] ?? access.notice);
  if (known !== undefined) return known;
  const file = knobFiles(version, name)[0]?.files[0] ?? name;
  return {
    reason: `There is no ${file}: the controller ${controller} is not delegated to you.`,
    remedy: `Have ${knobOf(name).controller} delegated (the doctor says how), then restart the container.`,
  };
}

/** Why a limit whose file is there cannot be set all the same, by the kernel's release. Pure. Source: cgroup-v1/memory.rst. */
export function whyIgnored(name: string, release: string): Remedy | undefined {
  if (name !== 'memory.kmem.limit_in_bytes') return undefined;
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat);
  if (major < 5 || (major === 5 && minor < 16)) return undefined;
  return {
    reason: 'Kernels since 5.16 have this file and do not limit by it: memory.max counts kernel memory too.',
    remedy: 'Set memory.max.',
  };
}
