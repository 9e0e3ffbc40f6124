/** A pid that has come to be another process's is never signalled, entered or looked into. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  ExecInContainer,
  KillContainer,
  ListContainers,
  ListProcesses,
  PauseContainer,
  RemoveContainer,
  StopContainer,
} from '../../../helper/protocol/index.js';
import { Product, parentOf, pidOf, processes, procText, until } from './product.js';

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
    process.kill(monitor, 'SIGKILL');
    process.kill(pidOf(init), 'SIGKILL');
    await until('both are gone', () => !processes().includes(monitor) && !processes().includes(pidOf(init)));
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
