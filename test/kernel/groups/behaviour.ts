import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import type { TestHelper } from '../support/helper.js';
import { killUnlessEnded, parentOf, startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { Place } from './place.js';

const MiB = 1024 * 1024;
/** Perl is part of every Debian, and grows by what it is told to: 5 or 40 steps of 10 MiB, each printed. */
const hog = (steps: number) =>
  `$| = 1; my @held; for my $i (1 .. ${steps}) { my $s = ""; vec($s, 10485759, 8) = 1; push @held, \\$s; print "$i\\n"; } sleep 60`;
const perl = (steps: number) => ['/usr/bin/perl', '-e', hog(steps)];
const sleeping = ['/bin/sh', '-c', 'exec sleep 60'];
/** It stays at its limit: a shell ends when it cannot fork, so that all of a bomb of shells may end before anybody looks. */
const bomb = ['/usr/bin/perl', '-e', 'defined fork or select undef, undef, undef, 0.05 while 1'];
/** Of each container with a bomb in it: what two of them may have is above the limits of groups here, one alone is below. */
const seatBelt = { pids: { limit: 18 } };

/** A container's cgroup as `terrarium inspect` tells, checked against the kernel: its init is in each of the folders. */
async function foldersOf(helper: TestHelper, container: string): Promise<string[]> {
  const { cgroup, pid } = await helper.request(protocol.InspectContainer, { container });
  assert.ok(cgroup, `${container} has a cgroup`);
  const folders = [...new Set(Object.values(cgroup.paths))];
  for (const folder of folders) assert.ok(pidsIn(folder).includes(pid), `${pid} is in ${folder}`);
  return folders;
}

const pidsIn = (folder: string): number[] =>
  readFileSync(path.join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);

const above = (folders: readonly string[], levels = 1): string[] =>
  folders.map((folder) => path.join(folder, ...Array<string>(levels).fill('..')));

const gone = (folders: readonly string[]) =>
  eventually(`the end of ${folders.join(', ')}`, () => folders.every((folder) => !existsSync(folder)));

/** The file of a limit in whichever of the folders has it. */
function fileIn(folders: readonly string[], ...names: string[]): string {
  const files = folders.flatMap((folder) => names.map((name) => path.join(folder, name)));
  const found = files.find((file) => existsSync(file));
  assert.ok(found, `one of ${files.join(', ')}`);
  return found;
}

const numberIn = (file: string): number => Number(readFileSync(file, 'utf8'));

const limit = (helper: TestHelper, group: string, changes: Record<string, string>) =>
  helper.request(protocol.SetLimits, {
    target: { group },
    changes: Object.entries(changes).map(([name, value]) => ({ name, value })),
  });

async function effectiveLimit(helper: TestHelper, container: string, name: string) {
  const { readings } = await helper.request(protocol.ReadLimits, { container });
  return readings.find((reading) => reading.name === name)?.effective;
}

/**
 * What groups of containers are to the kernel, asked for through the helper as the editor asks.
 * @param shared see `Place.make`
 */
export function testGroups(version: 'v1' | 'v2', shared: boolean): void {
  const groupTest = (name: string, body: (place: Place, helper: TestHelper, t: TestContext) => Promise<void>): void => {
    test(`${version} groups: ${name}`, async (t) => {
      const place = Place.make(t, { shared });
      const helper = await place.helper();
      const probe = await helper.request(protocol.CreateContainer, { specification: {} });
      const { mode, notice } = await helper.request(protocol.ReadLimits, { container: probe.id });
      await helper.request(protocol.RemoveContainer, { container: probe.id });
      if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
      else if (mode !== version) t.skip(`this machine has its controllers in cgroup ${mode}`);
      else await body(place, helper, t);
    });
  };

  groupTest('containers lie below one cgroup, groups between; each goes with the last one in it', async (_, helper) => {
    const alone = await helper.run({ args: sleeping });
    const [one, two] = [
      await helper.run({ args: sleeping, group: 'pair' }),
      await helper.run({ args: sleeping, group: 'pair' }),
    ];
    const [lone, first, second] = [
      await foldersOf(helper, alone.id),
      await foldersOf(helper, one.id),
      await foldersOf(helper, two.id),
    ];
    const group = above(first);
    assert.deepEqual(above(second), group);
    assert.deepEqual(above(group), above(lone));
    for (const folder of group) assert.deepEqual(pidsIn(folder), [], 'processes are in the leaves');
    assert.deepEqual(await helper.ask(protocol.ListGroups), [
      { name: 'pair', containers: [one.id, two.id], live: true },
    ]);

    await helper.request(protocol.StopContainer, { container: one.id, graceSeconds: 0 });
    await gone(first);
    assert.ok(group.every((folder) => existsSync(folder)));
    await helper.request(protocol.StopContainer, { container: two.id, graceSeconds: 0 });
    await gone([...second, ...group]);
    assert.ok(above(lone).every((folder) => existsSync(folder)));
    assert.deepEqual(await helper.ask(protocol.ListGroups), [
      { name: 'pair', containers: [one.id, two.id], live: false },
    ]);
    await helper.request(protocol.StopContainer, { container: alone.id, graceSeconds: 0 });
    await gone(above(lone));
  });

  groupTest('inside, a container sees its own cgroup as the root', async (_, helper) => {
    const { stdout } = await helper.runToEnd({ args: ['/bin/cat', '/proc/self/cgroup'], group: 'seen' });
    const lines = stdout.trim().split('\n');
    const own = lines.filter((line) =>
      version === 'v2' ? line.startsWith('0::') : /^\d+:[^:]*(memory|pids)/.test(line),
    );
    assert.ok(own.length > 0, stdout);
    for (const line of own) assert.match(line, /:\/$/);
  });

  groupTest('a limit of processes holds the two containers of a pod together', async (_, helper) => {
    await helper.request(protocol.CreatePod, { name: 'bombs' });
    // Before there is a container, and so a cgroup.
    await limit(helper, 'bombs', { 'pids.max': '25' });
    const [one, two] = [
      await helper.run({ args: sleeping, pod: 'bombs', resources: seatBelt }),
      await helper.run({ args: sleeping, pod: 'bombs', resources: seatBelt }),
    ];
    const group = above(await foldersOf(helper, one.id));
    assert.deepEqual(above(await foldersOf(helper, two.id)), group);
    assert.equal(numberIn(fileIn(group, 'pids.max')), 25);
    for (const { id } of [one, two]) {
      await helper.request(protocol.ExecInContainer, { container: id, process: { args: bomb } });
    }
    const current = fileIn(group, 'pids.current');
    await eventually('the limit to be met', () => numberIn(current) >= 24);
    for (let look = 0; look < 20; look++) assert.ok(numberIn(current) <= 25, `${numberIn(current)} processes`);
    await helper.request(protocol.RemovePod, { pod: 'bombs', force: true });
    await gone(group);
    assert.deepEqual(await helper.ask(protocol.ListGroups), []);
  });

  groupTest('a limit of memory holds two containers together', async (_, helper) => {
    const quiet = await helper.run({ args: perl(4), group: 'hungry' });
    const file = fileIn(above(await foldersOf(helper, quiet.id)), 'memory.max', 'memory.limit_in_bytes');
    await eventually('its four steps', async () => (await helper.output(quiet.id)).includes('4'));
    await limit(helper, 'hungry', { 'memory.max': String(100 * MiB), 'memory.swap.max': '0' });
    assert.equal(numberIn(file), 100 * MiB);
    const greedy = await helper.run({ args: perl(40), group: 'hungry' });
    const ended = await helper.request(protocol.WaitContainer, { container: greedy.id });
    assert.equal(ended.exit?.oomKilled, true);
    const steps = (await helper.output(greedy.id)).trim().split('\n').length;
    // What the kernel takes first is the larger one: it may be the quiet one's 40 MiB, or the new one's.
    const kept = (await helper.summary(quiet.id)).state === 'running';
    const most = kept ? 6 : 9;
    assert.ok(
      steps >= most - 2 && steps <= most,
      `${steps} steps of 10 MiB beside one of 40 MiB that ${kept ? 'runs' : 'died'}`,
    );
  });

  groupTest('a limit of all containers holds across groups, and max clears it', async (_, helper) => {
    const [one, two] = [
      await helper.run({ args: sleeping, resources: seatBelt }),
      await helper.run({ args: sleeping, group: 'some', resources: seatBelt }),
    ];
    const top = above(await foldersOf(helper, one.id));
    await limit(helper, protocol.allContainers, { 'pids.max': '25', 'memory.max': String(300 * MiB) });
    assert.equal(numberIn(fileIn(top, 'pids.max')), 25);
    const memory = fileIn(top, 'memory.max', 'memory.limit_in_bytes');
    assert.equal(numberIn(memory), 300 * MiB);
    const effective = { value: String(300 * MiB), path: path.dirname(memory) };
    assert.deepEqual(await effectiveLimit(helper, two.id, 'memory.max'), effective);
    for (const container of [one.id, two.id]) {
      await helper.request(protocol.ExecInContainer, { container, process: { args: bomb } });
    }
    const current = fileIn(top, 'pids.current');
    await eventually('the limit to be met', () => numberIn(current) >= 24);
    for (let look = 0; look < 20; look++) assert.ok(numberIn(current) <= 25, `${numberIn(current)} processes`);
    await limit(helper, protocol.allContainers, { 'pids.max': 'max' });
    assert.equal(readFileSync(fileIn(top, 'pids.max'), 'utf8').trim(), 'max');
    for (const { id } of [one, two]) await helper.request(protocol.KillContainer, { container: id });
    await gone(top);
    // Kept for the next time it is made.
    const later = await helper.run({ args: sleeping });
    const again = above(await foldersOf(helper, later.id));
    assert.equal(numberIn(fileIn(again, 'memory.max', 'memory.limit_in_bytes')), 300 * MiB);
  });

  groupTest('a container starts in a group that is tighter than itself', async (_, helper) => {
    const first = await helper.run({ args: sleeping, group: 'tight' });
    await limit(helper, 'tight', { 'memory.max': String(64 * MiB), 'pids.max': '20' });
    const { id } = await helper.run({
      args: sleeping,
      group: 'tight',
      resources: { memory: { limit: 512 * MiB }, pids: { limit: 100 } },
    });
    assert.equal((await effectiveLimit(helper, id, 'memory.max'))?.value, String(64 * MiB));
    assert.equal((await effectiveLimit(helper, id, 'pids.max'))?.value, '20');
    await helper.request(protocol.KillContainer, { container: first.id });
    await helper.request(protocol.KillContainer, { container: id });
  });

  groupTest(
    'two helpers start and end containers of one group at once: none fails, nothing is left',
    async (place, helper) => {
      const probe = await helper.run({ args: sleeping });
      const top = above(await foldersOf(helper, probe.id));
      await helper.request(protocol.RemoveContainer, { container: probe.id, force: true });
      const helpers = [helper, await place.helper()];
      await Promise.all(
        helpers.map(async (each) => {
          for (let round = 0; round < 12; round++) {
            const { exit } = await each.runToEnd({ args: ['/bin/true'], group: 'race' });
            assert.equal(exit.exitCode, 0);
          }
        }),
      );
      await gone(top);
    },
  );

  groupTest('monitors and helpers that are killed leave nothing behind', async (place, helper) => {
    const [one, two, left] = [
      await helper.run({ args: sleeping, group: 'crash' }),
      await helper.run({ args: sleeping, group: 'crash' }),
      await helper.run({ args: sleeping }),
    ];
    const folders = await foldersOf(helper, one.id);
    const monitors = [one, two, left].map(({ init }) => parentOf(init?.pid ?? 0));
    await helper.crash();
    for (const pid of monitors) process.kill(pid, 'SIGKILL');
    for (const { init } of [one, two, left]) {
      // What a monitor watched runs on without it, or ends with it; either way nobody is there to tidy up.
      if (init !== undefined && startTimeOf(init.pid) === init.startTime) killUnlessEnded(init.pid);
    }
    await eventually('their ends', () =>
      [one, two, left].every(({ init }) => startTimeOf(init?.pid ?? 0) === undefined),
    );
    assert.ok(
      folders.some((folder) => existsSync(folder)),
      'the kernel keeps cgroups that nobody removes',
    );
    const next = await place.helper();
    await gone(above(folders, 2));
    for (const { id } of [one, two, left]) assert.equal((await next.summary(id)).state, 'stopped');
  });

  groupTest(
    'a monitor is killed while a helper lives: what it left goes as soon as anything changes',
    async (_, helper) => {
      const one = await helper.run({ args: sleeping, group: 'lost' });
      const folders = await foldersOf(helper, one.id);
      const pid = one.init?.pid ?? 0;
      process.kill(parentOf(pid), 'SIGKILL');
      if (startTimeOf(pid) === one.init?.startTime) killUnlessEnded(pid);
      await eventually('its end', async () => (await helper.summary(one.id)).state === 'stopped');
      assert.equal((await helper.summary(one.id)).monitorLost, true);
      const two = await helper.run({ args: sleeping });
      await gone([...folders, ...above(folders)]);
      assert.ok(above(await foldersOf(helper, two.id)).every((folder) => existsSync(folder)));
    },
  );

  groupTest(
    'the zygote is killed: groups hold what ran and what is started next, and go in the end',
    async (_, helper) => {
      const one = await helper.run({ args: sleeping, group: 'orphans' });
      process.kill(parentOf(parentOf(one.init?.pid ?? 0)), 'SIGKILL');
      const before = await foldersOf(helper, one.id);
      const two = await helper.run({ args: sleeping, group: 'orphans' });
      const after = await foldersOf(helper, two.id);
      for (const { id } of [one, two]) await helper.request(protocol.KillContainer, { container: id });
      await gone([...above(before, 2), ...above(after, 2)]);
    },
  );

  groupTest('a helper that is killed while it starts containers leaves nothing behind', async (place, helper) => {
    const probe = await helper.run({ args: sleeping });
    const top = above(await foldersOf(helper, probe.id));
    await helper.request(protocol.RemoveContainer, { container: probe.id, force: true });
    await gone(top);
    for (const milliseconds of [2, 5, 8, 12, 20]) {
      const victim = await place.helper();
      // Nobody waits for the answers.
      for (let i = 0; i < 3; i++) victim.run({ args: sleeping, group: `g${i}` }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await victim.crash();
    }
    const next = await place.helper();
    // Those that had come to be are adopted: they are there, and go as any other.
    await eventually('every start to be settled', async () => {
      const all = await next.ask(protocol.ListContainers);
      return all.every(({ state }) => state !== 'creating');
    });
    for (const { id } of await next.ask(protocol.ListContainers)) {
      await next.request(protocol.RemoveContainer, { container: id, force: true });
    }
    await gone(top);
  });

  groupTest('a group that nothing is in is swept when a helper starts', async (place, helper) => {
    const one = await helper.run({ args: sleeping, group: 'swept' });
    const [folder = ''] = await foldersOf(helper, one.id);
    await helper.request(protocol.KillContainer, { container: one.id });
    const top = path.join(folder, '../..');
    await gone([top]);
    // It would sweep it when it hears of the end.
    await helper.stop();
    // As a helper leaves it that is killed between making the group and starting the container.
    mkdirSync(path.join(top, 'group-swept'), { recursive: true });
    assert.deepEqual(
      readdirSync(top, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name),
      ['group-swept'],
    );
    await place.helper();
    await gone([top]);
  });
}
