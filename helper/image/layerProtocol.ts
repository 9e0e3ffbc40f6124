import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type { LayerEntry } from '../protocol/images.js';
import type { ScanParams, ScanProgress, ScanResult } from './import/scan.js';
import type { UnpackParams, UnpackProgress, UnpackResult } from './unpack.js';

/** What the helper asks of the agent about layers. */
export const UnpackLayer: AgentRequest<UnpackParams, UnpackResult> = new RequestType('layer/unpack');
export const UnpackProgressType = new ProgressType<UnpackProgress>();
/** Looks through an archive for images. */
export const ScanArchive: AgentRequest<ScanParams, ScanResult> = new RequestType('archive/scan');
export const ScanProgressType = new ProgressType<ScanProgress>();
/** What a folder of an unpacked layer holds. */
export const ListLayer: AgentRequest<{ tree: string; path: string }, LayerEntry[]> = new RequestType('layer/list');
/** Bytes on disk of files and trees. */
export const MeasureTrees: AgentRequest<{ paths: readonly string[] }, number> = new RequestType('tree/measure');
/** Removes a file or tree; missing is fine. */
export const RemoveTree: AgentRequest<{ path: string }, null> = new RequestType('tree/remove');
