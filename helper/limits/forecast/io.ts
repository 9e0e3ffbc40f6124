import { type IoKey, ioKeys, parseIoMax, parseIoWeight } from '../../cgroup/values.js';
import { type DeviceUse, formatBytes, knobOf } from '../../protocol/index.js';
import { danger, type ForecastFacts, type Foresight, percent, plain, warning } from './facts.js';

/** What limits of disks will do. Pure. */
export function forecastIo(name: string, value: string, facts: ForecastFacts): Foresight {
  if (name === 'io.weight') return forecastWeight(value, facts);
  const limits = parseIoMax(name, value);
  if (limits.size === 0) return plain('No disk is limited.');
  const missing = [...limits.keys()].filter((device) => !isDisk(device, facts));
  if (missing.length > 0) {
    return danger(
      `There is no disk ${missing.join(', ')}: only whole disks can be limited, and the kernel will refuse.`,
    );
  }
  for (const [device, limit] of limits) {
    const use = facts.io.find((one) => one.device === device);
    for (const key of ioKeys) {
      const now = use === undefined ? 0 : use[counters[key].counter];
      if (now > limit[key]) {
        const { deed, unit } = counters[key];
        return warning(
          `${deed} ${unit(now)} ${on(device, facts)} now: it will be slowed down to ${percent(limit[key] / now)} of that.`,
        );
      }
    }
  }
  const above = facts.tighter.get(name);
  if (above !== undefined)
    return warning(`The group above, ${above.path}, allows less: ${above.value.replaceAll('\n', '; ')}.`);
  return plain(
    `Limited ${[...limits.keys()].map((device) => on(device, facts)).join(', ')}: beyond it reading and writing wait.`,
  );
}

const counters: Readonly<
  Record<IoKey, { counter: keyof Omit<DeviceUse, 'device' | 'name'>; deed: string; unit(value: number): string }>
> = {
  rbps: { counter: 'readBytes', deed: 'Reads', unit: (value) => `${formatBytes(value)}/s` },
  wbps: { counter: 'writtenBytes', deed: 'Writes', unit: (value) => `${formatBytes(value)}/s` },
  riops: { counter: 'reads', deed: 'Makes', unit: (value) => `${Math.round(value)} reads a second` },
  wiops: { counter: 'writes', deed: 'Makes', unit: (value) => `${Math.round(value)} writes a second` },
};

function forecastWeight(value: string, facts: ForecastFacts): Foresight {
  const { devices } = parseIoWeight(knobOf('io.weight'), value);
  const missing = [...devices.keys()].filter((device) => !isDisk(device, facts));
  if (missing.length > 0) return danger(`There is no disk ${missing.join(', ')}: the kernel will refuse.`);
  return plain('Counts on disks whose scheduler shares by weight (bfq, or io.cost), when others want them too.');
}

/** Without a list of disks nobody can tell. */
const isDisk = (device: string, { disks }: ForecastFacts): boolean =>
  disks.length === 0 || disks.some(({ number }) => number === device);

function on(device: string, { disks }: ForecastFacts): string {
  return `on ${disks.find(({ number }) => number === device)?.name ?? device}`;
}
