import type { Platform } from '../protocol/images.js';

/** Go's names, which OCI uses, for Node's. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** What runs here. */
export function thisPlatform(): Platform {
  return { os: 'linux', architecture: architectures[process.arch] ?? process.arch };
}
