/** What the helper asks of an agent inside of a process's user namespace. */
import { RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type { PrivateParts, PrivateQuestion } from './privateParts.js';

/** Leaves the agent in the namespaces of the process: it is of no use for anything else. */
export const ReadPrivateParts: AgentRequest<PrivateQuestion, PrivateParts> = new RequestType('process/private');
