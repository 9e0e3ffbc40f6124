import { formatUsage, formatValue, knobOf, numberOf } from '../../protocol/index.js';
import { danger, type ForecastFacts, type Foresight, percent, plain, warning } from './facts.js';

/** What a limit of the number of processes will do. Pure. */
export function forecastPids(value: string, facts: ForecastFacts): Foresight {
  const most = numberOf(knobOf('pids.max'), value) ?? Number.NaN;
  const above = facts.tighter.get('pids.max');
  if (above !== undefined) {
    return warning(
      most === Infinity
        ? `No limit of its own, but the group above, ${above.path}, allows ${above.value}.`
        : `Has no effect: the group above, ${above.path}, allows ${above.value}.`,
    );
  }
  if (most === Infinity) return plain('No limit of its own: as many as the machine has numbers for.');
  if (most >= facts.machine.pidMax) {
    return warning(`The machine itself has numbers for ${facts.machine.pidMax} only: this limits nothing.`);
  }
  const present = facts.live ? facts.readings.get('pids.max')?.usage : undefined;
  if (present === undefined) return plain(`At ${most} processes and threads, fork fails.`);
  if (present >= most) {
    return warning(`${present} are there: none is ended, but none can be started until there are fewer than ${most}.`);
  }
  return plain(`${present} are there, ${percent(present / most)} of it; at the limit fork fails.`);
}

/** What a limit of each process will do. Pure. */
export function forecastRlimit(name: string, value: string, facts: ForecastFacts): Foresight {
  const knob = knobOf(name);
  const limit = numberOf(knob, value) ?? Number.NaN;
  if (!facts.running) return plain(`${knob.help} Soft and hard limit of the first process, which all others inherit.`);
  const hard = facts.hardLimits.get(name) ?? Infinity;
  if (limit !== Infinity && limit > hard && !facts.machine.isRoot) {
    return danger(
      `Its processes have the hard limit ${formatValue(knob, String(hard))}, and to raise that takes CAP_SYS_RESOURCE on the machine itself: this will be refused.`,
    );
  }
  const used = facts.readings.get(name)?.usage;
  if (name === 'RLIMIT_AS' && used !== undefined && used > limit) {
    return warning(`One process has ${formatUsage(knob, used)} of addresses: it keeps them, but gets no more.`);
  }
  if (name === 'RLIMIT_CPU' && used !== undefined && used >= limit) {
    return danger(
      `One process has used ${formatUsage(knob, used)}: it gets SIGXCPU at once, which ends it unless it handles that.`,
    );
  }
  if (limit === Infinity) {
    return hard === Infinity
      ? plain('No limit for each of its processes.')
      : plain(`As far as the hard limit goes: ${formatValue(knob, String(hard))}.`);
  }
  const soft = 'Running processes get the soft limit, which each may raise for itself up to its hard one';
  return plain(`${knob.help} ${soft}; the next start gets both.`);
}
