import { knobOf, type oci } from '../protocol/index.js';
import {
  formatIoMax,
  formatIoWeight,
  type IoKey,
  type IoMax,
  notLimited,
  parseIoMax,
  parseIoWeight,
} from './values.js';

type BlockIO = NonNullable<oci.Resources['blockIO']>;
type ThrottleField = Exclude<keyof BlockIO, 'weight' | 'weightDevice'>;

const throttleFields: Record<IoKey, ThrottleField> = {
  rbps: 'throttleReadBpsDevice',
  wbps: 'throttleWriteBpsDevice',
  riops: 'throttleReadIOPSDevice',
  wiops: 'throttleWriteIOPSDevice',
};
const throttles = Object.entries(throttleFields) as [IoKey, ThrottleField][];

/** OCI's weights, 10 to 1000, as io.weight, 1 to 10000: the line that crun and runc draw. Source: crun.1, "IO controller". */
export function weightOfBlockIo(blockIoWeight: number): number {
  return 1 + Math.floor(((blockIoWeight - 10) * 9999) / 990);
}

/** The weight of OCI that becomes this io.weight; undefined when there is none. */
function blockIoWeightOf(weight: number): number | undefined {
  const candidate = 10 + Math.ceil(((weight - 1) * 990) / 9999);
  return candidate <= 1000 && weightOfBlockIo(candidate) === weight ? candidate : undefined;
}

/** io.max and io.weight of an OCI configuration, in cgroup v2's text. 0 counts as not given. */
export function limitsOfBlockIo(blockIO: BlockIO | undefined): Map<string, string> {
  const limits: IoMax = new Map();
  for (const [key, field] of throttles) {
    for (const { major, minor, rate } of blockIO?.[field] ?? []) {
      if (rate === 0) continue;
      const device = `${major}:${minor}`;
      const limit = limits.get(device) ?? { ...notLimited };
      limit[key] = rate;
      limits.set(device, limit);
    }
  }
  const devices = new Map(
    (blockIO?.weightDevice ?? []).flatMap(({ major, minor, weight }) =>
      weight ? [[`${major}:${minor}`, weightOfBlockIo(weight)] as const] : [],
    ),
  );
  const values = new Map<string, string>();
  if (limits.size > 0) values.set('io.max', formatIoMax(limits));
  if (blockIO?.weight || devices.size > 0) {
    values.set(
      'io.weight',
      formatIoWeight({ group: blockIO?.weight ? weightOfBlockIo(blockIO.weight) : 100, devices }),
    );
  }
  return values;
}

/** The inverse. A weight that OCI has no number for is left out as a whole: it belongs into `unified`. */
export function blockIoOf(ioMax: string | undefined, ioWeight: string | undefined): BlockIO | undefined {
  const blockIO: BlockIO = {};
  for (const [device, limit] of parseIoMax('io.max', ioMax ?? '')) {
    const [major = 0, minor = 0] = device.split(':').map(Number);
    for (const [key, field] of throttles) {
      if (limit[key] === Infinity) continue;
      blockIO[field] = [...(blockIO[field] ?? []), { major, minor, rate: limit[key] }];
    }
  }
  if (ioWeight !== undefined) Object.assign(blockIO, weightFields(ioWeight));
  return Object.keys(blockIO).length === 0 ? undefined : blockIO;
}

function weightFields(ioWeight: string): Pick<BlockIO, 'weight' | 'weightDevice'> {
  const { group, devices } = parseIoWeight(knobOf('io.weight'), ioWeight);
  const weightDevice: NonNullable<BlockIO['weightDevice']> = [];
  for (const [device, weight] of devices) {
    const [major = 0, minor = 0] = device.split(':').map(Number);
    const converted = blockIoWeightOf(weight);
    if (converted === undefined) return {};
    weightDevice.push({ major, minor, weight: converted });
  }
  const weight = group === 100 && weightDevice.length > 0 ? undefined : blockIoWeightOf(group);
  if (weight === undefined && !(group === 100 && weightDevice.length > 0)) return {};
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(weightDevice.length === 0 ? {} : { weightDevice }),
  };
}
