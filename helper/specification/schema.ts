import * as path from 'node:path/posix';
import { z } from 'zod';
import { rlimitNumbers } from '../plan/constants.js';
import { parseMountOptions } from '../plan/mountOptions.js';
import { type ContainerSpecification, ErrorCode, terrariumError } from '../protocol/index.js';
import { profileFileSchema } from '../security/seccomp/profileFile.js';
import { type NamespaceQuestion, namespaceChoices, refusedNamespaces } from './namespaces.js';
import { resources } from './resources.js';
import { refusedSysctl } from './sysctl.js';

/**
 * The grammar of `*.terrarium.json` and of every specification that arrives by a request. The descriptions reach the
 * editor as hovers and completion (a JSON schema is generated from this), so they are written for the person typing.
 */
const noNul = (what: string) =>
  z.string().refine((text) => !text.includes('\0'), { error: `${what} must not contain a NUL character` });
const absolutePath = noNul('A path').refine((path) => path.startsWith('/'), { error: 'must be an absolute path' });
const size = z.int().nonnegative();

export const containerNamePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const nameRule = 'letters, digits, ".", "_" and "-", at most 63, starting with a letter or digit';
export const name = z.string().regex(containerNamePattern, nameRule);
export const hostname = z
  .string()
  .regex(/^(?!-)[a-zA-Z0-9.-]{1,64}$/, 'a hostname has letters, digits, "-" and ".", at most 64 characters');
const capability = z.string().regex(/^CAP_[A-Z_]+$/, 'a capability such as CAP_NET_RAW');
const environment = noNul('A variable').regex(/^[^=]+=/s, 'NAME=value');

const root = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('host'),
        hide: z.array(absolutePath).optional().describe('Folders and files of this machine that are not seen'),
        show: z
          .array(absolutePath)
          .optional()
          .describe('Folders and files that are hidden by default, and shall be seen: below your home, for instance'),
      })
      .describe("This machine's own /, read-only, below a private layer"),
    z
      .strictObject({ kind: z.literal('image'), name: z.string().min(1).describe('Its name in the view Images') })
      .describe('An imported image'),
    z
      .strictObject({ kind: z.literal('directory'), path: absolutePath.describe('The folder; it is only read') })
      .describe('A folder with a root file system'),
  ])
  .describe('Where the root file system comes from');

/** Links inside are the stage's to find out; this is what can be said before. */
function refusedDestination(destination: string): string | undefined {
  const place = path.normalize(destination).replace(/(.)\/$/, '$1');
  return /^\/(proc|sys)(\/|$)/.test(place)
    ? 'nothing is mounted over /proc and /sys: programs must be able to rely on what they read there'
    : undefined;
}

const mount = z
  .strictObject({
    destination: absolutePath.describe('Where it appears in the container'),
    source: noNul('A source')
      .optional()
      .describe('A folder or file of this machine, for bind mounts; the name of a volume'),
    type: z
      .enum(['bind', 'tmpfs', 'volume'])
      .optional()
      .describe(
        'bind (default when there is a source), tmpfs, or volume: a folder kept by name, made when it is missing',
      ),
    options: z
      .array(noNul('An option'))
      .optional()
      .describe(
        'ro, rw, rbind, noexec, size=64m, …; they count for all mounts below the source, as rro and the like do',
      ),
  })
  .superRefine(({ type, destination, source, options = [] }, context) => {
    const parsed = parseMountOptions(options);
    const isBind = type === 'bind' || type === 'volume' || (type === undefined && source !== undefined);
    const refused = refusedDestination(destination);
    if (refused !== undefined) context.addIssue({ code: 'custom', path: ['destination'], message: refused });
    if (type === 'volume' && !containerNamePattern.test(source ?? '')) {
      context.addIssue({ code: 'custom', path: ['source'], message: `the name of a volume: ${nameRule}` });
    }
    if (options.some((option) => option === 'idmap' || option === 'ridmap' || option.startsWith('idmap='))) {
      context.addIssue({
        code: 'custom',
        path: ['options'],
        message:
          'ids of a mount are mapped by the kernel only for who has CAP_SYS_ADMIN in the user namespace of its file system, which for disks is root of the machine',
      });
      return;
    }
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

export const network = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }).describe('A network of its own with nothing but lo'),
    z.strictObject({ kind: z.literal('host') }).describe("This machine's network"),
    z
      .strictObject({ kind: z.literal('container'), container: z.string().min(1).describe('Name of one that runs') })
      .describe("Another container's"),
    z
      .strictObject({
        kind: z.literal('process'),
        pid: z.int().positive().describe('A process of yours, as ps shows it on this machine'),
      })
      .describe('That of any process of yours'),
    z
      .strictObject({
        kind: z.literal('bridge'),
        network: name.describe('Name of a network: see terrarium network list'),
        address: z
          .ipv4()
          .exactOptional()
          .describe('An IPv4 address of the network’s subnet; default: one that is free'),
      })
      .describe('A network of its own, connected to those of other containers by a named network'),
  ])
  .describe('Which network the container sees');

