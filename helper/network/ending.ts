import { promises as fs } from 'node:fs';
import type { Locations } from '../container/locations.js';
import { endHolder, holderFolder } from './holder.js';
import { awaitOutboundEnd } from './outbound.js';

/** Ends what runs for a network: its holder, and with that, by the kernel, its way out. @throws WrongState when they do not end */
export async function endNetwork(locations: Locations, network: string): Promise<void> {
  await endHolder(locations, network);
  await awaitOutboundEnd(locations, network);
  await fs.rm(holderFolder(locations, network), { recursive: true, force: true });
}
