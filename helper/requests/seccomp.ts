import { allowCalls, DeniedWatch, readDenied } from '../container/denied.js';
import type { Machine } from '../container/machine.js';
import * as protocol from '../protocol/index.js';
import { defaultProfile } from '../security/seccomp/profile.js';
import type { Router } from './router.js';

/** Requests about refused system calls. `tell` gets every report that is news; the caller says what runs, by `follow`. */
export function routeSeccomp(
  router: Router,
  machine: Machine,
  tell: (container: string, report: protocol.DeniedReport) => void,
): DeniedWatch {
  const { store } = machine;
  router.on(protocol.ReadDenied, async ({ container }) => readDenied(machine, await store.find(container)));
  router.on(protocol.AllowCalls, async ({ container, calls, revoke = false }) => {
    const { id } = await store.find(container);
    const changed = await store.locked(id, (record) => allowCalls(machine, record, calls, revoke));
    const report = await readDenied(machine, changed);
    tell(id, report);
    return report;
  });
  router.on0(protocol.ReadDefaultProfile, () => defaultProfile());
  return new DeniedWatch(machine, tell);
}
