import type { oci } from '../protocol/index.js';
import { capabilityMask } from '../security/capabilities.js';
import { PROC_SUPER_MAGIC, type RlimitName, rlimitNumbers } from './constants.js';
import type { Step } from './step.js';

/** How the process gets to run: as itself, below an init of ours, or not at all. */
export type Execution =
  | { kind: 'execute'; supervise: boolean }
  /** PID 1 stays ours until it is told to end. */
  | { kind: 'stay' };

export interface PrivilegeInput {
  process: oci.Process;
  /** Compiled filter, empty for none. */
  seccomp: Uint8Array;
  /** Flags of seccomp(2) for it; default 0. */
  seccompFlags?: number | undefined;
  /** gidMappings: setgroups(2) is allowed only with a range. */
  identity: readonly oci.IdMapping[];
}

/** Everything a process gives up before it executes, in the one order that works; the same for init and for entered ones. */
export function privilegeSteps({ process, seccomp, seccompFlags = 0, identity }: PrivilegeInput): Step[] {
  const { capabilities, user } = process;
  const filter: Step[] = seccomp.length > 0 ? [{ kind: 'installSeccomp', filter: seccomp, flags: seccompFlags }] : [];
  return [
    ...(process.oomScoreAdj === undefined
      ? []
      : [
          {
            kind: 'writeFile',
            path: '/proc/self/oom_score_adj',
            data: String(process.oomScoreAdj),
            magic: PROC_SUPER_MAGIC,
          } as const,
        ]),
    ...(process.rlimits ?? []).map(
      (limit): Step => ({
        kind: 'setRlimit',
        resource: rlimitNumbers[limit.type as RlimitName],
        soft: BigInt(limit.soft),
        hard: BigInt(limit.hard),
      }),
    ),
    process.terminal === true
      ? {
          kind: 'openTerminal',
          rows: process.consoleSize?.height ?? 24,
          columns: process.consoleSize?.width ?? 80,
        }
      : { kind: 'setSession' },
    { kind: 'limitBoundingSet', keep: capabilityMask(capabilities.bounding) },
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it must come before that is given up.
    ...(process.noNewPrivileges ? [] : filter),
    {
      kind: 'setIds',
      uid: user.uid,
      gid: user.gid,
      groups: new Uint8Array(Uint32Array.from(user.additionalGids ?? []).buffer),
      setgroups: identity.length > 1 ? 1 : 0,
      keepCapabilities: user.uid !== 0 && capabilities.permitted.length > 0 ? 1 : 0,
      umask: user.umask ?? 0o022,
    },
    {
      kind: 'setCapabilities',
      effective: capabilityMask(capabilities.effective),
      permitted: capabilityMask(capabilities.permitted),
      inheritable: capabilityMask(capabilities.inheritable),
      ambient: capabilityMask(capabilities.ambient),
    },
    ...(process.noNewPrivileges ? [{ kind: 'setNoNewPrivileges' } as const, ...filter] : []),
  ];
}

/** The last steps: the working folder, then the command. */
export function executeSteps(process: oci.Process, execution: Execution): Step[] {
  const enterFolder: Step = { kind: 'changeDirectory', path: process.cwd };
  if (execution.kind === 'stay') return [enterFolder, { kind: 'stayInit' }];
  return [
    enterFolder,
    {
      kind: 'execute',
      paths: executablePaths(process.args[0] ?? '', process.env),
      args: process.args,
      env: process.env,
      supervise: execution.supervise ? 1 : 0,
    },
  ];
}

/** Where a command may be, as execvp(3) looks: in each folder of PATH, unless it names a folder itself or is empty. */
export function executablePaths(command: string, env: readonly string[]): string[] {
  if (command === '' || command.includes('/')) return [command];
  const path = env.find((variable) => variable.startsWith('PATH='))?.slice('PATH='.length) ?? '/usr/bin:/bin';
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}
