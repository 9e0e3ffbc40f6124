import { parseList } from '../../cgroup/values.js';
import { formatUsage, formatValue, knobOf, numberOf } from '../../protocol/index.js';
import { danger, type ForecastFacts, type Foresight, percent, plain, warning } from './facts.js';

/** What limits of CPU time and CPUs will do. Pure. */
export function forecastCpu(name: string, value: string, facts: ForecastFacts): Foresight {
  switch (name) {
    case 'cpu.max':
      return forecastMax(value, facts);
    case 'cpu.weight':
      return forecastWeight(Number(value), facts);
    case 'cpu.idle':
      return value === '1'
        ? warning('Runs only while nobody else wants the CPU; its weight counts for nothing.')
        : plain('Has its share of the CPU by its weight.');
    case 'cpu.max.burst':
      return plain(
        value === '0'
          ? 'CPU time that was left over is not saved up.'
          : `May save up ${formatValue(knobOf(name), value)} of unused CPU time, and use it beyond the limit.`,
      );
    case 'cpuset.cpus':
      return forecastList(name, value, facts.machine.cpus, 'CPU', facts);
    case 'cpuset.mems':
      return forecastList(name, value, facts.machine.nodes, 'memory node', facts);
    default:
      return plain(knobOf(name).help);
  }
}

const shown = (cores: number): string => formatUsage(knobOf('cpu.max'), cores);

function forecastMax(value: string, facts: ForecastFacts): Foresight {
  const cores = numberOf(knobOf('cpu.max'), value) ?? Number.NaN;
  const above = facts.tighter.get('cpu.max');
  const allowed = above && numberOf(knobOf('cpu.max'), above.value);
  if (above !== undefined && allowed !== undefined) {
    if (cores === Infinity)
      return warning(`No limit of its own, but the group above, ${above.path}, allows ${shown(allowed)}.`);
    return facts.version === 1
      ? danger(`cgroup v1 refuses more than the group above, ${above.path}, has: ${shown(allowed)}.`)
      : warning(`Has no effect: the group above, ${above.path}, allows ${shown(allowed)}.`);
  }
  if (cores === Infinity) return plain('No limit: all CPU time that others leave.');
  const { cpus } = facts.machine;
  if (cores >= cpus.length) return warning(`This machine has ${count(cpus.length, 'CPU')}: this limits nothing.`);
  if (facts.cores === undefined) return plain(`At most ${shown(cores)}; beyond it its processes wait.`);
  if (facts.cores > cores) {
    return warning(
      `Uses ${shown(facts.cores)} now: it will be slowed down to ${percent(cores / facts.cores)} of that.`,
    );
  }
  return plain(`At most ${shown(cores)}; it uses ${shown(facts.cores)} now.`);
}

const usualWeight = 100;

function forecastWeight(weight: number, { readings }: ForecastFacts): Foresight {
  if (readings.get('cpu.idle')?.value === '1') return warning('Has no effect while cpu.idle is on.');
  if (weight === usualWeight) return plain('The same share of a busy CPU as others have.');
  const times = Number((weight / usualWeight).toPrecision(2));
  return plain(`${times} times the usual share of a CPU that others want too; nothing while there is enough.`);
}

function forecastList(
  name: string,
  value: string,
  present: readonly number[],
  what: string,
  facts: ForecastFacts,
): Foresight {
  if (value === '') return plain(`All that the group above has.`);
  const wanted = parseList(name, value);
  const missing = wanted.filter((one) => !present.includes(one));
  const there = `this machine has ${present.length === 1 ? `only ${what} ${present[0]}` : `${what}s ${ranges(present)}`}`;
  if (missing.length === wanted.length) return danger(`There is no ${what} ${missing.join(', ')}: ${there}.`);
  if (missing.length > 0) return warning(`There is no ${what} ${missing.join(', ')}: ${there}.`);
  const above = facts.tighter.get(name);
  if (above !== undefined) return warning(`The group above, ${above.path}, leaves ${above.value} of them.`);
  if (!facts.live) return plain(`Its processes will have ${what} ${value} alone.`);
  return plain(
    what === 'CPU' ? `Its processes move to CPU ${value} at once.` : `From now on its memory comes from node ${value}.`,
  );
}

function ranges(indexes: readonly number[]): string {
  const [first, last] = [indexes[0], indexes.at(-1)];
  return indexes.length === (last ?? 0) - (first ?? 0) + 1 ? `${first} to ${last}` : indexes.join(', ');
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
