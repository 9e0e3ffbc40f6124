import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { isAlive } from '../../../helper/inspect/stat.js';
import * as protocol from '../../../helper/protocol/index.js';
import { settled } from '../support/wait.js';
import { until } from './bed.js';
import { ownRuntime, startHelper } from './helperProcess.js';

/** A helper where containers have no cgroup, or the reason why there is none here. */
async function withoutCgroups(t: TestContext): Promise<MessageConnection | undefined> {
  const helper = await startHelper(t, { environment: ownRuntime });
  const { id } = await helper.sendRequest(protocol.CreateContainer, { specification: {} });
  const { mode } = await helper.sendRequest(protocol.ReadLimits, { container: id });
  if (mode === 'none') return helper;
  t.skip('cgroups are delegated to this user: the freezer is used');
  return undefined;
}

async function run(helper: MessageConnection, specification: protocol.ContainerSpecification) {
  const { summary } = await helper.sendRequest(protocol.RunContainer, { specification });
  return summary;
}

async function lines(helper: MessageConnection, container: string): Promise<number> {
  const { entries } = await helper.sendRequest(protocol.ReadLogs, { container });
  return entries.reduce((sum, { data }) => sum + Buffer.from(data, 'base64').toString().split('\n').length - 1, 0);
}

test('without a freezer a pause stops every process, also those that are forked all the time, and says how', async (t) => {
  const helper = await withoutCgroups(t);
  if (helper === undefined) return;
  const { id } = await run(helper, {
    args: ['/bin/sh', '-c', 'count() { while :; do echo tick; /bin/sleep 0.01; done; }; count & count & count'],
  });
  await until(async () => (await lines(helper, id)) > 20, 'it ticks');
  const paused = await helper.sendRequest(protocol.PauseContainer, { container: id });
  assert.deepEqual([paused.state, paused.pausedBy], ['paused', 'signals']);
  const processes = await helper.sendRequest(protocol.ListProcesses, { container: id });
  assert.ok(processes.length >= 3);
  for (const { state } of processes) assert.match(state, /^[TZ]$/);
  // What was in the pipe may still arrive.
  const still = await settled('the ticks', () => lines(helper, id));
  await delay(400);
  assert.equal(await lines(helper, id), still);
  // What enters runs, and then not all of it stands.
  await helper.sendRequest(protocol.ExecInContainer, { container: id, process: { args: ['/bin/sleep', '100'] } });
  const listed = (await helper.sendRequest(protocol.ListContainers)).find((one) => one.id === id);
  assert.deepEqual([listed?.state, listed?.pausedBy], ['running', undefined]);
  const again = await helper.sendRequest(protocol.PauseContainer, { container: id });
  assert.equal(again.state, 'paused');
  const resumed = await helper.sendRequest(protocol.ResumeContainer, { container: id });
  assert.deepEqual([resumed.state, resumed.pausedBy], ['running', undefined]);
  await until(async () => (await lines(helper, id)) > still, 'it ticks on');
});

test('a paused container without a freezer can be stopped', async (t) => {
  const helper = await withoutCgroups(t);
  if (helper === undefined) return;
  const { id, init } = await run(helper, {
    args: ['/bin/sh', '-c', 'trap "exit 7" TERM; while :; do /bin/sleep 0.05; done'],
  });
  await until(async () => (await helper.sendRequest(protocol.ListProcesses, { container: id })).length >= 2, 'it runs');
  await helper.sendRequest(protocol.PauseContainer, { container: id });
  const { exit } = await helper.sendRequest(protocol.StopContainer, { container: id });
  assert.equal(exit?.exitCode, 7);
  assert.ok(init && !isAlive(init));
});

test('killing without a cgroup leaves nothing, in the machine’s pid namespace either', async (t) => {
  const helper = await withoutCgroups(t);
  if (helper === undefined) return;
  const { id } = await run(helper, {
    namespaces: { pid: 'host' },
    // Processes in sessions of their own, and one that nobody waits for.
    args: [
      '/bin/sh',
      '-c',
      'for i in 1 2 3; do setsid /bin/sleep 1000 & done; (setsid /bin/sleep 1000 &); while :; do /bin/true; done',
    ],
  });
  const sleeping = async () =>
    (await helper.sendRequest(protocol.ListProcesses, { container: id })).filter(({ identity: { pid } }) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    });
  await until(async () => (await sleeping()).length === 4, 'all sleep');
  const all = await sleeping();
  await helper.sendRequest(protocol.KillContainer, { container: id });
  const ended = await helper.sendRequest(protocol.WaitContainer, { container: id });
  assert.equal(ended.exit?.signal, 9);
  assert.deepEqual(
    all.filter(({ identity }) => isAlive(identity)),
    [],
  );
});
