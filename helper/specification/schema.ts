import { z } from 'zod';
import { rlimitNumbers } from '../plan/constants.js';
import { parseMountOptions } from '../plan/mountOptions.js';
import { type ContainerSpecification, ErrorCode, terrariumError } from '../protocol/index.js';

/**
 * The grammar of `*.terrarium.json` and of every specification that arrives by a request. The descriptions reach the
 * editor as hovers and completion (a JSON schema is generated from this), so they are written for the person typing.
 */
const noNul = (what: string) =>
  z.string().refine((text) => !text.includes('\0'), { error: `${what} must not contain a NUL character` });
const absolutePath = noNul('A path').refine((path) => path.startsWith('/'), { error: 'must be an absolute path' });
const size = z.int().nonnegative();

export const containerNamePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const name = z
  .string()
  .regex(containerNamePattern, 'letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit');
const hostname = z
  .string()
  .regex(/^(?!-)[a-zA-Z0-9.-]{1,64}$/, 'a hostname has letters, digits, "-" and ".", at most 64 characters');
const capability = z.string().regex(/^CAP_[A-Z_]+$/, 'a capability such as CAP_NET_RAW');
const environment = noNul('A variable').regex(/^[^=]+=/s, 'NAME=value');

const root = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('host') }).describe("This machine's own /, read-only, below a private layer"),
    z.strictObject({ kind: z.literal('image'), name: z.string().min(1) }).describe('An imported image'),
    z.strictObject({ kind: z.literal('directory'), path: absolutePath }).describe('A folder with a root file system'),
  ])
  .describe('Where the root file system comes from');

const mount = z
  .strictObject({
    destination: absolutePath.describe('Where it appears in the container'),
    source: noNul('A source').optional().describe('A folder or file of this machine, for bind mounts'),
    type: z.enum(['bind', 'tmpfs']).optional().describe('bind (default when there is a source) or tmpfs'),
    options: z.array(noNul('An option')).optional().describe('ro, rw, rbind, noexec, size=64m, …'),
  })
  .superRefine(({ type, source, options = [] }, context) => {
    const parsed = parseMountOptions(options);
    const isBind = type === 'bind' || (type === undefined && source !== undefined);
    if (isBind && source === undefined) {
      context.addIssue({ code: 'custom', path: ['source'], message: 'a bind mount needs a source' });
    }
    if (!isBind && parsed.bind) {
      context.addIssue({ code: 'custom', path: ['options'], message: 'bind and rbind are not for a tmpfs' });
    }
    // The kernel would not be asked, and a misspelled "ro" must not end in a folder that can be written.
    if (isBind && parsed.data !== '') {
      context.addIssue({ code: 'custom', path: ['options'], message: `"${parsed.data}" is no option of a bind mount` });
    }
  });

const network = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }).describe('A network of its own with nothing but lo'),
    z.strictObject({ kind: z.literal('host') }).describe("This machine's network"),
    z.strictObject({ kind: z.literal('container'), container: z.string().min(1) }).describe("Another container's"),
  ])
  .describe('Which network the container sees');

const offset = z.strictObject({ secs: z.int(), nanosecs: z.int().min(0).max(999_999_999) });

const resources = z
  .strictObject({
    memory: z
      .strictObject({
        limit: size.optional().describe('Bytes. memory.max'),
        reservation: size.optional().describe('Bytes. memory.low'),
        swap: z.int().min(-1).optional().describe('Bytes of memory and swap together; -1: no limit'),
      })
      .optional(),
    cpu: z
      .strictObject({
        shares: z.int().min(2).max(262_144).optional(),
        quota: z.int().min(-1).optional().describe('Microseconds per period'),
        period: z.int().min(1000).max(1_000_000).optional().describe('Microseconds, default 100000'),
        cpus: z.string().optional().describe('For instance 0-1,3'),
        mems: z.string().optional(),
      })
      .optional(),
    pids: z.strictObject({ limit: z.int().min(-1) }).optional(),
    unified: z
      .record(
        z.string().regex(/^[a-z0-9]+(\.[a-zA-Z0-9_.-]+)+$/, 'the name of a cgroup v2 file, such as memory.high'),
        noNul('A value'),
      )
      .optional()
      .describe('cgroup v2 files by name'),
  })
  .describe('Limits, in the words of the OCI runtime specification');

