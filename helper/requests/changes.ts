import type { Connection } from 'vscode-languageserver/node';
import {
  type ChangeSource,
  LayerChangedType,
  ListLayerChanges,
  RevertLayerChanges,
  WatchLayerChanges,
} from '../changes/protocol.js';
import { changeSource } from '../changes/source.js';
import type { Machine } from '../container/machine.js';
import { withRootView } from '../files/view.js';
import * as protocol from '../protocol/index.js';
import { cancellable } from './longWork.js';
import type { Router } from './router.js';

/** More than a person looks through, and some megabytes to send. */
const mostChanges = 20_000;

/** Requests about what containers changed against what they were made from. */
export function routeChanges(router: Router, machine: Machine, connection: Connection): { dispose(): void } {
  const { store, agent } = machine;

  router.on(protocol.ListChanges, async ({ container }, token) => {
    const source = await changeSource(machine, await store.find(container));
    if (source === undefined) return { changes: [] };
    return cancellable(token, (signal) => agent.request(ListLayerChanges, { source, limit: mostChanges }, { signal }));
  });

  router.on(protocol.RevertChanges, async ({ container, paths }, token) => {
    const record = await store.find(container);
    const source = await changeSource(machine, record);
    if (source === undefined) {
      throw protocol.terrariumError(protocol.ErrorCode.NotFound, `${record.name} has changed nothing`);
    }
    return cancellable(token, (signal) =>
      withRootView(machine, { kind: 'container', container: record.id }, (view, ending) => {
        if (view.readOnly !== undefined) {
          throw protocol.terrariumError(protocol.ErrorCode.WrongState, view.readOnly);
        }
        return agent.request(
          RevertLayerChanges,
          { source, root: view, paths },
          { signal: AbortSignal.any([signal, ending]) },
        );
      }),
    );
  });

  let watching: AbortController | undefined;
  const watch = (id: string, source: ChangeSource) => {
    const abort = new AbortController();
    watching = abort;
    const listener = () => void connection.sendNotification(protocol.ChangesChanged, { container: id });
    agent
      .request(
        WatchLayerChanges,
        { top: source.top },
        { signal: abort.signal, progress: { type: LayerChangedType, listener } },
      )
      .catch((error: unknown) => {
        if (!abort.signal.aborted) machine.log(`changes of ${id} are no longer watched: ${String(error)}`);
      });
  };
  router.on(protocol.WatchChanges, async ({ container }) => {
    watching?.abort();
    watching = undefined;
    if (container === undefined) return null;
    const record = await store.find(container);
    const source = await changeSource(machine, record);
    if (source !== undefined) watch(record.id, source);
    return null;
  });
  return { dispose: () => watching?.abort() };
}
