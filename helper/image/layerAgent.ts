import type { AgentClient } from '../agent/client.js';
import type { LayerEntry } from '../protocol/images.js';
import type { ScanOptions, ScanParams, ScanResult } from './import/scan.js';
import {
  ListLayer,
  MeasureTrees,
  RemoveTree,
  ScanArchive,
  ScanProgressType,
  UnpackLayer,
  UnpackProgressType,
} from './layerProtocol.js';
import type { UnpackOptions, UnpackParams, UnpackResult } from './unpack.js';

/** What the image store wants done to trees by the agent, who may use files of all mapped ids. */
export interface LayerAgent {
  /**
   * See `unpack`. After a cancel that the agent does not answer in time it is killed; then `tree` and `blob` are left
   * for the caller to remove.
   * @throws TerrariumError
   */
  unpack(params: UnpackParams, options?: UnpackOptions): Promise<UnpackResult>;
  /** See `scanArchive`. What it has put into `scratch` is left for the caller to remove. @throws TerrariumError */
  scan(params: ScanParams, options?: ScanOptions): Promise<ScanResult>;
  /** See `listLayer`. @throws TerrariumError */
  listLayer(tree: string, path: string): Promise<LayerEntry[]>;
  /** See `diskUsage`. @throws TerrariumError */
  measure(paths: readonly string[]): Promise<number>;
  /** Removes a file or tree, whoever of the mapped ids owns what is in it. @throws TerrariumError */
  removeTree(path: string): Promise<void>;
}

/** Layers by way of an agent. */
export function layerAgent(agent: AgentClient): LayerAgent {
  return {
    unpack: (params, { signal, onProgress } = {}) =>
      agent.request(UnpackLayer, params, {
        ...(signal && { signal }),
        ...(onProgress && { progress: { type: UnpackProgressType, listener: onProgress } }),
      }),
    scan: (params, { signal, onProgress } = {}) =>
      agent.request(ScanArchive, params, {
        ...(signal && { signal }),
        ...(onProgress && { progress: { type: ScanProgressType, listener: onProgress } }),
      }),
    listLayer: (tree, path) => agent.request(ListLayer, { tree, path }),
    measure: (paths) => agent.request(MeasureTrees, { paths }),
    removeTree: async (path) => {
      await agent.request(RemoveTree, { path });
    },
  };
}
