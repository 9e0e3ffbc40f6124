import type { Connection } from 'vscode-languageserver/node';
import type { Machine } from '../container/machine.js';
import { importArchive, inspectArchive } from '../image/import/importer.js';
import { layerAgent } from '../image/layerAgent.js';
import * as protocol from '../protocol/index.js';
import { cancellable, reporter } from './longWork.js';
import type { Router } from './router.js';

/** Requests about images that are here or in files. */
export function routeImages(router: Router, machine: Machine, connection: Connection): void {
  const { images } = machine;
  const importer = { store: images, agent: layerAgent(machine.agent) };
  router.on0(protocol.ListImages, () => images.list());
  router.on(protocol.InspectArchive, ({ file }, token) =>
    cancellable(token, (signal) => inspectArchive(importer, file, { signal })),
  );
  router.on(protocol.ImportImage, ({ progress, ...request }, token) => {
    const onProgress = reporter(connection, protocol.ImageProgressType, progress);
    return cancellable(token, (signal) => importArchive(importer, request, { signal, onProgress }));
  });
  router.on(protocol.InspectImage, ({ name }) => images.inspect(name));
  router.on(protocol.ListLayerEntries, ({ name, diffId, path = '/' }) => images.layerEntries(name, diffId, path));
  router.on(protocol.RenameImage, ({ name, newName, keep }) => images.rename(name, newName, keep));
  router.on(protocol.RemoveImage, ({ name, preview = false }) => images.remove(name, { preview }));
  router.on(protocol.PruneImages, (params) => images.prune(params));
}
