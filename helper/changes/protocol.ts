import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type { RootView } from '../files/view.js';
import type { ProcessIdentity } from '../protocol/container.js';
import type { ChangeList } from '../protocol/files.js';

/** A place in the root of a container on this machine's own system: see helper/container/hostRoot.ts. */
export type ComposedPlace =
  /** A folder of the system below a writable layer; `lower` top first. */
  | { kind: 'overlay'; lower: string[] }
  /** A folder that was empty when the container began. */
  | { kind: 'empty' }
  | { kind: 'link'; target: string }
  /** Seen as it is on this machine, and never written to. */
  | { kind: 'bind' };

/** Where a container's writes are, and what they are compared with. */
export interface ChangeSource {
  /** Its writable layer; for writes to memory, its whole root as its processes see it. */
  top: string;
  /** The process whose root `top` is. */
  init?: ProcessIdentity;
  /** `layer`: an upper directory with whiteouts; `merged`: what is not there was deleted. */
  kind: 'layer' | 'merged';
  /** What lies below, top first; empty when the root is composed of `places`. */
  lower: string[];
  /** By path in the root. */
  places?: Record<string, ComposedPlace>;
  /** Destinations of its mounts: what the start had to make for them is no change. */
  mountTargets: string[];
  /** Owners below that have no id here appear as nobody (65534). */
  foreignOwners: boolean;
}

/** What the helper asks of the agent about changes. */
export const ListLayerChanges: AgentRequest<{ source: ChangeSource; limit: number }, ChangeList> = new RequestType(
  'layerChanges/list',
);
/** Makes paths of a mounted root what they are in the lower layers. */
export const RevertLayerChanges: AgentRequest<{ source: ChangeSource; root: RootView; paths: string[] }, null> =
  new RequestType('layerChanges/revert');
/** Reports each time something has changed, until it is cancelled. */
export const WatchLayerChanges: AgentRequest<{ top: string }, null> = new RequestType('layerChanges/watch');
export const LayerChangedType = new ProgressType<{ phase: 'changed' }>();
