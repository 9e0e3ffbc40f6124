import { constants } from 'node:os';
import { ContainerEnded, type ContainerSummary, type LimitTarget } from '../protocol/index.js';
import { memoryText } from './limitNotice.js';

/** The limit that was met, in bytes, and whose it is when it is not the container's own; undefined for none but the machine's. */
export type MetLimit = { value: number; of?: LimitTarget } | undefined;

/**
 * What a person should hear of when containers change: one that ended badly, by itself.
 * @param memoryLimit the limit that a container met: asked when it was killed for memory.
 */
export async function endNotice(
  before: readonly ContainerSummary[],
  after: readonly ContainerSummary[],
  memoryLimit: (container: string) => Promise<MetLimit>,
): Promise<{ type: typeof ContainerEnded; params: { summary: ContainerSummary; message: string } }[]> {
  const wasUp = new Set(before.filter(({ state }) => state === 'running' || state === 'paused').map(({ id }) => id));
  const ended = after.filter(({ id, state }) => state === 'stopped' && wasUp.has(id));
  const notices = await Promise.all(
    ended.map(async (summary) => {
      const limit = summary.exit?.oomKilled === true ? await memoryLimit(summary.id) : undefined;
      return { summary, message: badEnd(summary, limit) };
    }),
  );
  return notices.flatMap(({ summary, message }) =>
    message === undefined ? [] : [{ type: ContainerEnded, params: { summary, message } }],
  );
}

/** Signals by which containers are stopped on purpose: nobody needs to be told. */
const onPurpose: readonly number[] = [constants.signals.SIGTERM, constants.signals.SIGKILL, constants.signals.SIGINT];

function badEnd({ name, exit, monitorLost }: ContainerSummary, memoryLimit: MetLimit): string | undefined {
  if (monitorLost === true) return `${name} ended, but its monitor was killed before: the exit status is unknown`;
  if (exit === undefined) return undefined;
  if (exit.oomKilled) {
    return `${name} was killed: out of memory${memoryText(memoryLimit)}`;
  }
  if (exit.signal !== 0 && !onPurpose.includes(exit.signal)) return `${name} was ended by signal ${exit.signal}`;
  return undefined;
}
