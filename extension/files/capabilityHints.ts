import {
  type FileEntry,
  type FileRoot,
  InspectContainer,
  type oci,
  whyIneffective,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';

/** Why the capabilities of a file give less than they say in its container; nothing for other roots. Rejects as the request does. */
export async function capabilityHints(
  helper: Pick<HelperClient, 'request'>,
  root: FileRoot,
  entry: FileEntry,
): Promise<string[]> {
  if (entry.capabilities === undefined || root.kind !== 'container') return [];
  const { config } = await helper.request(InspectContainer, { container: root.container });
  const { noNewPrivileges, capabilities } = (config as oci.Config).process;
  return whyIneffective(entry, { noNewPrivileges, bounding: capabilities.bounding });
}
