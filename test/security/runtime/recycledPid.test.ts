/** A pid that has come to be another process's is never signalled, entered or looked into. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { undoUnanswered } from '../../../helper/container/unanswered.js';
import { bootId } from '../../../helper/inspect/boot.js';
import { decodePlan } from '../../../helper/plan/decode.js';
import type { Step } from '../../../helper/plan/step.js';
import {
  ExecInContainer,
  KillContainer,
  ListContainers,
  ListProcesses,
  PauseContainer,
  ReadLedger,
  RemoveContainer,
  StopContainer,
} from '../../../helper/protocol/index.js';
import { killUnlessEnded } from '../../kernel/support/kernel.js';
import { Product, parentOf, pidOf, processes, procText, until, workFolder } from './product.js';

async function victim(t: TestContext): Promise<{ child: ChildProcess; pid: number; startTime: number }> {
  const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  return { child, pid, startTime: Number(procText(pid, 'stat').split(') ')[1]?.split(' ')[19]) };
}

test('a container whose pid another process has now', async (t) => {
  const product = await Product.start(t);
  const { child, pid, startTime } = await victim(t);
  const forge = async (identity: { pid: number; startTime: number }): Promise<string> => {
    const { id, init } = await product.up({ args: ['/bin/sleep', '1000'] });
    const file = product.store(id, 'runs/1/runtime.json');
    const monitor = parentOf(pidOf(init));
    // As after a crash of the machine, or a monitor that was killed: no exit record, and pids that went round.
    const first = pidOf(init);
    process.kill(monitor, 'SIGKILL');
    killUnlessEnded(first);
    await until('both are gone', () => !processes().includes(monitor) && !processes().includes(first));
    const runtime = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...runtime, init: identity, monitor: identity, cgroup: undefined }));
    return id;
  };
  const id = await forge({ pid, startTime: startTime - 1 });
  const container = { container: id };
  const { client } = product;
  assert.equal((await client.sendRequest(ListContainers)).find((one) => one.id === id)?.state, 'stopped');
  await client.sendRequest(StopContainer, { ...container, graceSeconds: 0.1 });
  const requests = [
    () => client.sendRequest(KillContainer, container),
    () => client.sendRequest(KillContainer, { ...container, pid }),
    () => client.sendRequest(PauseContainer, container),
    () => client.sendRequest(ListProcesses, container),
    () => client.sendRequest(ExecInContainer, { ...container, process: { args: ['/bin/true'] } }),
  ];
  for (const request of requests) await assert.rejects(request, /not running|not one of|has ended/);
  await client.sendRequest(RemoveContainer, { ...container, force: true });
  assert.equal(child.signalCode, null, 'the other process was left alone');
  assert.ok(procText(pid, 'stat').includes(') S '), 'and runs on');

  // Control: with its true start time it is taken for the container, and killed.
  const control = await forge({ pid, startTime });
  const ended = once(child, 'close');
  await client.sendRequest(KillContainer, { container: control });
  await ended;
  assert.equal(child.signalCode, 'SIGKILL', 'control');
});

test('a network is joined only of the process that was meant', async (t) => {
  const product = await Product.start(t);
  const other = await product.up({ args: ['/bin/sleep', '1000'] });
  assert.ok(other.init !== undefined);
  const { pid, startTime } = other.init;
  /** The product's plan for a container on the other's network, its processes named so. */
  const join = async (name: string, meant: { pid: number; startTime: number }) => {
    const network = { kind: 'container', container: other.id } as const;
    const { id } = await product.up({ name, args: ['/bin/sleep', '1000'], network });
    await product.client.sendRequest(ReadLedger, { container: id });
    const kept = decodePlan(readFileSync(product.store(id, 'ledgers/start-1.plan')));
    await product.client.sendRequest(KillContainer, { container: id });
    const run = product.store(id, 'runs/1');
    const plan = kept.map((step): Step => {
      if (step.kind === 'holdNamespaces') return { ...step, pid: meant.pid, startTime: BigInt(meant.startTime) };
      return step.kind === 'monitor' ? { ...step, socket: path.join(product.folder, `${name}.s`) } : step;
    });
    assert.ok(
      kept.some((step) => step.kind === 'holdNamespaces' && step.pid === pid),
      'the plan names the process',
    );
    await until('the first run is over', () => processes().every((one) => !procText(one, 'mountinfo').includes(run)));
    await until(
      'its cgroups are gone',
      () => !kept.some((step) => step.kind === 'makeCgroup' && existsSync(step.path)),
    );
    return product.send(plan);
  };
  const stale = await join('stale', { pid, startTime: startTime - 1 });
  assert.deepEqual([stale.status, stale.errno], ['failed', constants.errno.ESRCH]);

  const control = await join('control', { pid, startTime });
  assert.equal(control.status, 'running', `control: step ${control.failedStep}, errno ${control.errno}`);
  const network = (of: number) => readlinkSync(`/proc/${of}/ns/net`);
  assert.equal(network(control.pid), network(pid), 'control: it is on the network');
  process.kill(control.pid, 'SIGKILL');
});

test('what an unanswered start left is ended only if it was started since the machine was', async (t) => {
  const folder = workFolder(t);
  const leave = async (boot: string): Promise<ChildProcess> => {
    const { child, pid, startTime } = await victim(t);
    writeFileSync(path.join(folder, 'exit.json.tmp'), JSON.stringify({ pid, startTime, bootId: boot }));
    await undoUnanswered(folder);
    return child;
  };
  const stranger = await leave('an earlier one');
  const left = await leave(bootId());
  await once(left, 'close');
  assert.equal(left.signalCode, 'SIGKILL', 'control: of this start of the machine');
  assert.equal(stranger.signalCode, null, 'of an earlier one it is another process by now');
});
