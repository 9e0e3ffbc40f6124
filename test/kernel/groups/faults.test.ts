import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findHierarchies } from '../../../helper/cgroup/hierarchies.js';
import * as protocol from '../../../helper/protocol/index.js';
import { TestHelper } from '../support/helper.js';
import { type Home, makeHome, removeHome } from '../support/home.js';
import { startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const sleeping = ['/bin/sh', '-c', 'exec sleep 60'];

async function start(t: TestContext, home: Home): Promise<TestHelper> {
  const helper = await TestHelper.start(home);
  t.after(async () => {
    for (const { id } of await helper.ask(protocol.ListContainers)) {
      await helper.request(protocol.RemoveContainer, { container: id, force: true });
    }
    await helper.stop();
    await removeHome(home);
  });
  return helper;
}

/** A home in which there seems to be a systemd of the user's, whose systemd-run is `script`. */
function homeWithSystemd(script: (folder: string) => string): Home {
  const home = makeHome();
  const runtime = home.environment.XDG_RUNTIME_DIR ?? '';
  mkdirSync(path.join(runtime, 'systemd'));
  writeFileSync(path.join(runtime, 'systemd/private'), '');
  const bin = path.join(home.folder, 'bin');
  mkdirSync(bin);
  const program = path.join(bin, 'systemd-run');
  writeFileSync(program, `#!/bin/sh\n${script(home.folder)}\n`);
  chmodSync(program, 0o755);
  return { ...home, environment: { ...home.environment, PATH: `${bin}:${home.environment.PATH}` } };
}

test('without cgroups a container in a group starts; limits of the group are refused, with a way out', async (t) => {
  const helper = await start(t, makeHome());
  const { id } = await helper.run({ args: sleeping, group: 'lab' });
  assert.equal((await helper.summary(id)).group, 'lab');
  const { mode, notice } = await helper.request(protocol.ReadLimits, { group: 'lab' });
  if (mode !== 'none') return t.skip('cgroups are delegated to this user');
  assert.ok(notice && notice.reason !== '' && notice.remedy !== '');
  const changes = [{ name: 'pids.max', value: '20' }];
  await assert.rejects(helper.request(protocol.SetLimits, { target: { group: 'lab' }, changes }), {
    code: protocol.ErrorCode.Unavailable,
  });
  assert.deepEqual(await helper.ask(protocol.ListGroups), [{ name: 'lab', containers: [id], live: false }]);
});

test('limits kept for a group: a damaged file is told of with its group, and hides no other', async (t) => {
  const home = makeHome();
  const helper = await start(t, home);
  const { id } = await helper.run({ args: sleeping, group: 'sound' });
  const file = path.join(home.data, 'groups/group-broken.json');
  writeFileSync(file, '{"version":1');
  assert.deepEqual(
    (await helper.ask(protocol.ListGroups)).map(({ name, containers }) => [name, containers]),
    [
      ['broken', []],
      ['sound', [id]],
    ],
  );
  await assert.rejects(helper.run({ args: sleeping, group: 'broken' }), (error: protocol.TerrariumError) => {
    assert.deepEqual([error.code, error.data?.path], [protocol.ErrorCode.BadInput, file]);
    return true;
  });
  assert.equal((await helper.ask(protocol.ListContainers)).length, 1, 'a start that fails leaves nothing behind');
});

test('what cannot be the name of a group is refused wherever it is said', async (t) => {
  const helper = await start(t, makeHome());
  for (const group of ['../lab', '..', 'a/b', 'a b', '', 'x'.repeat(64)]) {
    await assert.rejects(helper.run({ args: sleeping, group }), { code: protocol.ErrorCode.Invalid }, group);
    await assert.rejects(helper.request(protocol.ReadLimits, { group }), { code: protocol.ErrorCode.Invalid }, group);
  }
  await assert.rejects(helper.request(protocol.ReadLimits, { group: 'nobody' }), {
    code: protocol.ErrorCode.NotFound,
  });
});

test('systemd refuses: containers start all the same', async (t) => {
  const helper = await start(
    t,
    homeWithSystemd(() => "echo 'Failed to connect to bus: No medium found' >&2; exit 1"),
  );
  const { exit } = await helper.runToEnd({ args: ['/bin/true'] });
  assert.equal(exit.exitCode, 0);
});

test('systemd never answers: it is waited for in vain, given up and ended; containers start all the same', async (t) => {
  const home = homeWithSystemd((folder) => `echo $$ > '${folder}/asked'; exec sleep 600`);
  const pidFile = path.join(home.folder, 'asked');
  const helper = await start(t, home);
  const { exit } = await helper.runToEnd({ args: ['/bin/true'] });
  assert.equal(exit.exitCode, 0);
  assert.ok(existsSync(pidFile), 'systemd was asked');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await eventually('the end of systemd-run', () => startTimeOf(pid) === undefined);
});

test('in a cgroup namespace a mount from outside is not taken for our own place', (t) => {
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  const deep = own.split('\n').filter((line) => /^\d+:[^:]*:\/./.test(line));
  if (deep.length === 0) return t.skip('this process is in the root group of every hierarchy');
  const look = ['sh', '-c', 'cat /proc/self/cgroup; echo --; cat /proc/self/mountinfo'];
  const inside = execFileSync('unshare', ['--user', '--map-root-user', '--cgroup', ...look], { encoding: 'utf8' });
  const [groups = '', mounts = ''] = inside.split('--\n');
  assert.match(groups, /:\/$/m);
  const found = findHierarchies(groups, mounts).map(({ mountPoint }) => mountPoint);
  const outside = findHierarchies(own, readFileSync('/proc/self/mountinfo', 'utf8'));
  const hidden = outside.filter(({ folder, mountPoint }) => folder !== mountPoint);
  assert.ok(hidden.length > 0);
  for (const { mountPoint } of hidden) assert.ok(!found.includes(mountPoint), mountPoint);
});
