import type { Connection } from 'vscode-languageserver/node';
import { buildImage } from '../build/buildImage.js';
import { listPrograms, programFolders } from '../build/programs.js';
import type { Machine } from '../container/machine.js';
import * as protocol from '../protocol/index.js';
import { cancellable, reporter } from './longWork.js';
import type { Router } from './router.js';

/** Requests for roots that no archive holds. */
export function routeBuilding(router: Router, machine: Machine, connection: Connection): void {
  const { images } = machine;
  router.on0(protocol.ListPrograms, () => listPrograms(programFolders(process.env.PATH)));
  router.on(protocol.BuildImage, ({ progress, ...params }, token) =>
    cancellable(token, (signal) =>
      buildImage(images, params, {
        signal,
        onProgress: reporter(connection, protocol.ImageProgressType, progress),
      }),
    ),
  );
}
