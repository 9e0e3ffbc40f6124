/** A fault, or a death, in each system call of a start: an error is answered, and nothing is left half made. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, parseAnswer } from '../../../helper/plan/answer.js';
import { encodePlan } from '../../../helper/plan/encode.js';
import type { Plan } from '../../../helper/plan/step.js';
import { container } from '../../kernel/stage/plan.js';
import { assertRunning, busyboxRoot, children, exists, temporary, until, Zygote } from '../../kernel/stage/zygote.js';
import { killUnlessEnded } from '../../kernel/support/kernel.js';
import { holders } from './product.js';

const noStrace = spawnSync('strace', ['--version']).error === undefined ? undefined : 'strace is not installed';
const files = temporary();
after(() => rmSync(files, { recursive: true, force: true }));

/** Calls that every start makes and no ledger tells of: between monitor and init, and to whoever asked. */
const unrecorded = ['sendmsg', 'recvmsg', 'sendto', 'recvfrom', 'poll', 'fstat', 'read', 'mmap', 'munmap'];
/** Of one call in one process: later ones differ by their arguments only. */
const occurrences = 3;

/** strace on a zygote and all it forks, with one fault; each process counts its calls for itself. */
class Fault {
  private constructor(
    private readonly strace: ChildProcess,
    private readonly log: string,
  ) {}

  static async inject(zygote: Zygote, call: string, what: string, occurrence: number): Promise<Fault> {
    const log = path.join(zygote.folder, 'strace');
    const inject = `inject=${call}:${what}:when=${occurrence}`;
    const args = ['-f', '-qqq', '-o', log, '-e', `trace=${call}`, '-e', inject, '-p', String(zygote.pid)];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    strace.stderr.on('data', (part: Buffer) => {
      complaint += part.toString();
    });
    await until(`strace holds the zygote ${complaint}`, () => {
      if (strace.exitCode !== null) throw new Error(`strace: ${complaint}`);
      return /^TracerPid:\s*[1-9]/m.test(readFileSync(`/proc/${zygote.pid}/status`, 'utf8'));
    });
    return new Fault(strace, log);
  }

  /** Lets go; answers whether the fault came to pass. */
  async end(): Promise<boolean> {
    const ended = once(this.strace, 'close');
    this.strace.kill('SIGINT');
    await ended;
    const text = readFileSync(this.log, 'utf8');
    return /INJECTED|killed by SIGKILL/.test(text);
  }
}

/** Every process of the zygote's, killed, and waited for until no monitor is left. */
async function endAll(zygote: Zygote): Promise<void> {
  await until('its monitors ended', () => {
    for (const monitor of exists(zygote.pid) ? children(zygote.pid) : []) {
      for (const watched of childrenOf(monitor)) killUnlessEnded(watched);
    }
    return !exists(zygote.pid) || children(zygote.pid).length === 0;
  });
}

