import assert from 'node:assert/strict';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Attached, readToEnd } from '../support/attached.js';
import { Bed } from '../support/bed.js';
import { TestHelper } from '../support/helper.js';
import { dist, zygotes } from '../support/home.js';
import { mountsOf, parentOf, startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();

/** Runs a container with a helper that is killed right after. */
async function runAndCrash(specification: protocol.ContainerSpecification): Promise<protocol.ContainerSummary> {
  const helper = await TestHelper.start(bed.home);
  const summary = await helper.run(specification);
  await helper.crash();
  return summary;
}

test('the helper is killed: the container runs on, is found again, and its log has no gap', async () => {
  const script = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; echo done; sleep 60';
  const before = await runAndCrash(bed.script(script));
  const { init } = before;
  assert.ok(init);
  assert.equal(startTimeOf(init.pid), init.startTime);
  const helper = await bed.another();
  const found = await helper.summary(before.id);
  assert.deepEqual([found.state, found.init, found.startedAt], ['running', init, before.startedAt]);
  const attach = await helper.request(protocol.AttachContainer, { container: before.id });
  const attached = await Attached.to(attach);
  await attached.shows(/^done\n/m);
  const expected = Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join('');
  assert.equal(attached.stdout, `${expected}done\n`);
  assert.equal(await helper.output(before.id), `${expected}done\n`);
  attached.leave();
});

test('a terminal outlives the helper that made it', async () => {
  const specification = { root: bed.root, args: ['/bin/sh'], terminal: true, env: ['PS1=# ', 'MARK=kept'] };
  const { id } = await runAndCrash(specification);
  const shell = await Attached.to(await bed.helper.request(protocol.AttachContainer, { container: id }));
  await shell.type('echo $MARK$((1+1))\n');
  await shell.shows(/kept2\r\n/);
  await shell.type('exit 3\n');
  assert.equal((await shell.end()).exitCode, 3);
});

test('a container that ends while no helper runs: how, when and what it printed is known', async () => {
  const helper = await TestHelper.start(bed.home);
  const { id, init } = await helper.run(bed.script('sleep 0.3; echo last words; kill -9 $$; exit 17'));
  await helper.crash();
  await eventually('its end', () => startTimeOf(init?.pid ?? 0) === undefined);
  const later = await bed.another();
  const ended = await eventually('the record', async () => {
    const summary = await later.summary(id);
    return summary.state === 'stopped' && summary;
  });
  assert.deepEqual([ended.exit?.exitCode, ended.exit?.signal, ended.monitorLost], [17, 0, undefined]);
  assert.ok(Math.abs(Date.parse(ended.exit?.finishedAt ?? '') - Date.now()) < 60_000);
  assert.equal(await later.output(id), 'last words\n');
});

test('the zygote is killed: containers run on and are entered, and new ones are started', async () => {
  const running = await bed.up();
  const old = await zygotes(bed.home);
  assert.equal(old.length, 1);
  for (const pid of old) process.kill(pid, 'SIGKILL');
  await eventually('its end', () => old.every((pid) => startTimeOf(pid) === undefined));
  assert.equal(startTimeOf(running.pid), running.init?.startTime);
  const next = await bed.up();
  assert.notDeepEqual(await zygotes(bed.home), old);
  assert.equal((await bed.exec(next.id, 'echo new')).stdout, 'new\n');
  // The older one belongs to the user namespace of a zygote that is gone.
  const entered = await bed.exec(running.id, 'readlink /proc/self/ns/user; readlink /proc/self/ns/pid');
  const own = ['user', 'pid'].map((type) => readlinkSync(`/proc/${running.pid}/ns/${type}`));
  assert.deepEqual(entered.stdout.trim().split('\n'), own, 'it is entered still');
  assert.equal((await bed.helper.summary(running.id)).state, 'running');
  const stopped = await bed.helper.request(protocol.StopContainer, { container: running.id });
  assert.equal(stopped.state, 'stopped');
  const again = await bed.helper.request(protocol.StartContainer, { container: running.id });
  assert.equal(again.summary.state, 'running');
});

test('after an update of the program what ran before is still entered, by the zygote that started it', async () => {
  const before = await bed.up();
  const old = parentOf(parentOf(before.pid));
  const updated = mkdtempSync(path.join(bed.home.folder, 'updated-'));
  for (const part of ['helper.cjs', 'agent.cjs', 'stage'])
    cpSync(path.join(dist, part), path.join(updated, part), { recursive: true });
  symlinkSync(require.resolve('koffi').replace(/(?<=\/node_modules)\/.*/, ''), path.join(updated, 'node_modules'));
  const stage = path.join(updated, 'stage', `linux-${process.arch}`, 'terrarium-stage');
  // Bytes behind a program's end change nothing but its hash.
  appendFileSync(stage, 'a later version');
  const helper = await TestHelper.start(bed.home, ['/bin/sh', '-c', `exec "$0" '${updated}/helper.cjs' --stdio`]);
  try {
    const next = await helper.run(bed.script('sleep 60'));
    assert.ok((await zygotes(bed.home)).includes(old), 'the old one is needed still');
    assert.notEqual(parentOf(parentOf(next.init?.pid ?? 0)), old, 'by another one');
    const session = await helper.request(protocol.ExecInContainer, {
      container: before.id,
      process: { args: ['/bin/sh', '-c', 'readlink /proc/self/ns/pid'] },
    });
    // By the program, which finds the status of what has ended already, too.
    assert.equal((await readToEnd(session.attach)).exitCode, 0);
    await helper.request(protocol.RemoveContainer, { container: next.id, force: true });
  } finally {
    await helper.crash();
  }
});

test('the monitor is killed: that is told, and the container can be removed without a trace', async () => {
  const container = await bed.up({ name: 'orphan' });
  const monitor = parentOf(container.pid);
  process.kill(monitor, 'SIGKILL');
  await eventually('its end', () => startTimeOf(monitor) === undefined);
  const summary = await eventually('the loss', async () => {
    const found = await bed.helper.summary('orphan');
    return found.monitorLost === true && found;
  });
  // Whether the init outlives its monitor or not, what is told is so.
  assert.equal(summary.state === 'running', startTimeOf(container.pid) !== undefined);
  await bed.helper.request(protocol.RemoveContainer, { container: 'orphan', force: true });
  assert.equal(startTimeOf(container.pid), undefined);
  assert.ok(!existsSync(path.join(bed.home.data, 'containers', container.id)));
  assert.deepEqual(
    readdirSync(bed.home.runtime).filter((name) => name.startsWith(container.id)),
    [],
  );
  assert.deepEqual(
    mountsOf('self').filter(({ destination }) => destination.startsWith(bed.home.folder)),
    [],
  );
});

test('two helpers at once: no name is given twice, no change is lost', async () => {
  const helpers = [bed.helper, await bed.another()];
  const names = Array.from({ length: 12 }, (_, i) => `n${i}`);
  const refusals = new Set<number>();
  let done = 0;
  /** Creates, renames and removes at random; what may be refused is only a name that is taken, or a container that is gone. */
  const work = async (helper: TestHelper, seed: number): Promise<void> => {
    const pick = (i: number) => names[(i * 7 + seed * 5 + i * i) % names.length] ?? '';
    for (let i = 0; i < 55; i++) {
      const [container, name] = [pick(i), pick(i + 3)];
      const requests = [
        () => helper.request(protocol.CreateContainer, { specification: { root: bed.root, name } }),
        () => helper.request(protocol.RenameContainer, { container, name }),
        () => helper.request(protocol.CreateContainer, { specification: { root: bed.root, name: container } }),
        () => helper.request(protocol.RemoveContainer, { container }),
      ];
      await requests[i % requests.length]?.().then(
        () => done++,
        (error: protocol.TerrariumError) => {
          assert.ok([protocol.ErrorCode.NameTaken, protocol.ErrorCode.NotFound].includes(error.code), error.message);
          refusals.add(error.code);
        },
      );
    }
  };
  await Promise.all([0, 1, 2, 3].map((seed) => work(helpers[seed % 2] ?? bed.helper, seed)));
  assert.ok(done > 40 && refusals.size === 2, `${done} done, refused: ${[...refusals]}`);
  const [first, second] = await Promise.all(helpers.map((helper) => helper.ask(protocol.ListContainers)));
  assert.deepEqual(first, second);
  const all = (first ?? []).map(({ name }) => name);
  assert.equal(new Set(all).size, all.length, `each name once: ${all}`);
  // Each is found by its name, and each link on disk leads to the container that has the name.
  for (const { id, name } of first ?? []) assert.equal((await bed.helper.summary(name)).id, id);
  const links = readdirSync(path.join(bed.home.data, 'names'));
  assert.deepEqual(links.sort(), all.sort());
});

test('the log is read in pages that fit together', async () => {
  const { id } = await bed.helper.run(
    bed.script('i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; done; echo err >&2'),
  );
  await bed.helper.request(protocol.WaitContainer, { container: id });
  const whole = await bed.helper.output(id);
  let [pages, from, text] = [0, '0', ''];
  for (;;) {
    const { entries, next } = await bed.helper.request(protocol.ReadLogs, { container: id, from, limit: 200 });
    if (next === from) break;
    for (const { stream, data, time } of entries) {
      if (stream === 'stdout') text += Buffer.from(data, 'base64').toString();
      assert.match(time, /^\d{19}$/);
    }
    [from, pages] = [next, pages + 1];
  }
  assert.ok(pages > 1, `${pages} pages`);
  assert.equal(text, whole);
  assert.match(whole, /^line 1\n(line \d+\n)+line 300\n$/);
  await assert.rejects(bed.helper.request(protocol.ReadLogs, { container: id, from: 'nonsense' }));
});
