import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { startTimeOf, statusField } from '../support/kernel.js';
import { eventually, settled } from '../support/wait.js';

const bed = new Bed();
const { ErrorCode } = protocol;

test('created, started, stopped, started again, removed', async () => {
  const specification = bed.script('echo run; sleep 60', { name: 'jar' });
  const created = await bed.helper.request(protocol.CreateContainer, { specification });
  assert.deepEqual([created.state, created.init], ['created', undefined]);
  const { summary } = await bed.helper.request(protocol.StartContainer, { container: 'jar' });
  assert.equal(summary.state, 'running');
  assert.equal(startTimeOf(summary.init?.pid ?? 0), summary.init?.startTime);
  await fails(bed.helper.request(protocol.StartContainer, { container: 'jar' }), {
    code: ErrorCode.WrongState,
    message: /running already/,
    fix: /stop/,
  });
  const stopped = await bed.helper.request(protocol.StopContainer, { container: 'jar', graceSeconds: 0.1 });
  assert.equal(stopped.state, 'stopped');
  assert.equal(startTimeOf(summary.init?.pid ?? 0), undefined);
  const again = await bed.helper.request(protocol.StartContainer, { container: created.id.slice(0, 6) });
  assert.notDeepEqual(again.summary.init, summary.init);
  await fails(bed.helper.request(protocol.RemoveContainer, { container: 'jar' }), {
    code: ErrorCode.WrongState,
    message: /running/,
    fix: /force/,
  });
  await bed.helper.request(protocol.RemoveContainer, { container: 'jar', force: true });
  assert.equal(startTimeOf(again.summary.init?.pid ?? 0), undefined);
  await fails(
    bed.helper
      .summary('jar')
      .then(() => bed.helper.summary('x'))
      .catch(() => bed.helper.request(protocol.InspectContainer, { container: 'jar' })),
    {
      code: ErrorCode.NotFound,
      message: /no container "jar"/,
    },
  );
});

test('stop: who listens to the signal ends by itself, who does not is killed after the grace', async () => {
  const polite = await bed.up(bed.script('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done'));
  await eventually('the trap', async () => (await bed.helper.output(polite.id)).includes('ready'));
  const ended = await bed.helper.request(protocol.StopContainer, { container: polite.id });
  assert.deepEqual([ended.exit?.exitCode, ended.exit?.signal], [3, 0]);
  assert.match(await bed.helper.output(polite.id), /bye/);

  const stubborn = await bed.up(bed.script('trap "" TERM; echo ready; while :; do sleep 0.05; done'));
  await eventually('the trap', async () => (await bed.helper.output(stubborn.id)).includes('ready'));
  const start = performance.now();
  const killed = await bed.helper.request(protocol.StopContainer, { container: stubborn.id, graceSeconds: 0.4 });
  const took = performance.now() - start;
  assert.deepEqual([killed.exit?.exitCode, killed.exit?.signal], [137, 9]);
  assert.ok(took >= 400 && took < 5000, `${took} ms`);
});

test('stop sends the signal that was asked for', async () => {
  const { id } = await bed.up(bed.script('trap "exit 7" USR2; echo ready; while :; do sleep 0.05; done'));
  await eventually('the trap', async () => (await bed.helper.output(id)).includes('ready'));
  const { exit } = await bed.helper.request(protocol.StopContainer, { container: id, signal: 'SIGUSR2' });
  assert.equal(exit?.exitCode, 7);
  await fails(bed.helper.request(protocol.StopContainer, { container: id, signal: 'SIGNONSENSE' }), {
    code: ErrorCode.Invalid,
    message: /SIGNONSENSE/,
  });
});

test('a container without a command stays up, reaps orphans, and ends at once when it is stopped', async () => {
  const { id } = await bed.up();
  await bed.exec(id, '(sleep 0.1 &) ; true');
  // What nobody reaps is listed for ever.
  await eventually('the end of the orphan', async () => {
    const processes = await bed.helper.request(protocol.ListProcesses, { container: id });
    return processes.length === 1 && processes[0]?.innerPid === 1;
  });
  const start = performance.now();
  await bed.helper.request(protocol.StopContainer, { container: id });
  // Who does not end by the signal is killed after ten seconds.
  assert.ok(performance.now() - start < 8000);
});

test('pause holds every process where it is, resume lets them go on', async () => {
  const { id, pid } = await bed.up(bed.script('while :; do echo tick; sleep 0.02; done'));
  await eventually('ticks', async () => (await bed.helper.output(id)).length > 20);
  const paused = await bed.helper.request(protocol.PauseContainer, { container: id });
  const { cgroup } = await bed.helper.request(protocol.InspectContainer, { container: id });
  // Without a freezer it is stopped by signal, and told by the state that the kernel shows.
  if (cgroup === undefined) await eventually('the stop', () => statusField(pid, 'State').startsWith('T'));
  assert.equal(paused.state, 'paused');
  assert.equal((await bed.helper.summary(id)).state, 'paused');
  // What was in the pipe may still arrive.
  const length = await settled('the output', async () => (await bed.helper.output(id)).length);
  await delay(300);
  assert.equal((await bed.helper.output(id)).length, length);
  const resumed = await bed.helper.request(protocol.ResumeContainer, { container: id });
  assert.equal(resumed.state, 'running');
  await eventually('more ticks', async () => (await bed.helper.output(id)).length > length);
  await bed.helper.request(protocol.PauseContainer, { container: id });
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  assert.equal(startTimeOf(pid), undefined);
});