const namespace = z
  .union([
    z.enum(['new', 'host']),
    z
      .strictObject({ container: z.string().min(1).describe('Name of one that runs') })
      .describe("A running container's"),
    z
      .strictObject({
        process: z.int().positive().describe('A process of yours, by its pid on this machine'),
      })
      .describe("Any process's"),
  ])
  .describe('"new", "host" (this machine’s), { "container": NAME } or { "process": PID }');
const namespaces = z
  .strictObject({
    mount: namespace.optional().describe('What is mounted where'),
    uts: namespace.optional().describe('The host name'),
    ipc: namespace.optional().describe('System V objects and POSIX queues'),
    pid: namespace.optional().describe('The processes that it sees'),
    user: namespace.optional().describe('Users and groups, and what root may do'),
    cgroup: namespace.optional().describe('Which control group it takes for the topmost'),
    time: namespace.optional().describe('The clocks since boot'),
  })
  .describe('Whose namespaces it is in, where they are not new ones');

const port = z.int().min(1).max(65_535);
export const portMapping = z.strictObject({
  hostPort: port.describe('The port on this machine; below 1024 most machines refuse it'),
  containerPort: port.describe('The port in the container, at its 127.0.0.1'),
  protocol: z.enum(['tcp', 'udp']).exactOptional().describe('Default: tcp'),
  address: z
    .union([z.ipv4(), z.ipv6()])
    .exactOptional()
    .describe('Address of this machine to listen at; default: 127.0.0.1, which other machines do not reach'),
});

const offset = z.strictObject({
  secs: z.int().describe('Seconds ahead of the machine’s clock; below zero: behind it'),
  nanosecs: z.int().min(0).max(999_999_999).describe('Nanoseconds beyond the seconds'),
});

const rlimit = z
  .strictObject({
    type: z.enum(Object.keys(rlimitNumbers) as [keyof typeof rlimitNumbers, ...(keyof typeof rlimitNumbers)[]]),
    soft: size.describe('What counts; a process may raise it up to the hard limit'),
    hard: size.describe('What nobody inside can go beyond'),
  })
  .refine((limit) => limit.soft <= limit.hard, { error: 'the soft limit is above the hard limit' });

const seccompChoice = z
  .strictObject({
    // What has one is a profile itself: else that would be told of its fields, as if they were strange here.
    defaultAction: z.never().optional(),
    profile: z
      .union([
        z.literal('default'),
        absolutePath.describe('A file with a profile, such as ./strict.seccomp.json'),
        profileFileSchema,
      ])
      .exactOptional()
      .describe('default, a file with a profile in OCI’s or Docker’s format, or the profile itself'),
    allow: z
      .array(z.string().regex(/^[a-z0-9_]+$/, 'the name of a system call'))
      .exactOptional()
      .describe('System calls that are let through whatever the profile says of them'),
    notify: z
      .boolean()
      .exactOptional()
      .describe('Count the calls that are refused with EPERM by program, and show them'),
  })
  .describe('A profile, with calls of your own choice let through');
