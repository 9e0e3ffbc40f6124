import { z } from 'zod';
import {
  type CreatePodParams,
  ErrorCode,
  type PodNamespace,
  type PodNetwork,
  terrariumError,
} from '../protocol/index.js';
import type { PortMapping } from '../protocol/ports.js';
import { hostname, name, network, portMapping } from './schema.js';

/** A pod with its defaults. */
export interface WholePod {
  name: string;
  shares: PodNamespace[];
  network?: PodNetwork;
  ports: PortMapping[];
  hostname?: string;
}

const types = ['network', 'ipc', 'uts', 'pid'] as const;
const usual: readonly PodNamespace[] = ['network', 'ipc', 'uts'];

const podSchema = z
  .strictObject({
    name,
    shares: z.array(z.enum(types)).min(1, 'a pod shares at least one namespace').optional(),
    network: network
      .refine(({ kind }) => kind !== 'container' && kind !== 'process', {
        error: 'a pod has a network of its own, or this machine’s',
      })
      .optional(),
    ports: z.array(portMapping).optional(),
    hostname: hostname.optional(),
  })
  .superRefine(({ shares = usual, network, ports = [], hostname }, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const own = shares.includes('network');
    if (!own && network !== undefined) refuse('network', 'its containers do not share a network: each chooses its own');
    if (!own && ports.length > 0) refuse('ports', 'its containers do not share a network: each publishes its own');
    if (network?.kind === 'host' && ports.length > 0) {
      refuse('ports', 'it has this machine’s network: its ports are this machine’s, and need not be published');
    }
    if (!shares.includes('uts') && hostname !== undefined) {
      refuse('hostname', 'its containers do not share a host name: each has its own');
    }
  });

/** Checks what came from outside, and fills in the defaults. Pure. @throws Invalid with one sentence per problem */
export function parsePod(input: CreatePodParams): WholePod {
  const result = podSchema.safeParse(input);
  if (result.success) {
    const { name, network, ports = [], shares = usual, hostname } = result.data;
    const ordered = types.filter((type) => shares.includes(type));
    return {
      name,
      shares: ordered,
      ...(ordered.includes('network') ? { network: (network ?? { kind: 'none' }) as PodNetwork } : {}),
      ports,
      ...(ordered.includes('uts') ? { hostname: hostname ?? hostnameFrom(name) } : {}),
    };
  }
  const problems = result.error.issues.map(({ path, message }) => [...path.map(String), message].join(': '));
  throw terrariumError(ErrorCode.Invalid, `There cannot be such a pod: ${problems.join('; ')}`, {
    cause: problems.join('\n'),
    fix: 'Correct what is named above.',
  });
}

/** Names may have characters that host names have not. */
function hostnameFrom(name: string): string {
  return name.replaceAll('_', '-');
}
