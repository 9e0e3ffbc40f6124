import { realpathSync } from 'node:fs';
import * as path from 'node:path';
import type { ContainerSpecification, oci } from '../protocol/index.js';

/**
 * Sources of bind mounts as real paths, for the stage follows no link in one: what another container can write to could
 * lead elsewhere by the time of a start. Those that a person asked for are settled when the container is made.
 */
export function settledSources(config: oci.Config, asked: Pick<ContainerSpecification, 'mounts'>): oci.Config {
  return withRealSources(config, (mount) => isAsked(mount, asked));
}

/** The same for those that every container has (/etc/resolv.conf), as they are at this start: links of the system move. */
export function currentSources(config: oci.Config, asked: Pick<ContainerSpecification, 'mounts'>): oci.Config {
  return withRealSources(config, (mount) => !isAsked(mount, asked));
}

function isAsked(mount: oci.Mount, { mounts = [] }: Pick<ContainerSpecification, 'mounts'>): boolean {
  return mounts.some(({ destination }) => destination === mount.destination);
}

function withRealSources(config: oci.Config, which: (mount: oci.Mount) => boolean): oci.Config {
  const mounts = config.mounts.map((mount) =>
    isBind(mount) && mount.source !== undefined && which(mount) ? { ...mount, source: realPath(mount.source) } : mount,
  );
  return { ...config, mounts };
}

function isBind({ type, options = [] }: oci.Mount): boolean {
  return type === 'bind' || options.includes('bind') || options.includes('rbind');
}

/** What is there of it resolved, the rest as it stands. What cannot be looked at is left to the stage to complain of. */
export function realPath(source: string): string {
  try {
    return realpathSync(source);
  } catch {
    const above = path.dirname(source);
    return above === source ? source : path.join(realPath(above), path.basename(source));
  }
}
