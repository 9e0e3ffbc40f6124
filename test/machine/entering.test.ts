import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { isAlive } from '../../helper/inspect/stat.js';
import * as protocol from '../../helper/protocol/index.js';
import { until } from '../kernel/cgroup/bed.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { inodeOf, unshared } from '../kernel/namespaces/shells.js';
import { readToEnd } from '../kernel/support/attached.js';
import { parentOf } from '../kernel/support/kernel.js';

// Here alone a control group of version 2 can be joined, and the user has a systemd that starts what is to outlive the helper.
const MiB = 1024 * 1024;

/** Everything takes several times as long in user-mode Linux, most of all on a busy machine. */
const patience = 60;

/** Perl's, which is in every Debian. */
const hog = `my $s = "x" x ${30 * MiB}; sleep 600`;

/** The one line of /proc/PID/cgroup, without its `0::`. */
const groupOf = (pid: number): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
const memoryOf = (group: string): number =>
  Number(readFileSync(path.join('/sys/fs/cgroup', group, 'memory.current'), 'utf8'));

async function up(helper: MessageConnection, specification: protocol.ContainerSpecification) {
  const { summary } = await helper.sendRequest(protocol.RunContainer, { specification });
  const pid = summary.init?.pid ?? 0;
  return { id: summary.id, name: summary.name, pid, group: groupOf(pid) };
}

/** What a script says in a container. */
async function said(helper: MessageConnection, container: string, script: string): Promise<string> {
  const process = { args: ['/bin/sh', '-c', script], terminal: false };
  const { attach } = await helper.sendRequest(protocol.ExecInContainer, { container, process });
  const { stdout, stderr, exitCode } = await readToEnd(attach);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

test('v2: the cgroup namespace of another container: its group is the top of what is seen', async (t) => {
  const helper = await startHelper(t);
  const owner = await up(helper, { name: 'owner', resources: { memory: { limit: 200 * MiB } } });
  const joined = await up(helper, { namespaces: { cgroup: { container: 'owner' } } });
  const apart = await up(helper, {});
  assert.equal(inodeOf(joined.pid, 'cgroup'), inodeOf(owner.pid, 'cgroup'));
  assert.notEqual(inodeOf(apart.pid, 'cgroup'), inodeOf(owner.pid, 'cgroup'));
  // The group it is in is its own all the same.
  assert.equal(path.basename(joined.group), joined.id);
  const script = 'cat /proc/self/cgroup /sys/fs/cgroup/memory.max';
  assert.equal(await said(helper, owner.id, script), `0::/\n${200 * MiB}\n`);
  assert.equal(await said(helper, joined.id, script), `0::/../${joined.id}\n${200 * MiB}\n`);
  assert.equal(await said(helper, apart.id, script), '0::/\nmax\n');
});

test('v2: the cgroup namespace of a process that Terrarium did not start', async (t) => {
  const helper = await startHelper(t);
  const shell = await unshared(t, ['--user', '--map-root-user', '--cgroup', '--mount', '--pid', '--fork']);
  const whose = { process: shell.pid };
  const joined = await up(helper, { namespaces: { user: whose, cgroup: whose } });
  assert.equal(inodeOf(joined.pid, 'cgroup'), inodeOf(shell.pid, 'cgroup'));
  assert.equal(path.basename(joined.group), joined.id);
  await helper.sendRequest(protocol.RemoveContainer, { container: joined.id, force: true });
});

test('v2: who enters a container is in its group, and counted there', async (t) => {
  const helper = await startHelper(t);
  const { id, group } = await up(helper, { resources: { memory: { limit: 100 * MiB, swap: 100 * MiB } } });
  const before = memoryOf(group);
  const enter = { container: id, process: { args: ['/usr/bin/perl', '-e', hog], terminal: false } };
  const { identity, notices } = await helper.sendRequest(protocol.ExecInContainer, enter);
  assert.equal(groupOf(identity.pid), group);
  assert.equal(notices, undefined);
  await until(() => memoryOf(group) > before + 25 * MiB, 'its memory is counted there', patience);
});

const systemctl = (...args: string[]): string =>
  execFileSync('systemctl', ['--user', ...args], { encoding: 'utf8' }).trim();

/** A process in namespaces of its own, which is a unit of the user's systemd. */
async function unitOfItsOwn(t: TestContext): Promise<{ pid: number; group: string }> {
  const unit = `entered-${process.pid}.service`;
  t.after(() => systemctl('stop', unit));
  const command = ['unshare', '--user', '--map-root-user', '--cgroup', '--mount', 'sleep', '600'];
  execFileSync('systemd-run', [
    '--user',
    `--unit=${unit}`,
    '--collect',
    '--quiet',
    '--property=MemoryMax=80M',
    ...command,
  ]);
  const pid = Number(systemctl('show', '--property=MainPID', '--value', unit));
  await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', 'it is in its namespaces', patience);
  return { pid, group: groupOf(pid) };
}

test('v2: a process of another unit is entered from a unit that systemd makes for it, into its group', async (t) => {
  const helper = await startHelper(t);
  const target = await unitOfItsOwn(t);
  const before = memoryOf(target.group);
  const asked = { process: { pid: target.pid }, args: ['/usr/bin/perl', '-e', hog] };
  const { identity, notices } = await helper.sendRequest(protocol.EnterProcess, asked);
  assert.deepEqual([groupOf(identity.pid), notices], [target.group, undefined]);
  assert.equal(inodeOf(identity.pid, 'cgroup'), inodeOf(target.pid, 'cgroup'));
  await until(() => memoryOf(target.group) > before + 25 * MiB, 'its memory is counted there', patience);

  const monitor = parentOf(identity.pid);
  const unit = path.basename(groupOf(monitor));
  assert.match(groupOf(monitor), /\/app\.slice\/terrarium-[0-9a-f]{8}\.service$/);
  assert.equal(
    readFileSync(`/proc/${parentOf(monitor)}/comm`, 'utf8'),
    'systemd\n',
    'it is no descendant of the helper',
  );
  await helper.sendRequest(protocol.SignalProcess, { process: identity, signal: 'KILL' });
  await until(
    () => !isAlive(identity) && systemctl('list-units', '--all', '--plain', '--no-legend', unit) === '',
    'its unit is gone',
    patience,
  );
});

test('v2: where the group is not one’s own, that is said, and the process is entered all the same', async (t) => {
  const helper = await startHelper(t);
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--cgroup', '--mount']);
  const asked = { process: { pid }, args: ['sleep', '600'] };
  const { identity, notices = [] } = await helper.sendRequest(protocol.EnterProcess, asked);
  t.after(() => process.kill(identity.pid, 'SIGKILL'));
  assert.match(groupOf(identity.pid), /\/app\.slice\/terrarium-[0-9a-f]{8}\.service$/);
  assert.match(notices.join(' '), /not in all control groups .*session-.*\.scope/);
});
