import { promises as fs } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { flock } from '../../native/bindings/flock.js';
import { signalProcess } from '../inspect/signal.js';
import { processIdentity } from '../inspect/stat.js';
import type { Plan } from '../plan/step.js';
import { type Exchange, findListener, sendPlan } from './connection.js';
import type { Identity } from './identity.js';
import { hasUserManager, launchZygote, ZygoteError, zygoteSocket } from './launch.js';

export interface ZygoteOptions {
  stage: string;
  runtime: string;
  identity: Identity;
  log(message: string): void;
}

/** The one zygote of this user, shared by all helpers: found when it is there, started when it is needed. */
export class Zygote {
  private ready: Promise<{ socket: string; pid: number }> | undefined;

  constructor(private readonly options: ZygoteOptions) {}

  /** Pid of the zygote, started if need be: the process that holds the user namespace. */
  async pid(): Promise<number> {
    return (await this.find()).pid;
  }

  /** Carries out a plan. A zygote that is gone is replaced once. */
  async carryOut(plan: Plan): Promise<Exchange> {
    const { socket } = await this.find();
    try {
      return await sendPlan(socket, plan);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
      this.ready = undefined;
      return sendPlan((await this.find()).socket, plan);
    }
  }

  /**
   * Carries out a plan by the zygote that started a container: only there is a container's user namespace a child of the
   * one we are in. After an update of the program it is another than the one that starts new containers. One that is gone
   * is stood in for by ours, which can do all but enter.
   */
  async carryOutBy(pid: number, plan: Plan): Promise<Exchange> {
    const current = await this.find();
    const socket = pid === current.pid ? current.socket : await this.socketOf(pid);
    return socket === undefined ? this.carryOut(plan) : sendPlan(socket, plan);
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
    const lock = await fs.open(path.join(runtime, 'zygote.lock'), 'a', 0o600);
    try {
      await flock(lock.fd, 'exclusive');
      const listener = await findListener(socket);
      if (listener !== undefined) return { socket, pid: listener };
      const pid = await this.start(socket, service);
      this.options.log(`zygote ${pid} listens at ${socket}`);
      await this.retireOthers(socket);
      return { socket, pid };
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

  private async start(socket: string, service: boolean): Promise<number> {
    const { stage, runtime, identity, log } = this.options;
    if (service) {
      try {
        return await launchZygote({ stage, socket, runtime, identity, service: true });
      } catch (error) {
        if (!(error instanceof ZygoteError)) throw error;
        // Without the service everything but delegated cgroups works: the doctor tells.
        log(`systemd --user did not start the zygote (${error.message}); starting it directly`);
      }
    }
    return launchZygote({ stage, socket, runtime, identity, service: false });
  }
}
