import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { ErrorData } from '../protocol/errors.js';
import type { UnpackParams, UnpackProgress, UnpackResult } from './unpack.js';

/** What the helper asks of the image agent, over the agent's standard streams. */
export const UnpackLayer = new RequestType<UnpackParams & { progress?: string }, UnpackResult, ErrorData>(
  'layer/unpack',
);
export const UnpackProgressType = new ProgressType<UnpackProgress>();
/** Removes a file or tree; missing is fine. */
export const RemoveTree = new RequestType<{ path: string }, null, ErrorData>('tree/remove');
