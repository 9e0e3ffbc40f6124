import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { AgentRouter } from '../agent/router.js';
import { diskUsage } from './diskUsage.js';
import { explained } from './failure.js';
import { scanArchive } from './import/scan.js';
import { listLayer } from './layerEntries.js';
import {
  ListLayer,
  MeasureTrees,
  RemoveTree,
  ScanArchive,
  ScanProgressType,
  UnpackLayer,
  UnpackProgressType,
} from './layerProtocol.js';
import { removeTree } from './removeTree.js';
import { unpack } from './unpack.js';

/** The agent's side of layers: it writes and removes their trees. */
export function serveLayers(router: AgentRouter): void {
  router.on(
    UnpackLayer,
    (params, { signal, report }) => unpack(params, { signal, onProgress: report }),
    UnpackProgressType,
  );
  router.on(
    ScanArchive,
    (params, { signal, report }) => scanArchive(params, { signal, onProgress: report }),
    ScanProgressType,
  );
  router.on(ListLayer, async ({ tree, path }) => listLayer(tree, path));
  router.on(MeasureTrees, async ({ paths }) => {
    try {
      return await diskUsage(paths);
    } catch (error) {
      throw explained(error, 'measure what can be freed');
    }
  });
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
