import { knobOf, type LimitChange, type LimitForecast, numberOf } from '../../protocol/index.js';
import { forecastCpu } from './cpu.js';
import { danger, type ForecastFacts, type Foresight, plain } from './facts.js';
import { forecastIo } from './io.js';
import { forecastMemory } from './memory.js';
import { forecastPids, forecastRlimit } from './processes.js';

/**
 * What changes will do, one sentence for each: to what is in use now, or to the next start. The values are taken as checked
 * and in the kernel's text. Pure.
 */
export function forecast(changes: readonly LimitChange[], facts: ForecastFacts): LimitForecast[] {
  const asked = new Map(changes.map(({ name, value }) => [name, numberOf(knobOf(name), value) ?? Number.NaN]));
  return changes.map(({ name, value }) => {
    const { severity, text } = foresee(name, value, facts, asked);
    const isNow = knobOf(name).controller === 'rlimit' ? facts.running : facts.live;
    return { name, severity, text: isNow ? text : `At the next start: ${text}` };
  });
}

function foresee(name: string, value: string, facts: ForecastFacts, asked: ReadonlyMap<string, number>): Foresight {
  const reading = facts.readings.get(name);
  if (reading !== undefined && !reading.writable) {
    return danger(`Cannot be set: ${reading.unavailable?.reason ?? 'it is not yours to write.'}`);
  }
  switch (knobOf(name).controller) {
    case 'memory':
      return forecastMemory(name, value, facts, asked);
    case 'cpu':
    case 'cpuset':
      return forecastCpu(name, value, facts);
    case 'pids':
      return name === 'pids.max' ? forecastPids(value, facts) : unknown;
    case 'io':
      return name === 'io.max' || name === 'io.weight' ? forecastIo(name, value, facts) : unknown;
    case 'rlimit':
      return forecastRlimit(name, value, facts);
    default:
      return knobOf(name).kind === 'text' ? unknown : plain(knobOf(name).help);
  }
}

const unknown = plain('Written as it is: the kernel says whether it takes it.');
