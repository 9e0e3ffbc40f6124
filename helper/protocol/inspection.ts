/** All that is known of a container, or of any process, as one document: what `inspect` answers. */
import { RequestType } from 'vscode-jsonrpc';
import type { ContainerInspection, ProcessInfo } from './container.js';
import type { ErrorData } from './errors.js';
import type { LimitReading } from './limits.js';
import type { InspectProcessParams, ProcessInspection } from './namespaces.js';
import type { NetworkState } from './networkState.js';
import type { Config } from './oci.js';
import type { PublishedPort } from './ports.js';

/** A knob of a control group, in the words of cgroup v2 whatever the machine has. */
export type InspectedLimit = Pick<LimitReading, 'value' | 'usage' | 'peak' | 'effective'>;

type OfAll = 'ociVersion' | 'status' | 'pid';

/**
 * Of a container first OCI's state and the configuration that it was made by; these are absent for a process that was asked
 * for by its pid. Then, as long as there is a process, what the kernel says now.
 */
export interface Inspection
  extends Pick<ContainerInspection, OfAll>,
    Partial<Omit<ContainerInspection, OfAll | 'config'>> {
  config?: Config;
  /** The process `pid`: of a container its first one. */
  kernel?: ProcessInspection;
  /** It, and those below it or in a pid namespace of its own. */
  processes?: ProcessInfo[];
  /** Of its control groups, by the name of the knob: what is set, and what is in use. */
  limits?: Record<string, InspectedLimit>;
  network?: NetworkState;
  /** Of a container: ports of this machine that lead to it now. */
  ports?: PublishedPort[];
  /** Why something is missing above, by its name. What is missing in `kernel` is said there. */
  unreadable: Record<string, string>;
}

/** @throws NotFound when there is no such container, or no such process (any more). */
export const Inspect = new RequestType<InspectProcessParams, Inspection, ErrorData>('inspect');