const rlimit = z
  .strictObject({
    type: z.enum(Object.keys(rlimitNumbers) as [keyof typeof rlimitNumbers, ...(keyof typeof rlimitNumbers)[]]),
    soft: size,
    hard: size,
  })
  .refine((limit) => limit.soft <= limit.hard, { error: 'the soft limit is above the hard limit' });

const seccompAction = z.enum([
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_LOG',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_KILL_PROCESS',
]);
const seccomp = z.strictObject({
  defaultAction: seccompAction,
  defaultErrnoRet: z.int().min(0).max(4095).optional(),
  architectures: z.array(z.string()).optional(),
  syscalls: z
    .array(
      z.strictObject({
        names: z.array(z.string()).min(1),
        action: seccompAction,
        errnoRet: z.int().min(0).max(4095).optional(),
        args: z
          .array(
            z.strictObject({
              index: z.int().min(0).max(5),
              value: size,
              valueTwo: size.optional(),
              op: z.enum([
                'SCMP_CMP_NE',
                'SCMP_CMP_LT',
                'SCMP_CMP_LE',
                'SCMP_CMP_EQ',
                'SCMP_CMP_GE',
                'SCMP_CMP_GT',
                'SCMP_CMP_MASKED_EQ',
              ]),
            }),
          )
          .optional(),
      }),
    )
    .optional(),
});

export const specificationSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: name.optional().describe('Default: a name made up for you'),
    root: root.optional(),
    writable: z
      .enum(['overlay', 'tmpfs', 'none'])
      .optional()
      .describe('What becomes of writes: kept in a layer of its own, kept in memory until it ends, or refused'),
    hostname: hostname.optional().describe('Default: the name'),
    args: z
      .array(noNul('An argument'))
      .optional()
      .describe('The command. Empty: the container stays up until it is stopped'),
    env: z.array(environment).optional().describe('NAME=value; added to the defaults of the root'),
    cwd: absolutePath.optional(),
    user: z.string().min(1).optional().describe('name, uid, name:group or uid:gid, as inside the root'),
    terminal: z.boolean().optional().describe('Give the command a terminal'),
    mounts: z.array(mount).optional(),
    network: network.optional(),
    shareHost: z
      .array(z.enum(['uts', 'ipc', 'pid', 'cgroup', 'time']))
      .optional()
      .describe('Namespaces to share with this machine instead of making new ones'),
    timeOffsets: z.strictObject({ monotonic: offset.optional(), boottime: offset.optional() }).optional(),
    resources: resources.optional(),
    rlimits: z.array(rlimit).optional(),
    capabilities: z
      .strictObject({ add: z.array(capability).optional(), drop: z.array(capability).optional() })
      .optional()
      .describe('Changes to the default set'),
    seccomp: z.union([z.enum(['default', 'unconfined']), seccomp]).optional(),
    noNewPrivileges: z.boolean().optional(),
    maskedPaths: z.array(absolutePath).optional(),
    readonlyPaths: z.array(absolutePath).optional(),
    sysctl: z.record(z.string().regex(/^[a-z0-9_-]+([./][a-zA-Z0-9_-]+)+$/), noNul('A value')).optional(),
    oomScoreAdj: z.int().min(-1000).max(1000).optional(),
    chroot: z.boolean().optional().describe('chroot instead of pivot_root: weak on purpose, to compare'),
    init: z.boolean().optional().describe('A small init as PID 1 that reaps orphans and forwards signals'),
    annotations: z.record(z.string().min(1), z.string()).optional(),
  })
  .describe('A Terrarium container. Everything has a default');

/**
 * Checks what came from outside. Throws `Invalid` with one sentence per problem, each naming where it is.
 */
export function parseSpecification(input: unknown): ContainerSpecification {
  const result = specificationSchema.safeParse(input);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const where = issue.path.map(String).join('.');
      return where === '' ? issue.message : `${where}: ${issue.message}`;
    });
    throw terrariumError(ErrorCode.Invalid, `The specification is not valid: ${problems.join('; ')}`, {
      cause: problems.join('\n'),
      fix: 'Correct the fields named above.',
    });
  }
  const { $schema, ...specification } = result.data;
  return specification as ContainerSpecification;
}
