import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import {
  ErrorCode,
  InspectProcess,
  type InspectProcessParams,
  type ProcessInspection,
} from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { namespaceLinks, startTimeOf, statusField } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { childrenOf, inodeOf, lsns, unshared } from './shells.js';

const bed = new Bed();

const inspect = (target: InspectProcessParams['target'], more: Omit<InspectProcessParams, 'target'> = {}) =>
  bed.helper.request(InspectProcess, { target, ...more });

/** What another program prints. */
const said = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' }).trim();

const setFields = {
  bounding: 'CapBnd',
  effective: 'CapEff',
  permitted: 'CapPrm',
  inheritable: 'CapInh',
  ambient: 'CapAmb',
} as const;

/** Names as capsh(1) decodes them. */
function decoded(hexadecimal: string): string[] {
  const [, names = ''] = said('capsh', `--decode=${hexadecimal}`).split('=');
  return names === '' ? [] : names.split(',').map((name) => name.toUpperCase());
}

/** Everything that other programs tell of a process too. */
async function assertAsOthersSay(inspection: ProcessInspection): Promise<void> {
  const { pid } = inspection.identity;
  assert.equal(inspection.identity.startTime, startTimeOf(pid));
  assert.deepEqual(
    inspection.linux.namespaces?.map(({ path, inode }) => [path, inode]).sort(),
    namespaceLinks.map((link) => [`/proc/${pid}/ns/${link}`, inodeOf(pid, link)]).sort(),
  );
  const listed = (await lsns('--task', String(pid), '--noheadings', '--raw', '--output', 'NS')).trim();
  assert.deepEqual(
    inspection.linux.namespaces?.map(({ inode }) => inode).sort(),
    listed.split('\n').map(Number).sort(),
  );
  for (const [set, field] of Object.entries(setFields)) {
    const own = inspection.process.capabilities[set as keyof typeof setFields];
    assert.deepEqual([...own].sort(), decoded(statusField(pid, field)).sort(), set);
  }
  const findmnt = JSON.parse(
    said('findmnt', '--task', String(pid), '--json', '--list', '--output', 'ID,TARGET,FSTYPE,OPTIONS'),
  ) as {
    filesystems: { id: number; target: string; fstype: string; options: string }[];
  };
  assert.deepEqual(
    inspection.mounts?.map(({ id, destination, type }) => [id, destination, type]).sort(),
    findmnt.filesystems.map(({ id, target, fstype }) => [id, target, fstype]).sort(),
  );
  for (const { id, options } of inspection.mounts ?? []) {
    const shown = findmnt.filesystems.find((mount) => mount.id === id)?.options.split(',') ?? [];
    assert.deepEqual(
      options.filter((option) => !shown.includes(option)),
      [],
      `options of mount ${id}`,
    );
  }
  const limits = said('prlimit', '--pid', String(pid), '--noheadings', '--raw', '--output', 'RESOURCE,SOFT,HARD');
  assert.deepEqual(
    inspection.process.rlimits?.map(({ type, soft, hard }) => [type, String(soft), String(hard)]).sort(),
    limits
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name, soft, hard]) => [`RLIMIT_${name}`, soft, hard])
      .sort(),
  );
  const [real, effective, saved, fileSystem] = statusField(pid, 'Uid').split('\t').map(Number);
  const { user } = inspection.process;
  assert.deepEqual(
    [user.real.outside, user.effective.outside, user.saved.outside, user.fileSystem.outside],
    [real, effective, saved, fileSystem],
  );
  assert.equal(inspection.process.noNewPrivileges, statusField(pid, 'NoNewPrivs') === '1');
  assert.equal(inspection.linux.seccomp.filters, Number(statusField(pid, 'Seccomp_filters')));
  assert.equal(inspection.process.oomScoreAdj, Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')));
  assert.equal(inspection.usage.threads, Number(statusField(pid, 'Threads')));
  const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const written = Object.entries(inspection.linux.cgroups ?? {}).map(([controllers, path]) => `${controllers}:${path}`);
  assert.deepEqual(written.sort(), cgroups.map((line) => line.replace(/^\d+:/, '')).sort());
}

