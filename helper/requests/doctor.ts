import type { Machine } from '../container/machine.js';
import { runDoctor } from '../doctor/doctor.js';
import { cancelled } from '../image/failure.js';
import * as protocol from '../protocol/index.js';
import { cancellable } from './longWork.js';
import type { Router } from './router.js';

/** The doctor tries things on this machine when asked, never before. */
export function routeDoctor(router: Router, machine: Machine): void {
  router.on0(protocol.RunDoctor, (token) =>
    cancellable(token, async (signal) => {
      try {
        return await runDoctor(machine, signal);
      } catch (error) {
        throw signal.aborted ? cancelled() : error;
      }
    }),
  );
}
