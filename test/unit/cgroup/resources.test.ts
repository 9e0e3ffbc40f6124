import assert from 'node:assert/strict';
import { test } from 'node:test';
import { v1Writes, v2Writes } from '../../../helper/cgroup/controlFiles.js';
import { applyChanges, limitsOf, resourcesOf } from '../../../helper/cgroup/resources.js';
import { ErrorCode, type oci } from '../../../helper/protocol/index.js';

const MiB = 1024 * 1024;
const invalid = { code: ErrorCode.Invalid };
const askedOf = (resources: oci.Resources, name: string) => limitsOf(resources).values.get(name);

test("OCI's memory.swap is the sum, memory.swap.max swap alone", () => {
  const swap = (resources: oci.Resources) => askedOf(resources, 'memory.swap.max');
  assert.equal(swap({ memory: { limit: 100 * MiB, swap: 150 * MiB } }), String(50 * MiB));
  assert.equal(swap({ memory: { limit: 100 * MiB, swap: 100 * MiB } }), '0');
  assert.equal(swap({ memory: { limit: 100 * MiB, swap: -1 } }), 'max');
});

test('swap without memory, or below it, is refused', () => {
  assert.throws(() => limitsOf({ memory: { swap: 10 * MiB } }), invalid);
  assert.throws(() => limitsOf({ memory: { limit: 100 * MiB, swap: 50 * MiB } }), invalid);
});

test('0 is not given, -1 is no limit', () => {
  assert.deepEqual([...limitsOf({ memory: { limit: 0 }, cpu: { quota: 0, shares: 0 } }).values], []);
  assert.equal(askedOf({ memory: { limit: -1 } }, 'memory.max'), 'max');
  assert.equal(askedOf({ pids: { limit: -1 } }, 'pids.max'), 'max');
  assert.equal(askedOf({ cpu: { quota: -1 } }, 'cpu.max'), 'max 100000');
  assert.throws(() => limitsOf({ memory: { limit: -2 } }), invalid);
});

test('unified wins over the other fields', () => {
  const { values } = limitsOf({ pids: { limit: 5 }, unified: { 'pids.max': '7', 'memory.high': '1000000' } });
  assert.deepEqual(Object.fromEntries(values), { 'pids.max': '7', 'memory.high': '1000000' });
});

for (const file of [
  '../evil/pids.max',
  'cgroup.procs',
  'cgroup.kill',
  'cgroup.subtree_control',
  'pids',
  '',
  '..',
  'RLIMIT_AS',
]) {
  test(`unified ${JSON.stringify(file)} is refused: it is no limit of this cgroup`, () => {
    assert.throws(() => limitsOf({ unified: { [file]: '1' } }), invalid);
  });
}

const everything: oci.Resources = {
  memory: {
    limit: 100 * MiB,
    swap: 150 * MiB,
    reservation: MiB,
    kernel: 10 * MiB,
    swappiness: 10,
    disableOOMKiller: true,
  },
  cpu: { shares: 1000, quota: 5000, period: 20_000, burst: 4000, cpus: '0-1', mems: '0', idle: 0 },
  pids: { limit: 20 },
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 10 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: MiB }],
    throttleWriteIOPSDevice: [{ major: 9, minor: 1, rate: 100 }],
  },
  hugepageLimits: [{ pageSize: '2MB', limit: 2 * MiB }],
  rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 } },
  unified: { 'memory.high': '90000000', 'misc.max': 'sev 4' },
};

test('resources survive the way through limits and back', () => {
  assert.deepEqual(resourcesOf(limitsOf(everything)), everything);
});

test('a change of one limit leaves all others as they were written', () => {
  assert.deepEqual(applyChanges(everything, [{ name: 'pids.max', value: '30' }]), {
    ...everything,
    pids: { limit: 30 },
  });
});