test('of a process of our own, all that other programs say of it', async () => {
  const inspection = await inspect({ pid: process.pid }, { environment: true, files: true });
  await assertAsOthersSay(inspection);
  assert.deepEqual(inspection.unreadable, {});
  assert.deepEqual(inspection.process.args, readFileSync('/proc/self/cmdline', 'utf8').replace(/\0$/, '').split('\0'));
  assert.equal(inspection.process.cwd, process.cwd());
  assert.equal(inspection.process.executable, readlinkSync('/proc/self/exe'));
  assert.deepEqual(inspection.process.env, readFileSync('/proc/self/environ', 'utf8').replace(/\0$/, '').split('\0'));
  assert.equal(inspection.files?.find(({ fd }) => fd === 0)?.target, readlinkSync('/proc/self/fd/0'));
  assert.deepEqual(new Set(inspection.linux.namespaces?.map(({ relation }) => relation)), new Set(['host']));
  assert.equal(inspection.linux.sysctl?.['kernel.hostname'], readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  assert.equal(inspection.process.umask, statusField(process.pid, 'Umask'));
  assert.equal(inspection.parents[0]?.identity.pid, process.ppid);
  // Computed anew from the clock: no closer than the tick.
  const age = Number(said('ps', '-o', 'etimes=', '-p', String(process.pid)));
  assert.ok(Math.abs(Date.now() - Date.parse(inspection.startedAt) - age * 1000) < 3000, inspection.startedAt);
});

test('environment and files are told only when they are asked for', async () => {
  const { process: document, files } = await inspect({ pid: process.pid });
  assert.deepEqual([document.env, files], [undefined, undefined]);
});

test('of the first process of a container, all that other programs say, and what only the inside knows', async () => {
  const { id, name, pid } = await bed.up({
    args: ['/bin/sh', '-c', 'id -u; id -g; exec sleep 600'],
    hostname: 'looked-at',
    env: ['SECRET=not logged', 'PATH=/bin'],
    sysctl: { 'net.ipv4.ip_unprivileged_port_start': '80' },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }],
  });
  // It executes its last program when it has said this.
  const [uid, gid] = await eventually('ids from inside', async () => {
    const lines = (await bed.helper.output(id)).trim().split('\n');
    return lines.length === 2 && lines.map(Number);
  });
  await eventually('sleep', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'));
  const inspection = await inspect({ container: name }, { environment: true, files: true });
  assert.equal(inspection.identity.pid, pid);
  const { user, group, capabilities } = inspection.process;
  assert.deepEqual([user.real.inside, group.real.inside], [uid, gid]);
  const [, effective = ''] = said('getpcaps', String(pid)).split(' ');
  assert.equal(effective, `${capabilities.effective.map((one) => one.toLowerCase()).join(',')}=ep`);
  assert.deepEqual(inspection.container, { id, name });
  await assertAsOthersSay(inspection);
  assert.deepEqual(inspection.unreadable, {});
  assert.equal(user.real.outside, process.getuid?.());
  assert.equal(inspection.pids.at(-1), 1);
  assert.equal(inspection.linux.sysctl?.['kernel.hostname'], 'looked-at');
  assert.equal(inspection.linux.sysctl?.['net.ipv4.ip_unprivileged_port_start'], '80');
  assert.ok(inspection.process.env?.includes('SECRET=not logged'));
  assert.ok((inspection.files?.length ?? 0) > 0);
  assert.deepEqual(inspection.linux.seccomp.mode, 'filter');
  assert.deepEqual(
    inspection.process.rlimits?.find(({ type }) => type === 'RLIMIT_NOFILE'),
    { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
  );
  const relations = inspection.linux.namespaces?.map(({ type, relation, containers }) => [type, relation, containers]);
  assert.deepEqual(
    relations?.find(([type]) => type === 'network'),
    ['network', 'container', [{ id, name }]],
  );
  assert.match(inspection.linux.mappingExplanation?.join(' ') ?? '', /Root \(uid 0\) inside is you/);
});

test('of the init of ours, which is no program of its own, what only the one around it may read', async () => {
  const { name } = await bed.up({ hostname: 'stays-up' });
  const inspection = await inspect({ container: name }, { files: true });
  assert.deepEqual(inspection.unreadable, {});
  assert.equal(inspection.linux.sysctl?.['kernel.hostname'], 'stays-up');
  assert.equal(typeof inspection.linux.sysctl?.['user.max_user_namespaces'], 'string');
  assert.ok((inspection.files?.length ?? 0) > 0);
});

test('of a process of a subordinate id, its environment and files, by an agent inside', async (t) => {
  const { pid } = await bed.up();
  const before = await bed.helper.request(InspectProcess, { target: { pid } });
  if ((before.linux.uidMappings?.length ?? 0) < 2) return t.skip('no range of subordinate ids');
  const { id } = await bed.helper.run({ root: bed.root, user: '5:5', args: ['/bin/sleep', '600'], env: ['WHO=five'] });
  const init = (await bed.helper.summary(id)).init?.pid ?? 0;
  assert.throws(() => readFileSync(`/proc/${init}/environ`), { code: 'EACCES' });
  const inspection = await inspect({ pid: init }, { environment: true, files: true });
  assert.deepEqual(inspection.unreadable, {});
  assert.ok(inspection.process.env?.includes('WHO=five'));
  assert.equal(inspection.process.user.real.inside, 5);
  assert.notEqual(inspection.process.user.real.outside, process.getuid?.());
  assert.ok(
    inspection.files?.some(({ fd, flags }) => fd === 0 && flags?.includes('O_RDWR')),
    JSON.stringify(inspection.files),
  );
  assert.equal(typeof inspection.usage.readBytes, 'number');
});

test('of a shell of unshare, its own host name and id map, and its environment', async (t) => {
  const script = 'hostname of-the-shell && echo ready && read _';
  const environment = { ...process.env, SHOWN: 'a\u001b[31mb' };
  const options = ['--user', '--map-root-user', '--uts', '--net', '--pid', '--fork', '--kill-child'];
  const { pid } = await unshared(t, options, script, environment);
  const inspection = await inspect({ pid }, { environment: true, files: true });
  await assertAsOthersSay(inspection);
  assert.deepEqual(inspection.unreadable, {});
  assert.equal(inspection.linux.sysctl?.['kernel.hostname'], 'of-the-shell');
  assert.deepEqual(inspection.linux.uidMappings, [{ containerID: 0, hostID: process.getuid?.(), size: 1 }]);
  assert.ok(inspection.process.env?.includes('SHOWN=a\u001b[31mb'));
  assert.equal(inspection.container, undefined);
  assert.deepEqual(
    inspection.linux.namespaces?.filter(({ relation }) => relation === 'other').map(({ type }) => type),
    ['uts', 'network', 'pid', 'user'],
  );
});

test('no agent goes where somebody could trace it: into the user namespace of who sees its pid', async (t) => {
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--uts']);
  const inspection = await inspect({ pid }, { environment: true });
  assert.match(inspection.unreadable['linux.sysctl'] ?? '', /: uts, user\. .*could take hold of an agent/);
  // What is the person's own is read from outside, and so are settings of namespaces that are shared.
  assert.ok((inspection.process.env?.length ?? 0) > 0);
  assert.equal(typeof inspection.linux.sysctl?.['net.ipv4.ip_forward'], 'string');
  const shared = await bed.up({ namespaces: { pid: 'host' }, hostname: 'sees-all' });
  const container = await inspect({ container: shared.name }, { files: true });
  // The one around it, where nobody in the container has any power.
  assert.equal(container.linux.sysctl?.['kernel.hostname'], 'sees-all');
  assert.match(container.unreadable['linux.sysctl'] ?? '', /: user\./);
  assert.deepEqual(Object.keys(container.unreadable), ['linux.sysctl']);
});

test('of a user namespace that has no root yet, what is seen from outside, and why the rest is not', async (t) => {
  const { pid } = await unshared(t, ['--user', '--uts', '--pid', '--fork', '--kill-child']);
  const inspection = await inspect({ pid }, { environment: true });
  assert.deepEqual(Object.keys(inspection.unreadable), ['linux.sysctl']);
  assert.match(
    inspection.unreadable['linux.sysctl'] ?? '',
    /: uts, user\. .*could not be entered: .*EINVAL|Invalid argument/,
  );
  assert.deepEqual(inspection.process.user.real, { outside: process.getuid?.() });
  assert.match(inspection.linux.mappingExplanation?.join(' ') ?? '', /No user is mapped/);
  assert.ok((inspection.process.env?.length ?? 0) > 0);
});

test('what is refused says why at its place, and the rest is told', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may look at every process');
  // The init of the tests' pid namespace is root's.
  const inspection = await inspect({ pid: 1 }, { environment: true, files: true });
  assert.deepEqual(Object.keys(inspection.unreadable).sort(), [
    ...['files', 'linux.namespaces', 'linux.sysctl', 'process.cwd', 'process.env'],
    ...['process.executable', 'root', 'usage.readBytes'],
  ]);
  assert.match(inspection.unreadable['process.env'] ?? '', /^EACCES \(open\)/);
  assert.deepEqual(inspection.process.capabilities.effective.length > 30, true);
  assert.equal(inspection.process.user.real.outside, 0);
});

