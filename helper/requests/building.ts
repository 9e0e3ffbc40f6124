import type { Connection } from 'vscode-languageserver/node';
import { bootstrapImage } from '../bootstrap/bootstrapImage.js';
import { findBootstrapTools } from '../bootstrap/tools.js';
import { buildImage } from '../build/buildImage.js';
import { listPrograms, programFolders } from '../build/programs.js';
import { listHostFolders } from '../container/hostFolders.js';
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
  router.on0(protocol.ListHostFolders, () => listHostFolders(machine.locations));
  router.on0(protocol.FindBootstrapTools, () => findBootstrapTools());
  router.on(protocol.BootstrapImage, ({ progress, ...params }, token) =>
    cancellable(token, (signal) =>
      bootstrapImage(machine, params, {
        signal,
        onProgress: reporter(connection, protocol.ImageProgressType, progress),
        onText: (text) => void connection.sendNotification(protocol.BootstrapOutput, { name: params.name, text }),
      }),
    ),
  );
}