export const specificationSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Address of a schema, for other editors'),
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
    cwd: absolutePath.optional().describe('The folder it starts in'),
    user: z.string().min(1).optional().describe('name, uid, name:group or uid:gid, as inside the root'),
    terminal: z.boolean().optional().describe('Give the command a terminal'),
    mounts: z.array(mount).optional().describe('Folders and files put into the container, in this order'),
    ports: z.array(portMapping).optional().describe('Ports of it that this machine listens at'),
    network: network.optional(),
    namespaces: namespaces.optional(),
    timeOffsets: z
      .strictObject({
        monotonic: offset.optional().describe('CLOCK_MONOTONIC'),
        boottime: offset.optional().describe('CLOCK_BOOTTIME, and with it uptime'),
      })
      .optional()
      .describe('A time namespace: how far its clocks since boot are ahead'),
    pod: name.optional().describe('A pod: containers that share namespaces and limits. It has to be there'),
    group: name.optional().describe('A group of containers, which can have limits for all of them together'),
    resources: resources.optional(),
    rlimits: z.array(rlimit).optional().describe('Limits of setrlimit(2), for each process by itself'),
    capabilities: z
      .strictObject({
        add: z.array(capability).optional().describe('Beyond the default set'),
        drop: z.array(capability).optional().describe('Of the default set'),
      })
      .optional()
      .describe('Changes to the default set'),
    seccomp: z
      .union([z.enum(['default', 'unconfined']), profileFileSchema, seccompChoice])
      .optional()
      .describe(
        'Which system calls are let through: the built-in profile, unconfined, a profile in OCI’s words, or one with exceptions',
      ),
    noNewPrivileges: z.boolean().optional().describe('No program can gain privileges, by setuid for one'),
    nestedNamespaces: z
      .boolean()
      .optional()
      .describe('User namespaces made inside: true lets the default filter through, false has the kernel allow none'),
    maskedPaths: z.array(absolutePath).optional().describe('What is hidden, instead of the default list'),
    readonlyPaths: z.array(absolutePath).optional().describe('What cannot be written, instead of the default list'),
    sysctl: z
      .record(
        z.string().regex(/^[a-z0-9_-]+([./][a-zA-Z0-9_-]+)+$/, 'the name of a setting, such as net.core.somaxconn'),
        noNul('A value'),
      )
      .optional()
      .describe('Kernel settings of its own namespaces'),
    oomScoreAdj: z
      .int()
      .min(-1000)
      .max(1000)
      .optional()
      .describe('Who is killed first when memory runs out: higher is sooner'),
    chroot: z.boolean().optional().describe('chroot instead of pivot_root: weak on purpose, to compare'),
    init: z.boolean().optional().describe('A small init as PID 1 that reaps orphans and forwards signals'),
    annotations: z.record(z.string().min(1), z.string()).optional().describe('Notes of your own'),
  })
  .describe('A Terrarium container. Everything has a default')
  .superRefine(({ sysctl = {}, ports = [], nestedNamespaces, ...specification }, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    const question = specification as NamespaceQuestion;
    const { network, user } = namespaceChoices(question);
    if (ports.length > 0 && network === 'host') {
      refuse(['ports'], 'it has this machine’s network: its ports are this machine’s, and need not be published');
    }
    for (const { type, message } of refusedNamespaces(question)) {
      refuse(type === 'network' ? ['network'] : ['namespaces', type], message);
    }
    if (nestedNamespaces === false && user !== 'new') {
      refuse(['nestedNamespaces'], 'how many can be made is a setting of the user namespace, which is another’s');
    }
    for (const key of Object.keys(sysctl)) {
      const refused = refusedSysctl(key, question);
      if (refused !== undefined) refuse(['sysctl', key], refused);
    }
  });

export type CheckedSpecification =
  | { success: true; specification: ContainerSpecification }
  | { success: false; error: z.ZodError };

/** Holds anything against the grammar. */
export function checkSpecification(input: unknown): CheckedSpecification {
  const result = specificationSchema.safeParse(input);
  if (!result.success) return result;
  const { $schema, ...specification } = result.data;
  return { success: true, specification: specification as ContainerSpecification };
}

/**
 * Checks what came from outside. Throws `Invalid` with one sentence per problem, each naming where it is.
 */
export function parseSpecification(input: unknown): ContainerSpecification {
  const result = checkSpecification(input);
  if (result.success) return result.specification;
  const problems = result.error.issues.map((issue) => {
    const where = issue.path.map(String).join('.');
    return where === '' ? issue.message : `${where}: ${issue.message}`;
  });
  throw terrariumError(ErrorCode.Invalid, `The specification is not valid: ${problems.join('; ')}`, {
    cause: problems.join('\n'),
    fix: 'Correct the fields named above.',
  });
}
