import { formatBytes, knobOf, numberOf } from '../../protocol/index.js';
import { danger, type ForecastFacts, type Foresight, percent, plain, warning } from './facts.js';

/**
 * What limits of memory will do. Pure.
 * @param asked for other knobs of memory in the same go, in bytes
 */
export function forecastMemory(
  name: string,
  value: string,
  facts: ForecastFacts,
  asked: ReadonlyMap<string, number>,
): Foresight {
  const bytes = numberOf(knobOf(name), value) ?? Number.NaN;
  switch (name) {
    case 'memory.max':
      return forecastMax(bytes, facts, asked);
    case 'memory.high':
      return forecastHigh(bytes, facts, asked);
    case 'memory.swap.max':
      return forecastSwap(bytes, facts);
    case 'memory.low':
    case 'memory.min':
      return forecastKept(name, bytes, facts, asked);
    case 'memory.oom.group':
      return value === '1'
        ? plain('Out of memory, all of its processes are killed together.')
        : plain('Out of memory, the kernel chooses one process and kills it.');
    default:
      return plain(knobOf(name).help);
  }
}

const nearly = 0.9;

function forecastMax(bytes: number, facts: ForecastFacts, asked: ReadonlyMap<string, number>): Foresight {
  const used = facts.live ? facts.readings.get('memory.max')?.usage : undefined;
  const overruled = overruledBytes('memory.max', bytes, facts);
  if (overruled !== undefined) return overruled;
  if (bytes === Infinity) return plain('No limit of its own: the memory of the machine is all there is.');
  if (bytes > facts.machine.memoryBytes) {
    return warning(`The machine itself has only ${formatBytes(facts.machine.memoryBytes)}: this limits nothing.`);
  }
  if (used === undefined) return plain(`Beyond ${formatBytes(bytes)} the kernel reclaims, then kills a process.`);
  if (used > bytes) return forecastBelowUse(bytes, used, facts, asked);
  const text = `Uses ${formatBytes(used)}, ${percent(used / bytes)} of it; beyond it the kernel reclaims, then kills.`;
  return used > bytes * nearly ? warning(text) : plain(text);
}

/** Files are dropped, anonymous memory goes to swap, and what is left would have to be killed for. */
function forecastBelowUse(
  bytes: number,
  used: number,
  facts: ForecastFacts,
  asked: ReadonlyMap<string, number>,
): Foresight {
  const excess = used - bytes;
  const { reclaimable, anonymous } = facts.memory ?? { reclaimable: 0, anonymous: 0 };
  const dropped = Math.min(excess, reclaimable);
  const swappable = Math.min(anonymous, facts.machine.swapFreeBytes, swapLeft(facts, asked));
  const swapped = Math.min(excess - dropped, swappable);
  const uses = `Uses ${formatBytes(used)}`;
  const drops = `drop ${formatBytes(dropped)} of file cache`;
  const swaps = `swap out ${formatBytes(swapped)}`;
  const deeds = [...(dropped > 0 ? [drops] : []), ...(swapped > 0 ? [swaps] : [])].join(' and ');
  if (dropped + swapped >= excess) return warning(`${uses}: the kernel will ${deeds}.`);
  const after = deeds === '' ? '' : `the kernel can ${deeds}, but then `;
  const rest = formatBytes(excess - dropped - swapped);
  return danger(`${uses}: ${after}${rest} too much are left, for which it would kill. So this will be refused.`);
}

/** What may still be swapped out by the container's own limit. */
function swapLeft({ readings }: ForecastFacts, asked: ReadonlyMap<string, number>): number {
  const swap = readings.get('memory.swap.max');
  const limit = asked.get('memory.swap.max') ?? numberOf(knobOf('memory.swap.max'), swap?.value ?? 'max') ?? Infinity;
  return Math.max(0, limit - (swap?.usage ?? 0));
}

function forecastHigh(bytes: number, facts: ForecastFacts, asked: ReadonlyMap<string, number>): Foresight {
  const overruled = overruledBytes('memory.high', bytes, facts);
  if (overruled !== undefined) return overruled;
  if (bytes === Infinity) return plain('Processes are not slowed down for memory.');
  const max = maximum(facts, asked);
  if (bytes >= max) return warning(`Has no effect: memory.max, ${formatBytes(max)}, comes first.`);
  const used = facts.live ? facts.readings.get('memory.high')?.usage : undefined;
  if (used === undefined || used <= bytes) {
    return plain(`Beyond ${formatBytes(bytes)} its processes are slowed down and reclaimed from, not killed.`);
  }
  return warning(`Uses ${formatBytes(used)}: its processes slow down while the kernel reclaims. Nothing is killed.`);
}

function forecastSwap(bytes: number, facts: ForecastFacts): Foresight {
  const overruled = overruledBytes('memory.swap.max', bytes, facts);
  if (overruled !== undefined) return overruled;
  if (facts.machine.swapBytes === 0) return plain('This machine has no swap, so nothing changes now.');
  const used = (facts.live ? facts.readings.get('memory.swap.max')?.usage : undefined) ?? 0;
  if (used > bytes) {
    const has = `Has ${formatBytes(used)} in swap`;
    return facts.version === 1
      ? danger(`${has}: the kernel refuses unless it can take all but ${formatBytes(bytes)} of that back at once.`)
      : warning(`${has}: that stays there until it is wanted again, but no more goes there.`);
  }
  if (bytes === 0) return plain('Nothing is swapped out: at its limit of memory it meets the killer sooner.');
  return plain(
    bytes === Infinity
      ? 'May be swapped out as far as there is swap.'
      : `At most ${formatBytes(bytes)} are swapped out.`,
  );
}

function forecastKept(
  name: 'memory.low' | 'memory.min',
  bytes: number,
  facts: ForecastFacts,
  asked: ReadonlyMap<string, number>,
): Foresight {
  if (bytes === 0) return plain('Nothing is kept from being reclaimed.');
  const max = maximum(facts, asked);
  if (bytes > max) return warning(`More than memory.max: only ${formatBytes(max)} can be kept.`);
  if (bytes > facts.machine.memoryBytes) {
    return warning(`The machine itself has only ${formatBytes(facts.machine.memoryBytes)}.`);
  }
  const above = facts.above.get(name);
  if (facts.version === 2 && above !== undefined && above !== 'max' && Number(above) < bytes) {
    const kept = Number(above) === 0 ? 'nothing' : `no more than ${formatBytes(Number(above))}`;
    return warning(`The group above keeps ${kept} of ${name}, and a group below it has its share of that.`);
  }
  const spared = name === 'memory.min' ? 'never reclaimed, not even to spare others' : 'reclaimed last';
  return plain(`Up to ${formatBytes(bytes)} are ${spared}.`);
}

function maximum({ readings }: ForecastFacts, asked: ReadonlyMap<string, number>): number {
  return (
    asked.get('memory.max') ?? numberOf(knobOf('memory.max'), readings.get('memory.max')?.value ?? 'max') ?? Infinity
  );
}

/** A group above allows less. */
function overruledBytes(name: string, bytes: number, facts: ForecastFacts): Foresight | undefined {
  const above = facts.tighter.get(name);
  if (above === undefined) return undefined;
  const allowed = formatBytes(Number(above.value));
  return bytes === Infinity
    ? warning(`No limit of its own, but the group above, ${above.path}, allows ${allowed}.`)
    : warning(`Has no effect: the group above, ${above.path}, allows ${allowed}.`);
}