test('a process that has ended, and another one with its pid, are not there', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  await assert.rejects(inspect({ pid: child.pid ?? 0 }), { code: ErrorCode.NotFound });
  const startTime = startTimeOf(process.pid) ?? 0;
  assert.equal((await inspect({ pid: process.pid, startTime })).identity.startTime, startTime);
  await assert.rejects(inspect({ pid: process.pid, startTime: startTime + 1 }), { code: ErrorCode.NotFound });
  await assert.rejects(inspect({ pid: -1 }), { code: ErrorCode.Invalid });
});

test('a process that has ended and waits for its parent is told as far as it is there', async (t) => {
  // It ends only when the shell has executed a program over itself that waits for nobody.
  const script = '(until read name < /proc/$$/comm && [ "$name" = sleep ]; do :; done) & exec sleep 600';
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(() => void child.kill('SIGKILL'));
  const zombie = await eventually('a zombie', () =>
    childrenOf(child.pid ?? 0).find((pid) => statusField(pid, 'State').startsWith('Z')),
  );
  const inspection = await inspect({ pid: zombie }, { environment: true, files: true });
  assert.equal(inspection.state, 'Z');
  assert.deepEqual(inspection.process.args, []);
  assert.equal(inspection.unreadable['process.executable'], 'The process has ended.');
  assert.equal(inspection.unreadable.mounts, 'The process has ended.');
});
