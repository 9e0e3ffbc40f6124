import type { AgentRouter } from '../agent/router.js';
import { withOpenRoot } from '../files/openRoot.js';
import { explained } from '../image/failure.js';
import { listChanges } from './list.js';
import { Pace } from './pace.js';
import { LayerChangedType, ListLayerChanges, RevertLayerChanges, WatchLayerChanges } from './protocol.js';
import { revertChanges } from './revert.js';
import { watchLayer } from './watch.js';

/** Renames are told among this many changes. */
const mostConsidered = 100_000;

/** The agent's side of changes: it reads layers whose files may belong to any of the mapped ids. */
export function serveChanges(router: AgentRouter): void {
  router.on(ListLayerChanges, async ({ source, limit }, { signal }) => {
    try {
      return await listChanges(source, limit, new Pace(signal));
    } catch (error) {
      throw explained(error, 'find out what was changed', source.top);
    }
  });
  router.on(RevertLayerChanges, async ({ source, root, paths }, { signal }) => {
    const pace = new Pace(signal);
    try {
      const { changes } = await listChanges(source, mostConsidered, pace);
      // Under its new name a file goes, under its old one it comes back.
      const origins = changes.flatMap((change) => (paths.includes(change.path) ? (change.from ?? []) : []));
      await withOpenRoot(root, ({ fd }) => revertChanges(source, fd, [...paths, ...origins], pace));
      return null;
    } catch (error) {
      throw explained(error, 'revert changes', source.top);
    }
  });
  router.on(
    WatchLayerChanges,
    async ({ top }, { signal, report }) => {
      await watchLayer(top, signal, () => report({ phase: 'changed' }));
      return null;
    },
    LayerChangedType,
  );
}
