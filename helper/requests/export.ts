import type { Connection } from 'vscode-languageserver/node';
import type { Machine } from '../container/machine.js';
import { commitContainer } from '../export/commit.js';
import { exportImage } from '../export/exportImage.js';
import * as protocol from '../protocol/index.js';
import { cancellable, reporter } from './longWork.js';
import type { Router } from './router.js';

/** Requests that make images of containers, and files of both. */
export function routeExport(router: Router, machine: Machine, connection: Connection): void {
  const report = (token: string | undefined) => reporter(connection, protocol.ImageProgressType, token);

  router.on(protocol.CommitContainer, ({ progress, ...params }, token) =>
    cancellable(token, (signal) => commitContainer(machine, params, { signal, onProgress: report(progress) })),
  );
  router.on(protocol.ExportImage, ({ progress, ...params }, token) =>
    cancellable(token, (signal) => exportImage(machine, params, { signal, onProgress: report(progress) })),
  );
}
