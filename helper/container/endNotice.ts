import { constants } from 'node:os';
import { ContainerEnded, type ContainerSummary } from '../protocol/index.js';

/** What a person should hear of when containers change: one that ended badly, by itself. Pure. */
export function endNotice(
  before: readonly ContainerSummary[],
  after: readonly ContainerSummary[],
): { type: typeof ContainerEnded; params: { summary: ContainerSummary; message: string } }[] {
  const wasUp = new Set(before.filter(({ state }) => state === 'running' || state === 'paused').map(({ id }) => id));
  return after.flatMap((summary) => {
    const message = summary.state === 'stopped' && wasUp.has(summary.id) ? badEnd(summary) : undefined;
    return message === undefined ? [] : [{ type: ContainerEnded, params: { summary, message } }];
  });
}

/** Signals by which containers are stopped on purpose: nobody needs to be told. */
const onPurpose: readonly number[] = [constants.signals.SIGTERM, constants.signals.SIGKILL, constants.signals.SIGINT];

function badEnd({ name, exit, monitorLost }: ContainerSummary): string | undefined {
  if (monitorLost === true) return `${name} ended, but its monitor was killed before: the exit status is unknown`;
  if (exit === undefined) return undefined;
  if (exit.oomKilled) return `${name} was killed: out of memory`;
  if (exit.signal !== 0 && !onPurpose.includes(exit.signal)) return `${name} was ended by signal ${exit.signal}`;
  return undefined;
}
