import { promises as fs, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { flock } from '../../native/bindings/flock.js';
import { signalProcess } from '../inspect/signal.js';
import { isAlive, processIdentity } from '../inspect/stat.js';
import type { Plan } from '../plan/step.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { type Exchange, findListener, sendPlan } from './connection.js';
import type { Identity } from './identity.js';
import { hasUserManager, launchZygote, standInSocket, ZygoteError, zygoteSocket } from './launch.js';

export interface ZygoteOptions {
  stage: string;
  runtime: string;
  identity: Identity;
  log(message: string): void;
}

/** Who started a container, and who watches it. */
export interface Origin {
  zygotePid: number;
  monitor: ProcessIdentity;
}

/** The one zygote of this user, shared by all helpers: found when it is there, started when it is needed. */
export class Zygote {
  private ready: Promise<{ socket: string; pid: number }> | undefined;
  private refusal: string | undefined;

  constructor(private readonly options: ZygoteOptions) {}

  /** Pid of the zygote, started if need be: the process that holds the user namespace. */
  async pid(): Promise<number> {
    return (await this.find()).pid;
  }

  /** Whether the zygote is there, without starting one. */
  async isRunning(): Promise<boolean> {
    const { stage, runtime, identity } = this.options;
    const socket = await zygoteSocket(runtime, stage, identity, hasUserManager(process.env));
    return (await findListener(socket)) !== undefined;
  }

  /** What systemd --user said when it was asked in vain to start the zygote that is there; only who asked knows. */
  get serviceRefusal(): string | undefined {
    return this.refusal;
  }

  /** Carries out a plan. A zygote that is gone is replaced once. */
  async carryOut(plan: Plan): Promise<Exchange> {
    const { socket } = await this.find();
    try {
      return await sendPlan(socket, plan);
    } catch (error) {
      if (!isNobodyThere(error)) throw error;
      this.ready = undefined;
      return sendPlan((await this.find()).socket, plan);
    }
  }

  /**
   * Carries out a plan by the zygote that started a container: only there is a container's user namespace a child of the
   * one we are in. After an update of the program it is another than the one that starts new containers. In the place of
   * one that was killed comes another in the same user namespace, which the container's monitor keeps.
   */
  async carryOutBy({ zygotePid, monitor }: Origin, plan: Plan): Promise<Exchange> {
    const current = await this.find();
    if (zygotePid === current.pid) {
      try {
        return await sendPlan(current.socket, plan);
      } catch (error) {
        if (!isNobodyThere(error)) throw error;
        this.ready = undefined;
      }
    }
    const socket = (await this.socketOf(zygotePid)) ?? (await this.standIn(monitor));
    // Without its monitor nobody is left in that user namespace: ours says what it cannot do.
    return socket === undefined ? this.carryOut(plan) : sendPlan(socket, plan);
  }

  /**
   * Carries out a plan by a zygote in the user namespace of a process, which is not below ours; it is started if need be.
   * Answers the pid of that zygote, too. @throws NotFound when the process has ended
   */
  async carryOutIn(process: ProcessIdentity, plan: Plan): Promise<{ exchange: Exchange; zygotePid: number }> {
    const socket = await this.standIn(process);
    const zygotePid = socket === undefined ? undefined : await findListener(socket);
    if (socket === undefined || zygotePid === undefined) {
      throw terrariumError(
        ErrorCode.NotFound,
        `Process ${process.pid}, whose user namespace is to be joined, has ended`,
        {
          fix: 'Make a new container that names a process that runs.',
        },
      );
    }
    return { exchange: await sendPlan(socket, plan), zygotePid };
  }

  /** The socket of a zygote in the user namespace of a process, started if need be; undefined when the process is gone. */
  private async standIn(process: ProcessIdentity): Promise<string | undefined> {
    const namespace = userNamespaceOf(process);
    if (namespace === undefined) return undefined;
    const socket = standInSocket(this.options.runtime, namespace);
    return this.locked(async () => {
      if ((await findListener(socket)) !== undefined) return socket;
      const pid = await this.start(socket, hasUserManager(globalThis.process.env), process);
      this.options.log(`zygote ${pid} is in ${namespace}, beside the one of new containers`);
      return socket;
    });
  }

  private async socketOf(pid: number): Promise<string | undefined> {
    for (const socket of await this.sockets()) if ((await findListener(socket)) === pid) return socket;
    return undefined;
  }

  private async sockets(): Promise<string[]> {
    const { runtime } = this.options;
    const names = await fs.readdir(runtime);
    return names.filter((name) => /^zygote-[0-9a-f]{16}\.sock$/.test(name)).map((name) => path.join(runtime, name));
  }

  private find(): Promise<{ socket: string; pid: number }> {
    this.ready ??= this.findOrStart().catch((error: unknown) => {
      this.ready = undefined;
      throw error;
    });
    return this.ready;
  }

  private async findOrStart(): Promise<{ socket: string; pid: number }> {
    const { stage, runtime, identity } = this.options;
    const service = hasUserManager(process.env);
    const socket = await zygoteSocket(runtime, stage, identity, service);
    return this.locked(async () => {
      const listener = await findListener(socket);
      if (listener !== undefined) return { socket, pid: listener };
      const pid = await this.start(socket, service);
      this.options.log(`zygote ${pid} listens at ${socket}`);
      await this.retireOthers(socket);
      return { socket, pid };
    });
  }

  /** Alone among all helpers. */
  private async locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = await fs.open(path.join(this.options.runtime, 'zygote.lock'), 'a', 0o600);
    try {
      await flock(lock.fd, 'exclusive');
      return await work();
    } finally {
      await lock.close();
    }
  }

  /**
   * Ends zygotes of an older program or of other ids that no container needs any more. A helper that still wants one of
   * them starts it again.
   */
  private async retireOthers(own: string): Promise<void> {
    for (const socket of await this.sockets()) {
      if (socket === own) continue;
      try {
        const pid = await findListener(socket);
        const identity = pid === undefined ? undefined : processIdentity(pid);
        if (identity !== undefined) {
          // Its children are the monitors of what it started: into those containers only it can send a process.
          const children = await fs.readFile(`/proc/${identity.pid}/task/${identity.pid}/children`, 'utf8');
          if (children.trim() !== '') continue;
          signalProcess(identity, constants.signals.SIGTERM);
        }
        await fs.rm(socket, { force: true });
      } catch (error) {
        this.options.log(`the old zygote at ${socket} was not ended: ${String(error)}`);
      }
    }
  }

  private async start(socket: string, service: boolean, inside?: ProcessIdentity): Promise<number> {
    const { stage, runtime, identity, log } = this.options;
    const how = { stage, socket, runtime, identity, ...(inside === undefined ? {} : { inside }) };
    if (service) {
      try {
        const pid = await launchZygote({ ...how, service: true });
        this.refusal = undefined;
        return pid;
      } catch (error) {
        if (!(error instanceof ZygoteError)) throw error;
        this.refusal = error.message;
        // Without the service everything but delegated cgroups works: the doctor tells.
        log(`systemd --user did not start the zygote (${error.message}); starting it directly`);
      }
    }
    return launchZygote({ ...how, service: false });
  }
}

/** What connecting to the socket of a zygote says that has ended. */
function isNobodyThere(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}

/** `user:[NUMBER]`; undefined for a process that has ended. */
function userNamespaceOf(identity: ProcessIdentity): string | undefined {
  try {
    const namespace = readlinkSync(`/proc/${identity.pid}/ns/user`);
    // Whose it was is known only afterwards.
    return isAlive(identity) ? namespace : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
