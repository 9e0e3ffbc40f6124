import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { AgentRouter } from '../agent/router.js';
import { explained } from './failure.js';
import { RemoveTree, UnpackLayer, UnpackProgressType } from './layerProtocol.js';
import { removeTree } from './removeTree.js';
import { unpack } from './unpack.js';

/** The agent's side of layers: it writes and removes their trees. */
export function serveLayers(router: AgentRouter): void {
  router.on(
    UnpackLayer,
    (params, { signal, report }) => unpack(params, { signal, onProgress: report }),
    UnpackProgressType,
  );
  router.on(RemoveTree, async ({ path }) => {
    try {
      const parent = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await removeTree(parent.fd, basename(path));
      } finally {
        await parent.close();
      }
      return null;
    } catch (error) {
      throw explained(error, 'remove a tree', path);
    }
  });
}
