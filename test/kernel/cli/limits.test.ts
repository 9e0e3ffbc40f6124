import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { LimitEdit, LimitsOutcome, LimitsPreview, LimitsReport } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await said(...args)) as T;

const up = (name: string, ...args: string[]) =>
  said('run', '-d', '--name', name, '--root', command.root, ...args, '--', 'sleep', '600');

/** The kernel's file of a limit of a container that runs; undefined, and the test is skipped, without cgroups. */
async function fileOf(t: TestContext, container: string, name: string): Promise<string | undefined> {
  const { mode, notice, readings } = await json<LimitsReport>('limits', '--json', container);
  if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
  return mode === 'none' ? undefined : readings.find((reading) => reading.name === name)?.files[0];
}

test('shown, where cgroups are delegated and where not', async () => {
  await up('shown');
  const { mode, notice } = await json<LimitsReport>('limits', '--json', 'shown');
  const text = await said('limits', 'shown');
  // Where nothing can hold it, what nobody asked for is not listed.
  assert.equal(/^pids\.max/m.test(text), mode !== 'none');
  assert.match(text, /^RLIMIT_NOFILE +\d/m);
  assert.equal(text.startsWith('OF EACH PROCESS'), mode === 'none');
  if (mode !== 'none') return;
  assert.ok(notice !== undefined && text.includes(notice.remedy), text);
  const limited = await command.terrarium(['run', '--rm', '--pids', '20', '--root', command.root, '--', 'true']);
  for (const { status, stderr } of [limited, await command.terrarium(['limits', 'shown', 'pids.max=30'])]) {
    assert.equal(status, 125);
    assert.match(stderr, /cause: .*\n {2}fix: /);
  }
  // What there is without.
  assert.match(await said('limits', 'shown', 'RLIMIT_NOFILE=64'), /^RLIMIT_NOFILE +64 /m);
});

test('changed in the units of people, foreseen, listed, undone', async (t) => {
  await up('changed');
  const file = await fileOf(t, 'changed', 'memory.max');
  if (file === undefined) return;
  const preview = await json<LimitsPreview>('limits', '--json', '--preview', 'changed', 'memory.max=64 MiB');
  assert.deepEqual(
    preview.writes.filter((write) => write.file === file).map(({ data }) => data),
    ['67108864'],
  );
  assert.match(await said('limits', '--preview', 'changed', 'memory.max=64 MiB'), /Uses .* of it/);
  const before = readFileSync(file, 'utf8');
  assert.match(await said('limits', 'changed', 'memory.max=64 MiB', 'pids.max=30'), /^memory\.max +64 MiB +max$/m);
  assert.equal(readFileSync(file, 'utf8').trim(), '67108864');
  const edits = await json<LimitEdit[]>('limits', '--json', '--edits', 'changed');
  assert.deepEqual(
    edits.map(({ kind, changes }) => [kind, changes.length]),
    [['edit', 2]],
  );
  assert.match(await said('limits', '--edits', 'changed'), /edit +memory\.max max -> 64 MiB, pids\.max max -> 30/);
  assert.match(await said('limits', 'changed'), /--undo takes back: memory\.max max -> 64 MiB/);
  await said('limits', '--undo', 'changed');
  assert.equal(readFileSync(file, 'utf8'), before);
  const refused = await command.terrarium(['limits', '--undo', 'changed']);
  assert.equal(refused.status, 125);
  assert.match(refused.stderr, /to undo\n {2}cause: .*\n {2}fix: /);
});

test('a preset, until the next start', async (t) => {
  await up('preset');
  const file = await fileOf(t, 'preset', 'pids.max');
  if (file === undefined) return;
  const changes = ['--preset', 'tiny', '--until-restart', 'preset', 'pids.max=31'];
  // Without swap accounting there is nothing that could say "no swap".
  const report = await json<LimitsReport>('limits', '--json', 'preset');
  if (report.readings.find(({ name }) => name === 'memory.swap.max')?.writable !== true) {
    assert.match((await command.terrarium(['limits', ...changes])).stderr, /memory\.swap\.max/);
    t.skip('the kernel does not account for swap here');
    return;
  }
  const outcome = await json<LimitsOutcome>('limits', '--json', ...changes);
  assert.equal(readFileSync(file, 'utf8').trim(), '31');
  const next = Object.fromEntries(outcome.report.readings.map(({ name, nextStart }) => [name, nextStart]));
  assert.deepEqual([next['pids.max'], next['memory.max']], ['max', 'max']);
});

test('a group, all containers, and a control group by its path', async (t) => {
  await up('member', '--group', 'lab');
  const file = await fileOf(t, 'member', 'pids.max');
  if (file === undefined) return;
  await said('limits', '--group', 'lab', 'pids.max=50');
  assert.match(await said('limits', 'member'), /^pids\.max .* 50 by \S*lab/m);
  await said('limits', '--group', 'lab', '--undo');
  await said('limits', '--all', 'pids.max=300');
  assert.match(await said('limits', 'member'), /^pids\.max .* 300 by /m);
  await said('limits', '--all', '--undo');
  const cgroup = file.slice(0, file.lastIndexOf('/'));
  const report = await json<LimitsReport>('limits', '--json', '--cgroup', cgroup);
  assert.deepEqual(report.title, 'member');
  const refused = await command.terrarium(['limits', '--cgroup', '/etc']);
  assert.match(refused.stderr, /no control group/);
});

test('tried: rolled back by time and by Ctrl+C, kept by Enter', async () => {
  await up('tried');
  const soft = async () => {
    const { readings } = await json<LimitsReport>('limits', '--json', 'tried');
    return readings.find(({ name }) => name === 'RLIMIT_NOFILE')?.value;
  };
  const before = await soft();
  const over = await command.terrarium(['limits', 'tried', 'RLIMIT_NOFILE=64', '--try', '5']);
  assert.deepEqual([over.status, /On trial for 5 s\..*\nRolled back\.\n$/.test(over.stderr)], [0, true], over.stderr);
  assert.equal(await soft(), before);

  const interrupted = await command.shell(
    `"$node" "$cli" limits tried RLIMIT_NOFILE=64 --try 600 > out 2> err & tried=$!
     until grep -q 'On trial' err; do sleep 0.05; done
     kill -INT $tried; wait $tried; echo $?; cat err`,
  );
  assert.match(interrupted.stdout, /^0\nOn trial .*\nRolled back\.\n$/);
  assert.equal(await soft(), before);

  // A terminal, for only there is anybody asked.
  const kept = await command.shell(
    `{ until grep -q 'Enter keeps it' typed 2> /dev/null; do sleep 0.05; done; echo; } |
       script -qfec '"$node" "$cli" limits tried RLIMIT_NOFILE=64 --try 600' typed`,
  );
  assert.deepEqual([kept.status, /Kept\.\r?\n$/.test(kept.stdout)], [0, true], kept.stdout + kept.stderr);
  assert.equal(await soft(), '64');
});

test('what is no limit', async () => {
  await up('nonsense');
  for (const change of ['pids.max=many', 'nosuch=1', 'nosuch.limit=1']) {
    const { status, stderr } = await command.terrarium(['limits', 'nonsense', change]);
    assert.equal(status, 125, change);
    assert.notEqual(stderr, '');
  }
});
