/**
 * Profiles as files: OCI's format (config-linux.md, "Seccomp"), and Docker's, which adds conditions on the container to rules, the
 * older `name` of a rule, and errnos by name. What depends on the container is decided here, so that a plain profile is left.
 */
import { constants } from 'node:os';
import { z } from 'zod';
import { ErrorCode, type oci, terrariumError } from '../../protocol/index.js';
import type { Architecture } from './architecture.js';

const action = z.enum([
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_LOG',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_KILL_PROCESS',
]);
const errnoRet = z.int().min(0).max(4095).exactOptional().describe('The errno of SCMP_ACT_ERRNO; default 1, EPERM');
const errnoName = z.string().refine((name) => Object.hasOwn(constants.errno, name), {
  error: 'is no errno; they are named as in errno(3): EPERM, ENOSYS, …',
});
const conditions = z.strictObject({
  caps: z.array(z.string()).nullish().describe('Capabilities in the container’s bounding set'),
  arches: z.array(z.string()).nullish().describe('Architectures as Go names them: amd64, arm64'),
  minKernel: z
    .string()
    .regex(/^\d+\.\d+/, 'the version of a kernel, such as 4.8')
    .exactOptional()
    .describe('The oldest kernel that it is about'),
});

/** A number of 64 bits; beyond 2^53 JSON's have lost bits, which the compiler refuses. */
const value = z.number().int().nonnegative();

export const seccompArguments = z
  .array(
    z.strictObject({
      index: z.int().min(0).max(5).describe('Which argument, from 0'),
      value: value.describe('What it is compared with; the mask of SCMP_CMP_MASKED_EQ'),
      valueTwo: value.optional().describe('What SCMP_CMP_MASKED_EQ compares with'),
      op: z
        .enum([
          'SCMP_CMP_NE',
          'SCMP_CMP_LT',
          'SCMP_CMP_LE',
          'SCMP_CMP_EQ',
          'SCMP_CMP_GE',
          'SCMP_CMP_GT',
          'SCMP_CMP_MASKED_EQ',
        ])
        .describe('How it is compared'),
    }),
  )
  .describe('Conditions on arguments, all of which must hold');

const rule = z
  .strictObject({
    names: z.array(z.string()).min(1).exactOptional().describe('System calls that the rule is about'),
    name: z.string().exactOptional().describe('The same, for one'),
    action: action.describe('What becomes of them'),
    errnoRet,
    errno: errnoName.exactOptional().describe('The errno of SCMP_ACT_ERRNO by name; errnoRet counts where both are'),
    args: seccompArguments.nullish(),
    comment: z.string().exactOptional().describe('A note of your own'),
    includes: conditions.exactOptional().describe('The rule is there only in containers with all of this'),
    excludes: conditions.exactOptional().describe('The rule is not there in containers with any of this'),
  })
  .refine(({ name, names }) => (name === undefined) !== (names === undefined), {
    error: 'a rule has "names", or the older "name", and not both',
  });

export const profileFileSchema = z
  .strictObject({
    $schema: z.string().exactOptional().describe('Address of a schema, for other editors'),
    defaultAction: action.describe('For calls that no rule names'),
    defaultErrnoRet: errnoRet,
    defaultErrno: errnoName.exactOptional().describe('The errno of the default action by name'),
    architectures: z
      .array(z.string())
      .exactOptional()
      .describe('Kept for others: filters are made for this machine’s own'),
    archMap: z
      .array(z.strictObject({ architecture: z.string(), subArchitectures: z.array(z.string()).nullish() }))
      .nullish()
      .describe('Kept for others: filters are made for this machine’s own'),
    flags: z.array(z.string()).exactOptional().describe('Kept for others: not used here'),
    listenerPath: z.string().exactOptional().describe('Kept for others: not used here'),
    listenerMetadata: z.string().exactOptional().describe('Kept for others: not used here'),
    syscalls: z.array(rule).nullish().describe('Rules; of several for a call the first that holds decides'),
  })
  .describe('A seccomp profile, in OCI’s or Docker’s format');

export type ProfileFile = z.infer<typeof profileFileSchema>;

/** What rules may depend on. */
export interface ProfileSubject {
  /** The bounding set. */
  capabilities: readonly string[];
  architecture: Architecture;
  /** As uname(2) has it. */
  kernel: string;
}

/** The plain profile that a file means for a container. Pure. @throws Invalid when it is no profile */
export function resolveProfile(file: unknown, subject: ProfileSubject): oci.Seccomp {
  const parsed = profileFileSchema.safeParse(file);
  if (!parsed.success) {
    throw terrariumError(ErrorCode.Invalid, 'The seccomp profile is not valid', {
      cause: z.prettifyError(parsed.error),
      fix: 'See the OCI runtime specification, config-linux.md, section Seccomp.',
    });
  }
  return plainProfile(parsed.data, ({ includes, excludes }) => applies(includes, excludes, subject));
}

type Rule = NonNullable<ProfileFile['syscalls']>[number];
type Conditions = z.infer<typeof conditions>;

/** With the rules that are wanted. Pure. */
export function plainProfile(file: ProfileFile, isWanted: (rule: Rule) => boolean = () => true): oci.Seccomp {
  const { defaultAction, defaultErrnoRet, defaultErrno, architectures, syscalls } = file;
  return {
    defaultAction: plainAction(defaultAction),
    ...errnoOf('defaultErrnoRet', defaultErrnoRet, defaultErrno),
    ...(architectures === undefined ? {} : { architectures }),
    syscalls: (syscalls ?? []).filter(isWanted).map((one) => ({
      names: one.names ?? [one.name ?? ''],
      action: plainAction(one.action),
      ...errnoOf('errnoRet', one.errnoRet, one.errno),
      ...(one.args === undefined || one.args === null || one.args.length === 0
        ? {}
        : {
            args: one.args.map(({ valueTwo, ...argument }) => ({
              ...argument,
              ...(valueTwo === undefined ? {} : { valueTwo }),
            })),
          }),
    })),
  };
}

/** SCMP_ACT_KILL is OCI's older name. */
const plainAction = (name: z.infer<typeof action>): oci.SeccompAction =>
  name === 'SCMP_ACT_KILL' ? 'SCMP_ACT_KILL_THREAD' : name;

function errnoOf<K extends string>(key: K, number: number | undefined, name: string | undefined) {
  const errno =
    number ?? (name === undefined ? undefined : Object.entries(constants.errno).find(([one]) => one === name)?.[1]);
  return (errno === undefined ? {} : { [key]: errno }) as Partial<Record<K, number>>;
}

const goArchitectures: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** As Docker decides it: profiles/seccomp/seccomp_linux.go of moby. */
function applies(includes: Conditions | undefined, excludes: Conditions | undefined, subject: ProfileSubject): boolean {
  const has = (name: string) => subject.capabilities.includes(name);
  const isHere = (name: string) => name === goArchitectures[subject.architecture];
  const excluded =
    (excludes?.caps ?? []).some(has) ||
    (excludes?.arches ?? []).some(isHere) ||
    (excludes?.minKernel !== undefined && isAtLeast(subject.kernel, excludes.minKernel));
  const arches = includes?.arches ?? [];
  return (
    !excluded &&
    (includes?.caps ?? []).every(has) &&
    (arches.length === 0 || arches.some(isHere)) &&
    (includes?.minKernel === undefined || isAtLeast(subject.kernel, includes.minKernel))
  );
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(/[.-]/).map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
