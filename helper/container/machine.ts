import type { AgentClient } from '../agent/client.js';
import { type CgroupAccess, detectCgroupAccess, thisMachine } from '../cgroup/access.js';
import { prepareDelegation } from '../cgroup/delegation.js';
import type { ImageStore } from '../image/store.js';
import type { ProcessIdentity } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import type { Zygote } from '../zygote/zygote.js';
import type { HostLayer } from './hostLayer.js';
import type { Locations } from './locations.js';
import type { ContainerStore } from './store.js';

/** What every operation on containers needs of this machine. */
export interface Machine {
  locations: Locations;
  store: ContainerStore;
  images: ImageStore;
  /** Does what needs files of all mapped ids, or may block. */
  agent: AgentClient;
  /** One more, inside of the user namespace of any process, else in ours; the caller disposes of it. */
  agentFor(inside?: ProcessIdentity): AgentClient;
  zygote: Zygote;
  identity: Identity;
  /** The stage's program, also the one that attaches terminals. */
  stage: string;
  /** Made when it is first needed. @param hidden absolute paths of what it hides. */
  hostLayer(hidden: readonly string[]): Promise<HostLayer>;
  /** Where cgroups can be made; found once for a zygote. */
  cgroups(): Promise<CgroupAccess>;
  log(message: string): void;
}

/** Finds the cgroups for the zygote that is there now; another zygote, another answer, and `onFound` once for each. */
export function cgroupFinder(zygote: Zygote, onFound: (access: CgroupAccess) => void): () => Promise<CgroupAccess> {
  let found: { pid: number; access: Promise<CgroupAccess> } | undefined;
  return async () => {
    const pid = await zygote.pid();
    if (found?.pid !== pid) {
      const access = detectCgroupAccess(pid, thisMachine(zygote.serviceRefusal)).then((detected) =>
        prepareDelegation(detected, pid),
      );
      found = { pid, access };
      access.then(onFound, () => {
        found = undefined;
      });
    }
    return found.access;
  };
}
