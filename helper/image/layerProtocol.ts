import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type { UnpackParams, UnpackProgress, UnpackResult } from './unpack.js';

/** What the helper asks of the agent about layers. */
export const UnpackLayer: AgentRequest<UnpackParams, UnpackResult> = new RequestType('layer/unpack');
export const UnpackProgressType = new ProgressType<UnpackProgress>();
/** Removes a file or tree; missing is fine. */
export const RemoveTree: AgentRequest<{ path: string }, null> = new RequestType('tree/remove');