test("every field becomes a file of its own, those of v1's in v1", () => {
  const { memory, ...rest } = everything;
  const files = (writes: { file: string; data: string }[]) => writes.map(({ file, data }) => `${file}=${data}`);
  assert.deepEqual(files(v2Writes(limitsOf({ ...rest, memory: { limit: 100 * MiB, swap: 150 * MiB } }))), [
    'memory.max=104857600',
    'memory.swap.max=52428800',
    'cpu.max=5000 20000',
    'cpu.max.burst=4000',
    'cpu.weight=99',
    'cpu.idle=0',
    'cpuset.cpus=0-1',
    'cpuset.mems=0',
    'pids.max=20',
    'io.max=8:0 rbps=1048576 wbps=max riops=max wiops=max',
    'io.max=9:1 rbps=max wbps=max riops=max wiops=100',
    'io.weight=default 4950',
    'io.weight=8:0 1',
    'hugetlb.2MB.max=2097152',
    'rdma.max=mlx5_1 hca_handle=3 hca_object=10000',
    'memory.high=90000000',
    'misc.max=sev 4',
  ]);
  const { unified, ...legacy } = everything;
  assert.deepEqual(files(v1Writes(limitsOf({ ...legacy, unified: { 'io.max': '8:0 wbps=5' } }))), [
    'memory.limit_in_bytes=104857600',
    'memory.memsw.limit_in_bytes=157286400',
    'memory.soft_limit_in_bytes=1048576',
    'memory.kmem.limit_in_bytes=10485760',
    'memory.swappiness=10',
    'cpu.cfs_period_us=20000',
    'cpu.cfs_quota_us=5000',
    'cpu.cfs_burst_us=4000',
    'cpu.shares=1000',
    'cpu.idle=0',
    'cpuset.cpus=0-1',
    'cpuset.mems=0',
    'pids.max=20',
    'blkio.throttle.write_bps_device=8:0 5',
    'blkio.bfq.weight=541',
    'blkio.bfq.weight_device=8:0 1',
    'hugetlb.2MB.limit_in_bytes=2097152',
    'rdma.max=mlx5_1 hca_handle=3 hca_object=10000',
    'memory.oom_control=1',
  ]);
});

test('what the other version has is refused at start', () => {
  const unavailable = { code: ErrorCode.Unavailable };
  assert.throws(() => v1Writes(limitsOf({ unified: { 'memory.high': '5000000' } })), unavailable);
  assert.throws(() => v2Writes(limitsOf({ memory: { swappiness: 10 } })), unavailable);
  assert.throws(() => v2Writes(limitsOf({ memory: { kernel: 5_000_000 } })), unavailable);
  assert.throws(() => v2Writes(limitsOf({ memory: { disableOOMKiller: true } })), unavailable);
});

test('a weight that OCI has no number for is kept in unified', () => {
  const resources: oci.Resources = { unified: { 'io.weight': 'default 100' } };
  assert.deepEqual(resourcesOf(limitsOf(resources)), resources);
});

test('changes are applied and leave the rest', () => {
  const changed = applyChanges({ memory: { limit: 100 * MiB, swap: 150 * MiB }, pids: { limit: 20 } }, [
    { name: 'memory.max', value: String(200 * MiB) },
    { name: 'cpu.max', value: '50000 100000' },
  ]);
  // Swap alone stays 50 MiB, so the sum moves.
  assert.deepEqual(changed, {
    memory: { limit: 200 * MiB, swap: 250 * MiB },
    cpu: { quota: 50_000, period: 100_000 },
    pids: { limit: 20 },
  });
});

test('a change is not overruled by what unified said before', () => {
  const changed = applyChanges({ unified: { 'pids.max': '7' } }, [{ name: 'pids.max', value: '9' }]);
  assert.deepEqual(changed, { pids: { limit: 9 } });
});

test('swap stays limited when the memory limit is cleared', () => {
  const changed = applyChanges({ memory: { limit: 100 * MiB, swap: 100 * MiB } }, [
    { name: 'memory.max', value: 'max' },
  ]);
  assert.deepEqual(changed, { unified: { 'memory.swap.max': '0' } });
});

test('a cleared limit is left out', () => {
  const cleared = [
    { name: 'io.max', value: '' },
    { name: 'io.weight', value: 'default 100' },
    { name: 'cpu.weight', value: '100' },
    { name: 'cpuset.cpus', value: '' },
    { name: 'memory.low', value: '0' },
  ];
  const changed = applyChanges(
    {
      blockIO: { weight: 500 },
      cpu: { shares: 50, cpus: '0' },
      memory: { reservation: MiB },
      unified: { 'io.max': '8:0 rbps=5' },
    },
    cleared,
  );
  assert.deepEqual(changed, {});
});

test('applying changes leaves its input alone', () => {
  const before: oci.Resources = { pids: { limit: 20 } };
  applyChanges(before, [{ name: 'pids.max', value: '5' }]);
  assert.deepEqual(before, { pids: { limit: 20 } });
});
