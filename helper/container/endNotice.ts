import { constants } from 'node:os';
import { ContainerEnded, type ContainerSummary } from '../protocol/index.js';
import { binaryBytes } from './limitNotice.js';

/**
 * What a person should hear of when containers change: one that ended badly, by itself.
 * @param memoryLimit bytes that a container was allowed, if it was limited: asked when it was killed for memory.
 */
export async function endNotice(
  before: readonly ContainerSummary[],
  after: readonly ContainerSummary[],
  memoryLimit: (container: string) => Promise<number | undefined>,
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

function badEnd({ name, exit, monitorLost }: ContainerSummary, memoryLimit: number | undefined): string | undefined {
  if (monitorLost === true) return `${name} ended, but its monitor was killed before: the exit status is unknown`;
  if (exit === undefined) return undefined;
  if (exit.oomKilled) {
    return `${name} was killed: out of memory${memoryLimit === undefined ? '' : ` at ${binaryBytes(memoryLimit)}`}`;
  }
  if (exit.signal !== 0 && !onPurpose.includes(exit.signal)) return `${name} was ended by signal ${exit.signal}`;
  return undefined;
}
