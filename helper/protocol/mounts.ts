import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { MountInfo } from './container.js';
import type { ErrorData } from './errors.js';
import type { Mount } from './oci.js';

/** Whether options of a mount come to a read-only one: of those that say so, the last counts. mount(8) */
export function isReadOnly(options: readonly string[] = []): boolean {
  return ['ro', 'rro'].includes(options.findLast((option) => /^r?r[ow]$/.test(option)) ?? 'rw');
}

/** `container` is an id, an unambiguous start of one, or a name. */
export interface AddMountParams {
  container: string;
  /** As in a specification: a `bind`, a `tmpfs`, or a `volume` with its name as source. */
  mount: Mount;
  /** For all later starts too. Of a container that does not run it is the only thing there is. */
  keep?: boolean;
}
/**
 * Mounts something in a running container. Answers with what the kernel made of it; null when the container does not run.
 * @throws Invalid, NotFound, WrongState (something is mounted there, or it does not run and `keep` is not set), StepFailed
 */
export const AddMount = new RequestType<AddMountParams, MountInfo | null, ErrorData>('mount/add');

export interface RemoveMountParams {
  container: string;
  /** As the kernel has it (`container/mounts`), or as it was asked for. */
  destination: string;
  /** Not at later starts either. Of a container that does not run it is the only thing there is. */
  keep?: boolean;
}
/**
 * Unmounts what was asked for, at the start or since; processes that use it keep what they have open.
 * @throws NotFound, WrongState, StepFailed
 */
export const RemoveMount = new RequestType<RemoveMountParams, null, ErrorData>('mount/remove');

/** A folder of ours that containers can have together, and that stays when they go. */
export interface VolumeSummary {
  name: string;
  /** ISO 8601. */
  createdAt: string;
  /** Where it is on this machine. Files of users inside other than root belong to subordinate ids there. */
  path: string;
  usedBy: VolumeUse[];
}

export interface VolumeUse {
  container: string;
  name: string;
  destination: string;
  /** It is mounted there now. */
  mounted: boolean;
}

export const ListVolumes = new RequestType0<VolumeSummary[], ErrorData>('volume/list');
/** @throws Invalid, NameTaken */
export const CreateVolume = new RequestType<{ name: string }, VolumeSummary, ErrorData>('volume/create');
/** With all that is in it. @throws NotFound, WrongState while a container has it */
export const RemoveVolume = new RequestType<{ name: string }, null, ErrorData>('volume/remove');
/** Removes those that no container has. Answers their names. */
export const PruneVolumes = new RequestType0<string[], ErrorData>('volume/prune');
/** Bytes on disk of all that is in it, as du(1) counts them: it is read through for that. @throws NotFound */
export const MeasureVolume = new RequestType<{ name: string }, { sizeBytes: number }, ErrorData>('volume/measure');

/**
 * Replaces the containers, by id, of which this client wants to hear (`mount/changed`) when a process inside mounts
 * something: only for what can be seen. Each that runs is told of once at the begin. What helpers mount is told of all.
 */
export const WatchMounts = new RequestType<{ containers: string[] }, null, ErrorData>('mount/watch');

/** Something was mounted in a running container or removed from it, by whichever client. `container` is its id. */
export const MountsChanged = new NotificationType<{ container: string }>('mount/changed');
/** Volumes, or who has them, are others now, whoever changed it: the whole list. */
export const VolumesChanged = new NotificationType<{ volumes: VolumeSummary[] }>('volume/changed');
