import type { Connection } from 'vscode-languageserver/node';
import type { Machine } from '../container/machine.js';
import * as protocol from '../protocol/index.js';
import { registryEnvironment } from '../registry/connect.js';
import { listPlatforms, pullImage } from '../registry/pull.js';
import { pushImage } from '../registry/push.js';
import { cancellable, reporter } from './longWork.js';
import type { Router } from './router.js';
import { throttled } from './throttle.js';

/** Requests that talk to registries: nothing else does, and only when they are made. */
export function routeRegistry(router: Router, { images }: Machine, connection: Connection): void {
  const environment = registryEnvironment();
  const report = (token: string | undefined) =>
    throttled(reporter(connection, protocol.ImageProgressType, token), ({ phase }) => phase);

  router.on(protocol.ListPlatforms, (params, token) =>
    cancellable(token, (signal) => listPlatforms(params, environment, signal)),
  );
  router.on(protocol.PullImage, ({ progress, ...params }, token) =>
    cancellable(token, (signal) => pullImage(params, images, environment, { signal, onProgress: report(progress) })),
  );
  router.on(protocol.PushImage, ({ progress, ...params }, token) =>
    cancellable(token, (signal) => pushImage(params, images, environment, { signal, onProgress: report(progress) })),
  );
}