test('restart gives another process and keeps what was written', async () => {
  const { id, init } = await bed.up();
  await bed.exec(id, 'echo kept > /etc/motd');
  const { summary } = await bed.helper.request(protocol.RestartContainer, { container: id });
  assert.notDeepEqual(summary.init, init);
  assert.equal((await bed.exec(id, 'cat /etc/motd')).stdout, 'kept\n');
});

test('kill ends it, a process of it can be killed alone, and one of another cannot', async () => {
  const [first, second] = [await bed.up(), await bed.up()];
  const process = { args: ['sleep', '60'] };
  const session = await bed.helper.request(protocol.ExecInContainer, { container: first.id, process });
  const list = await bed.helper.request(protocol.ListProcesses, { container: first.id });
  assert.ok(list.some(({ identity }) => identity.pid === session.identity.pid));
  await fails(bed.helper.request(protocol.KillContainer, { container: second.id, pid: session.identity.pid }), {
    code: ErrorCode.NotFound,
    message: /not one of/,
  });
  assert.equal(startTimeOf(session.identity.pid), session.identity.startTime);
  await bed.helper.request(protocol.KillContainer, { container: first.id, pid: session.identity.pid });
  await eventually('its end', () => startTimeOf(session.identity.pid) === undefined);
  assert.equal(startTimeOf(first.pid), first.init?.startTime, 'the container runs on');
  await bed.helper.request(protocol.KillContainer, { container: first.id });
  assert.equal(startTimeOf(first.pid), undefined);
});

test('names: taken ones are refused, a new name works at once, wrong ones are explained', async () => {
  const first = await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, name: 'one' } });
  await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, name: 'two' } });
  const taken = { code: ErrorCode.NameTaken, message: /already is a container named "two"/, fix: /another name/ };
  await fails(bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, name: 'two' } }), taken);
  await fails(bed.helper.request(protocol.RenameContainer, { container: 'one', name: 'two' }), taken);
  const renamed = await bed.helper.request(protocol.RenameContainer, { container: 'one', name: 'three' });
  assert.deepEqual([renamed.id, renamed.name], [first.id, 'three']);
  assert.equal((await bed.helper.summary('three')).id, first.id);
  await fails(bed.helper.request(protocol.InspectContainer, { container: 'one' }), {
    code: ErrorCode.NotFound,
    message: /"one"/,
  });
  for (const name of ['', '../up', '-x', 'a b', 'x'.repeat(64), 'a\u0000b']) {
    await fails(bed.helper.request(protocol.RenameContainer, { container: 'three', name }), {
      code: ErrorCode.Invalid,
      message: /name/,
    });
  }
  // The old name is free again.
  await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, name: 'one' } });
});

test('what does not run is not stopped, entered, paused or attached to', async () => {
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root } });
  const container = { container: id };
  const expected = { code: ErrorCode.WrongState, message: /not running/, fix: /Start/ };
  await fails(bed.helper.request(protocol.PauseContainer, container), expected);
  await fails(bed.helper.request(protocol.ResumeContainer, container), expected);
  await fails(bed.helper.request(protocol.KillContainer, container), expected);
  await fails(bed.helper.request(protocol.AttachContainer, container), expected);
  await fails(bed.helper.request(protocol.ExecInContainer, { ...container, process: {} }), expected);
  await fails(bed.helper.request(protocol.ListProcesses, container), expected);
  // Stopping what is stopped is what was wanted.
  assert.equal((await bed.helper.request(protocol.StopContainer, container)).state, 'created');
});

test('a throw-away container is gone after its end', async () => {
  const { summary } = await bed.helper.request(protocol.RunContainer, {
    specification: bed.script('true'),
    remove: true,
  });
  await bed.helper.request(protocol.WaitContainer, { container: summary.id });
  assert.equal(summary.remove, true);
  await bed.helper.request(protocol.RemoveContainer, { container: summary.id });
  assert.ok(!existsSync(path.join(bed.home.data, 'containers', summary.id)));
});

test('changes by the kernel, by this helper and by another are told within 200 ms', async () => {
  const { id, pid } = await bed.up();
  const told = async (helper: typeof bed.helper, state: protocol.ContainerState, since: number): Promise<number> => {
    const seen = () =>
      helper.changes.find(
        ({ at, containers }) => at >= since && containers.some((one) => one.id === id && one.state === state),
      );
    return (await eventually(`a notification of ${state}`, seen)).at - since;
  };
  const other = await bed.another();
  await eventually('its first list', () => other.changes.length > 0);
  // A busy machine may keep anybody waiting once; who is not told looks every two seconds, and is late nearly always.
  const late: string[] = [];
  for (let round = 0; round < 5; round++) {
    late.length = 0;
    const { init } = await bed.helper.summary(id);
    let start = performance.now();
    process.kill(init?.pid ?? pid, 'SIGKILL');
    for (const helper of [bed.helper, other]) {
      const took = await told(helper, 'stopped', start);
      if (took >= 200) late.push(`${took} ms after the kill`);
    }
    start = performance.now();
    await other.request(protocol.StartContainer, { container: id });
    const answered = performance.now() - start;
    const took = await told(bed.helper, 'running', start);
    if (took >= answered + 200) late.push(`${took} ms after a start by the other helper`);
    if (late.length === 0) return;
  }
  assert.fail(late.join(', '));
});
