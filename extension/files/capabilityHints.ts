import {
  type FileCapabilityFacts,
  type FileEntry,
  type FileRoot,
  InspectContainer,
  type oci,
  whyIneffective,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';

/**
 * Why capabilities of files give less than they say in their container, by entry; nothing for other roots, and nothing is asked
 * where no file has any. Rejects as the request does.
 */
export async function capabilityHints(
  helper: Pick<HelperClient, 'request'>,
  root: FileRoot,
  entries: readonly FileEntry[],
): Promise<ReadonlyMap<FileEntry, readonly string[]>> {
  const programs = entries.filter(({ capabilities }) => capabilities !== undefined);
  if (programs.length === 0 || root.kind !== 'container') return new Map();
  const { config } = await helper.request(InspectContainer, { container: root.container });
  const { noNewPrivileges, capabilities } = (config as oci.Config).process;
  const facts: FileCapabilityFacts = { noNewPrivileges, bounding: capabilities.bounding };
  return new Map(programs.map((entry) => [entry, whyIneffective(entry, facts)]));
}
