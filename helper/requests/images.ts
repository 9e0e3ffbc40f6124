import * as path from 'node:path';
import type { Connection } from 'vscode-languageserver/node';
import type { Machine } from '../container/machine.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about images. */
export function routeImages(router: Router, machine: Machine, connection: Connection): void {
  const { images } = machine;
  router.on0(protocol.ListImages, () => images.list());
  router.on(protocol.ImportImage, async ({ file, name = path.basename(file), progress }, token) => {
    const abort = new AbortController();
    const listener = token.onCancellationRequested(() => abort.abort());
    try {
      return await images.import(
        { file, name },
        {
          signal: abort.signal,
          ...(progress === undefined
            ? {}
            : { onProgress: (state) => void connection.sendProgress(protocol.ImageProgressType, progress, state) }),
        },
      );
    } finally {
      listener.dispose();
    }
  });
  router.on(protocol.RemoveImage, async ({ name }) => {
    await images.remove(name);
    return { images: [name], freedBytes: 0, kept: [] };
  });
}
