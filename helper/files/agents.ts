import type { AgentClient } from '../agent/client.js';
import type { RootView } from './view.js';

/** The agents for one kind of work on files: ours, and one for each container that another zygote has started. */
export class FileAgents {
  private readonly others = new Map<string, AgentClient>();

  constructor(private readonly own: AgentClient) {}

  /** The agent that may use the files of a view. */
  of({ agentBeside, pid, startTime }: RootView): AgentClient {
    if (agentBeside === undefined) return this.own;
    const key = `${pid} ${startTime}`;
    const agent = this.others.get(key) ?? this.own.insideOf(agentBeside);
    this.others.set(key, agent);
    return agent;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.own, ...this.others.values()].map((agent) => agent.dispose()));
    this.others.clear();
  }
}
