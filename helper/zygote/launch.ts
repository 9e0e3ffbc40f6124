import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { type Identity, mapArgument } from './identity.js';

/** The zygote could not be made: which call failed, for the doctor and for the person. */
export class ZygoteError extends Error {
  constructor(
    readonly syscall: string,
    readonly errno: string,
    text: string,
  ) {
    super(text);
  }
}

export interface LaunchOptions {
  /** The stage's program. */
  stage: string;
  socket: string;
  runtime: string;
  identity: Identity;
  /** Start it as a transient service of systemd --user, in a delegated cgroup. */
  service: boolean;
  /** A process whose user namespace it is to sit in, instead of a new one. */
  inside?: ProcessIdentity;
}

const startLimitMilliseconds = 10_000;

/** Whether this user has a systemd of their own to ask. */
export function hasUserManager(environment: NodeJS.ProcessEnv): boolean {
  return (
    environment.XDG_RUNTIME_DIR !== undefined && existsSync(path.join(environment.XDG_RUNTIME_DIR, 'systemd/private'))
  );
}

/**
 * The name of a zygote's socket tells what it is made of. After an update of the program or of /etc/subuid another one
 * is started beside it; what the old one started runs on.
 */
export async function zygoteSocket(
  runtime: string,
  stage: string,
  identity: Identity,
  service: boolean,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await fs.readFile(stage));
  hash.update(JSON.stringify([identity.uidMappings, identity.gidMappings, service]));
  return path.join(runtime, `zygote-${hash.digest('hex').slice(0, 16)}.sock`);
}

/** The socket of a zygote that takes the place of one that was killed, by the user namespace it sits in. */
export function standInSocket(runtime: string, userNamespace: string): string {
  return path.join(runtime, `zygote-${createHash('sha256').update(userNamespace).digest('hex').slice(0, 16)}.sock`);
}

/**
 * Starts a zygote outside of this process's tree and waits until it listens. Answers its pid.
 * @throws ZygoteError when the kernel refuses the user namespace.
 */
export async function launchZygote(options: LaunchOptions): Promise<number> {
  const ready = path.join(options.runtime, `ready-${randomBytes(4).toString('hex')}.sock`);
  const report = listenForReport(ready);
  const abandoned = new AbortController();
  try {
    await report.listening;
    const { stage, identity, inside } = options;
    const place =
      inside === undefined
        ? ['--uid-map', mapArgument(identity.uidMappings), '--gid-map', mapArgument(identity.gidMappings)]
        : ['--entered'];
    const zygote = [
      ...(inside === undefined ? [] : [stage, 'enter', `${inside.pid}:${inside.startTime}`, '--']),
      ...[stage, 'zygote', '--socket', options.socket, '--ready', ready, ...place],
    ];
    const starter = options.service
      ? runAsService(zygote, abandoned.signal)
      : runOnce([...zygote, '--daemonize'], abandoned.signal);
    // Whichever comes first: the zygote's own word, or the failure of what should have started it.
    const line = await Promise.race([report.line, starter.then(() => report.line)]);
    return parseReport(line);
  } catch (error) {
    // A bus that does not answer would keep systemd-run waiting for ever.
    abandoned.abort();
    throw error;
  } finally {
    await report.close();
  }
}

/** The unit's name is never used twice: an old one lives on for as long as containers are in its cgroup. */
export function runAsService(command: readonly string[], signal: AbortSignal): Promise<void> {
  const service = [
    'systemd-run',
    '--user',
    '--quiet',
    '--collect',
    `--unit=terrarium-${randomBytes(4).toString('hex')}`,
    '--description=Terrarium containers',
    '--property=Delegate=yes',
    // The zygote's death must not take the containers with it, nor must the kill of one for lack of memory.
    '--property=KillMode=process',
    '--property=OOMPolicy=continue',
    '--property=TasksMax=infinity',
    '--',
    ...command,
  ];
  return runOnce(service, signal);
}

export function runOnce(command: readonly string[], signal: AbortSignal): Promise<void> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
      env: cleanEnvironment(),
      signal,
    });
    let complaint = '';
    child.stderr.on('data', (part: Buffer) => {
      complaint = (complaint + part.toString()).slice(-2000);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ZygoteError('execve', error.code ?? 'EIO', `${program} could not be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else {
        const text = `${path.basename(program)} ended with ${signal ?? code}: ${complaint.trim()}`;
        reject(new ZygoteError('execve', 'ECHILD', text));
      }
    });
  });
}

/** What outlives the editor must not carry the editor's variables. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'USER', 'LANG', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function parseReport(line: string): number {
  const ok = /^ok (\d+)$/.exec(line);
  if (ok?.[1] !== undefined) return Number(ok[1]);
  const failure = /^error (\S+) (\S+) ?(.*)$/.exec(line);
  if (failure !== null) throw new ZygoteError(failure[1] ?? '', failure[2] ?? '', failure[3] ?? '');
  throw terrariumError(ErrorCode.Internal, `The zygote reported something unknown: ${JSON.stringify(line)}`);
}

function listenForReport(socket: string): { listening: Promise<void>; line: Promise<string>; close(): Promise<void> } {
  const server = createServer();
  let timer: NodeJS.Timeout | undefined;
  const line = new Promise<string>((resolve, reject) => {
    timer = setTimeout(() => {
      reject(new ZygoteError('connect', 'ETIMEDOUT', `no report within ${startLimitMilliseconds / 1000} s`));
    }, startLimitMilliseconds);
    server.once('connection', (connection) => {
      let text = '';
      connection.on('data', (part) => {
        text += part.toString();
      });
      connection.once('end', () => resolve(text.trim()));
      connection.once('error', reject);
    });
    server.once('error', reject);
  });
  // Who waits for it may have given up before it comes.
  line.catch(() => undefined);
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    listening,
    line,
    close: () => {
      clearTimeout(timer);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
