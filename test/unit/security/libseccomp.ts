/** The machine's libseccomp, to hold our compiler against: libseccomp.so.2, seccomp_init(3) and the pages it refers to. */
import { closeSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import type { oci } from '../../../helper/protocol/index.js';
import { type Architecture, auditArchitecture } from '../../../helper/security/seccomp/architecture.js';
import { verdict } from '../../../helper/security/seccomp/verdict.js';
import { memfdCreate } from '../../../native/bindings/memfd.js';

/** enum scmp_filter_attr. */
const SCMP_FLTATR_ACT_BADARCH = 2;
const SCMP_FLTATR_CTL_OPTIMIZE = 8;
const binaryTree = 2;
const killProcess = 0x80000000;
/** __NR_SCMP_ERROR: no architecture has the name. Other negative numbers: this one has not. */
const noSuchName = -1;
const sizeOfComparison = 24;

/** enum scmp_compare. */
const comparisons: Record<oci.SeccompArgument['op'], number> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

type Context = object;

export interface Libseccomp {
  version: string;
  /** Number of a name; undefined when this library does not know it, or the architecture has no such call. */
  numberOf(name: string, architecture: Architecture): number | undefined;
  /** Compiles by its binary tree, which is the quicker of its two ways. Calls of a foreign architecture end the process. */
  compile(profile: oci.Seccomp, architecture: Architecture): Uint8Array;
}

/** Undefined where the machine has none. */
export function loadLibseccomp(): Libseccomp | undefined {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libseccomp.so.2');
  } catch (error) {
    // koffi's only message for what the loader could not find.
    if (error instanceof Error && /libseccomp\.so\.2/.test(error.message)) return undefined;
    throw error;
  }
  const call = (declaration: string) => library.func(declaration);
  const versionOf = call('void *seccomp_version()');
  const init = call('void *seccomp_init(uint32_t action)');
  const release = call('void seccomp_release(void *context)');
  const setAttribute = call('int seccomp_attr_set(void *context, int attribute, uint32_t value)');
  const addArchitecture = call('int seccomp_arch_add(void *context, uint32_t token)');
  const removeArchitecture = call('int seccomp_arch_remove(void *context, uint32_t token)');
  const nativeArchitecture = call('uint32_t seccomp_arch_native()');
  const resolve = call('int seccomp_syscall_resolve_name(str name)');
  const resolveFor = call('int seccomp_syscall_resolve_name_arch(uint32_t token, str name)');
  const addRule = call(
    'int seccomp_rule_add_array(void *context, uint32_t action, int number, uint count, void *args)',
  );
  const exportFilter = call('int seccomp_export_bpf(void *context, int fd)');

  const succeed = (result: number, what: string) => {
    if (result < 0) throw new Error(`${what}: ${result}`);
  };

  const fill = (context: Context, profile: oci.Seccomp, architecture: Architecture) => {
    const token = auditArchitecture[architecture];
    const native = nativeArchitecture() as number;
    if (native !== token) {
      succeed(addArchitecture(context, token), 'seccomp_arch_add');
      succeed(removeArchitecture(context, native), 'seccomp_arch_remove');
    }
    succeed(setAttribute(context, SCMP_FLTATR_ACT_BADARCH, killProcess), 'badarch');
    succeed(setAttribute(context, SCMP_FLTATR_CTL_OPTIMIZE, binaryTree), 'optimize');
    const fallback = verdict(profile.defaultAction, profile.defaultErrnoRet);
    for (const rule of profile.syscalls ?? []) {
      const action = verdict(rule.action, rule.errnoRet);
      // A rule that says what holds anyway is refused (EACCES).
      if (action === fallback) continue;
      for (const name of rule.names) {
        if (resolveFor(token, name) < 0) continue;
        const args = comparisonsOf(rule.args ?? []);
        const count = args.length / sizeOfComparison;
        succeed(addRule(context, action, resolve(name), count, args), `seccomp_rule_add_array ${name}`);
      }
    }
  };

  return {
    version: (koffi.decode(versionOf(), 'uint32_t', 3) as number[]).join('.'),
    numberOf: (name, architecture) => {
      const number = resolveFor(auditArchitecture[architecture], name) as number;
      return number <= noSuchName ? undefined : number;
    },
    compile: (profile, architecture) => {
      const context = init(verdict(profile.defaultAction, profile.defaultErrnoRet)) as Context | null;
      if (context === null) throw new Error('seccomp_init');
      const memory = memfdCreate('libseccomp');
      try {
        fill(context, profile, architecture);
        succeed(exportFilter(context, memory), 'seccomp_export_bpf');
        return readFileSync(`/proc/self/fd/${memory}`);
      } finally {
        closeSync(memory);
        release(context);
      }
    },
  };
}

/** struct scmp_arg_cmp[]. */
function comparisonsOf(args: readonly oci.SeccompArgument[]): Buffer {
  const buffer = Buffer.alloc(args.length * sizeOfComparison);
  for (const [position, { index, op, value, valueTwo = 0 }] of args.entries()) {
    const at = position * sizeOfComparison;
    buffer.writeUInt32LE(index, at);
    buffer.writeUInt32LE(comparisons[op], at + 4);
    buffer.writeBigUInt64LE(BigInt(value), at + 8);
    buffer.writeBigUInt64LE(BigInt(valueTwo), at + 16);
  }
  return buffer;
}