/** None of a process that has ended meanwhile. */
function childrenOf(pid: number): number[] {
  try {
    return children(pid);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Sends a plan; undefined when the connection closed without an answer. */
async function ask(zygote: Zygote, plan: Plan): Promise<Answer | undefined> {
  const late = sleep(10_000, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer within 10 s')));
  const answered = await Promise.race([zygote.exchange(encodePlan(plan)), late]).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return Buffer.alloc(0);
      throw error;
    },
  );
  return answered.length === 0 ? undefined : parseAnswer(answered);
}

/** A plan, and the calls that a start of it makes. */
async function prepare(zygote: Zygote): Promise<{ plan: Plan; calls: string[]; folder: string }> {
  const folder = path.join(zygote.folder, 'c');
  mkdirSync(folder);
  const whole = container({ folder, lower: busyboxRoot(zygote.folder), mapping: 'single', terminal: true });
  // As the product has it: a layer that was mounted volatile is refused the next time.
  const again = { kind: 'removeTree', path: path.join(folder, 'work/work/incompat') } as const;
  const plan = whole.flatMap(
    (step): Plan => (step.kind === 'mount' && step.type === 'overlay' ? [again, step] : [step]),
  );
  const answer = await zygote.send(plan);
  assertRunning(answer);
  await endAll(zygote);
  const calls = [...new Set([...answer.records.map(({ name }) => name), ...unrecorded])];
  return { plan, calls, folder };
}

test('an error in each system call of a start is answered, and everything is undone', {
  skip: noStrace ?? false,
}, async () => {
  const zygote = await Zygote.start('single');
  try {
    const { plan, calls: all, folder } = await prepare(zygote);
    // What strace makes fail is not done: a close that leaves a descriptor open is no fault that can happen.
    const calls = all.filter((call) => call !== 'close');
    const seen = { failed: 0, running: 0, unanswered: 0, asInjected: 0 };
    for (const call of calls) {
      for (let occurrence = 1; occurrence <= occurrences; occurrence++) {
        const what = `EIO in ${call}, time ${occurrence}`;
        for (const name of readdirSync(path.join(folder, 'monitor'))) rmSync(path.join(folder, 'monitor', name));
        const fault = await Fault.inject(zygote, call, 'error=EIO', occurrence);
        const answer = await ask(zygote, plan).catch((error: unknown) => assert.fail(`${what}: ${String(error)}`));
        const happened = await fault.end();
        assert.ok(exists(zygote.pid), `${what}: the zygote lives`);
        seen[answer?.status === 'failed' ? 'failed' : answer?.status === 'running' ? 'running' : 'unanswered']++;
        if (answer?.errno === constants.errno.EIO && answer.failedStep !== undefined) seen.asInjected++;
        if (answer?.status === 'failed') {
          assert.ok(answer.errno > 0, what);
          await until(`${what}: its monitor is gone`, () => children(zygote.pid).length === 0);
          assert.equal(existsSync(path.join(folder, 'attach')), false, `${what}: the socket is gone`);
          assert.deepEqual(readdirSync(path.join(folder, 'monitor')), [], `${what}: no record of a run that was none`);
        }
        // What runs although a call failed, or nobody was told, is whole: it can be ended like any other.
        await endAll(zygote);
        await until(`${what}: no process or mount is left`, () => holders(folder).length === 0);
        if (!happened) break;
      }
    }
    assert.ok(seen.asInjected > 40, `control: faults were met: ${JSON.stringify(seen)}`);
    assertRunning(await zygote.send(plan));
    assert.ok(holders(folder).length > 0, 'control: a container that runs is seen');
  } finally {
    await zygote.stop();
  }
});

test('death in each system call of a start leaves nothing that hinders the next', {
  skip: noStrace ?? false,
}, async () => {
  let zygote = await Zygote.start('single');
  try {
    let prepared = await prepare(zygote);
    let deaths = 0;
    for (const call of prepared.calls) {
      const what = `death in ${call}`;
      const fault = await Fault.inject(zygote, call, 'signal=SIGKILL', 1);
      const answer = await ask(zygote, prepared.plan).catch((error: unknown) =>
        assert.fail(`${what}: ${String(error)}`),
      );
      if (await fault.end()) deaths++;
      if (!exists(zygote.pid)) {
        // The call was the zygote's own. Its death loses nothing; another is started.
        execFileSync('chmod', ['-R', 'u+rwX', zygote.folder]);
        await zygote.stop();
        zygote = await Zygote.start('single');
        prepared = await prepare(zygote);
        continue;
      }
      if (answer?.status === 'failed') {
        await until(`${what}: its monitor is gone`, () => children(zygote.pid).length === 0);
        assert.equal(existsSync(path.join(prepared.folder, 'attach')), false, `${what}: the socket is gone`);
      }
      await endAll(zygote);
      // Whose monitor died before the process was its own is ended by the kernel. Later it lives on, and is known by
      // the answer.
      if (answer?.status === 'running' && exists(answer.pid)) killUnlessEnded(answer.pid);
      const { folder } = prepared;
      await until(`${what}: no process or mount is left`, () => holders(folder).length === 0);
      const next = await zygote.send(prepared.plan);
      assertRunning(next);
      await endAll(zygote);
    }
    assert.ok(deaths > 20, `control: ${deaths} deaths`);
  } finally {
    await zygote.stop();
  }
});
