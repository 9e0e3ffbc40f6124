import type { AttachTarget } from '../../helper/protocol/index.js';

/** What a terminal of ours is connected to. Kept over a window reload, after which only the editor's terminal is left. */
export interface TerminalRecord {
  /** Attach socket: there is one per process that can be attached to. */
  socket: string;
  /** Id of the container; absent for a process that is in none of ours. */
  container?: string;
  /**
   * `shell`: a shell of its own in the container; `entered`: the same, but with namespaces, privileges or a root of its own;
   * `main`: the container's own terminal; `log`: its output only.
   */
  use: 'shell' | 'entered' | 'main' | 'log';
  /** Host pid of the shell, which is hung up when its terminal is closed. */
  pid?: number;
  /** Its start time, clock ticks since boot, where it is not to be looked for among a container's. */
  startTime?: number;
  /** The name the terminal was given. */
  name: string;
}

/** What can be read of a terminal of the editor, also of one that was reconnected after a reload. */
export interface TerminalFacts {
  name: string;
  shellArgs: readonly string[];
  processId: number | undefined;
}

/** Records by the process id of the terminal: that of the attach program, which survives a reload. */
export type TerminalRecords = Readonly<Record<string, TerminalRecord>>;

/**
 * Finds what a terminal is connected to: by the socket among its arguments, or, where the editor kept no arguments
 * over a reload, by its process id together with its name, since process ids are recycled.
 */
export function recordOf(terminal: TerminalFacts, records: TerminalRecords): TerminalRecord | undefined {
  const all = Object.values(records);
  const bySocket = all.find(
    ({ socket, use }) => terminal.shellArgs.includes(socket) && (use === 'log') === isLog(terminal.shellArgs),
  );
  if (bySocket) {
    return bySocket;
  }
  const byProcess = terminal.processId === undefined ? undefined : records[String(terminal.processId)];
  return byProcess?.name === terminal.name ? byProcess : undefined;
}

/** Bytes of past output that a log terminal begins with. */
const replayed = 1024 ** 2;

/**
 * The arguments that make the attach program only follow the output of what `target` is connected to (docs/stage.md,
 * "Attach"). It holds nothing up: a log that nobody looks at must not stop the container.
 */
export function followArguments(target: AttachTarget): string[] {
  const [role = 'attach', ...options] = target.args;
  const replay = options.indexOf('--replay');
  const others = replay === -1 ? options : options.toSpliced(replay, 2);
  return [role, '--no-stdin', '--no-hold', '--replay', String(replayed), ...others];
}

function isLog(shellArgs: readonly string[]): boolean {
  return shellArgs.includes('--no-stdin');
}
