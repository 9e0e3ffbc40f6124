import type { Machine } from '../container/machine.js';
import { runDoctor } from '../doctor/doctor.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** The doctor tries things on this machine when asked, never before. */
export function routeDoctor(router: Router, machine: Machine): void {
  router.on0(protocol.RunDoctor, () => runDoctor(machine));
}
