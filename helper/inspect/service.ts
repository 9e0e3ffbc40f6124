import type { AgentRouter } from '../agent/router.js';
import { ReadPrivateParts } from './agentProtocol.js';
import { readPrivateParts } from './privateParts.js';

/** Answers, as the agent, what the helper may not read or cannot see from outside. */
export function serveInspection(router: AgentRouter): void {
  router.on(ReadPrivateParts, async (question) => readPrivateParts(question, true));
}
