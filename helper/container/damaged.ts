import type { TerrariumError } from '../protocol/index.js';
import type { ContainerRecord } from './record.js';

/** A container whose record cannot be read. Its folders and its processes are there all the same. */
export interface DamagedContainer {
  id: string;
  /** As the link to it says; its id when there is none. */
  name: string;
  /** ISO 8601, of its folder. */
  createdAt: string;
  /** What is wrong with the record. */
  error: TerrariumError;
}

/**
 * Stands in for the record that cannot be read: enough to list the container, to end what runs in it and to remove it. Of
 * what it was made from and with nothing is known.
 */
export function standInFor({ id, name, createdAt }: Omit<DamagedContainer, 'error'>): ContainerRecord {
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
  return {
    version: 1,
    id,
    name,
    createdAt,
    remove: false,
    stdin: false,
    specification: {},
    config: {
      ociVersion: '1.1.0',
      process: { cwd: '/', env: [], args: [], user: { uid: 0, gid: 0 }, capabilities: none, noNewPrivileges: true },
      root: { path: '/', readonly: true },
      mounts: [],
      // Without a pid namespace it is ended process by process, which is right for those with one too.
      linux: { namespaces: [], maskedPaths: [], readonlyPaths: [] },
      annotations: {},
    },
    layers: [],
  };
}
