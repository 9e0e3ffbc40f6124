import { z } from 'zod';

/**
 * The part of the grammar on limits: `linux.resources` of the OCI runtime specification, as far as containers of an
 * ordinary user can have it. What the values mean and which contradict each other is in cgroup/resources.ts.
 */
const size = z.int().nonnegative();
const orUnlimited = z.int().min(-1);
const text = z.string().refine((value) => !value.includes('\0'), { error: 'A value must not contain a NUL character' });

const memory = z
  .strictObject({
    limit: orUnlimited.optional().describe('Bytes; -1: no limit. memory.max'),
    reservation: orUnlimited.optional().describe('Bytes that are spared while others have some to give. memory.low'),
    swap: orUnlimited.optional().describe('Bytes of memory and swap together; -1: no limit'),
    kernel: orUnlimited.optional().describe('cgroup v1 only, and newer kernels ignore it: bytes of the kernel’s own'),
    swappiness: z.int().min(0).max(200).optional().describe('cgroup v1 only: how readily memory is swapped out'),
    disableOOMKiller: z
      .boolean()
      .optional()
      .describe('cgroup v1 only: out of memory, processes wait instead of being killed'),
  })
  .describe('Limits of memory');

const cpu = z
  .strictObject({
    shares: z
      .int()
      .min(2)
      .max(262_144)
      .optional()
      .describe('Its share where CPUs are scarce; default 1024. cpu.weight'),
    quota: orUnlimited.optional().describe('Microseconds of CPU time per period; -1: no limit. cpu.max'),
    period: z.int().min(1000).max(1_000_000).optional().describe('Microseconds, default 100000'),
    burst: size.optional().describe('Microseconds that may be saved up and used beyond the quota. cpu.max.burst'),
    cpus: z.string().optional().describe('CPUs it may use, for instance 0-1,3. cpuset.cpus'),
    mems: z.string().optional().describe('Memory nodes it may use. cpuset.mems'),
    idle: z.int().min(0).max(1).optional().describe('1: runs only when nobody else wants the CPU. cpu.idle'),
  })
  .describe('Limits of CPU time');

const number = z.int().min(0).max(4_294_967_295);
const device = {
  major: number.describe('First part of the number of a whole disk: lsblk -d -o NAME,MAJ:MIN'),
  minor: number.describe('Second part'),
};
const blockWeight = z.int().min(10).max(1000);
const throttled = (what: string) =>
  z
    .array(z.strictObject({ ...device, rate: size.describe('Per second; 0: no limit') }))
    .optional()
    .describe(what);

const blockIO = z
  .strictObject({
    weight: blockWeight.optional().describe('Its share where a disk is busy, 10 to 1000. io.weight'),
    weightDevice: z
      .array(z.strictObject({ ...device, weight: blockWeight.optional().describe('10 to 1000') }))
      .optional()
      .describe('Shares of single disks. io.weight'),
    throttleReadBpsDevice: throttled('Bytes per second that may be read. io.max, rbps'),
    throttleWriteBpsDevice: throttled('Bytes per second that may be written. io.max, wbps'),
    throttleReadIOPSDevice: throttled('Reads per second. io.max, riops'),
    throttleWriteIOPSDevice: throttled('Writes per second. io.max, wiops'),
  })
  .describe('Limits of disks');

const hugepageLimits = z
  .array(
    z.strictObject({
      pageSize: z
        .string()
        .regex(/^[1-9]\d*[KMG]B$/, 'a size of the kernel such as 2MB or 1GB')
        .describe('As in the names of files: hugetlb.2MB.max'),
      limit: size.describe('Bytes'),
    }),
  )
  .describe('Limits of huge pages. hugetlb.*.max');

const rdma = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.-]+$/, 'the name of an RDMA device, such as mlx5_1'),
    z.strictObject({
      hcaHandles: number.optional().describe('Handles that may be opened'),
      hcaObjects: number.optional().describe('Objects that may be made'),
    }),
  )
  .describe('Limits of RDMA devices. rdma.max');

export const resources = z
  .strictObject({
    memory: memory.optional(),
    cpu: cpu.optional(),
    pids: z
      .strictObject({ limit: orUnlimited.describe('Processes and threads, at most; -1: no limit. pids.max') })
      .optional()
      .describe('How many processes it may have'),
    blockIO: blockIO.optional(),
    hugepageLimits: hugepageLimits.optional(),
    rdma: rdma.optional(),
    unified: z
      .record(
        z.string().regex(/^[a-z0-9_]+(\.[a-zA-Z0-9_]+)+$/, 'the name of a cgroup v2 file, such as memory.high'),
        text,
      )
      .optional()
      .describe('cgroup v2 files by name'),
  })
  .describe('Limits, in the words of the OCI runtime specification');
