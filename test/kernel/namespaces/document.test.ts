import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { freePort } from '../support/freePort.js';
import { statusField } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { inodeOf, unshared } from './shells.js';

const bed = new Bed();

const inspect = (target: protocol.ProcessTarget, more: Partial<protocol.InspectProcessParams> = {}) =>
  bed.helper.request(protocol.Inspect, { target, ...more });

test('one document tells of a container what was asked for and what the kernel made of it', async () => {
  const args = ['/bin/sh', '-c', 'sleep 600 & exec sleep 601'];
  // Others of this machine's users run this test at the same time.
  const hostPort = await freePort();
  const { id, name, pid } = await bed.up({
    args,
    annotations: { 'org.example.purpose': 'looking' },
    capabilities: { drop: ['CAP_CHOWN'] },
    ports: [{ hostPort, containerPort: 80 }],
  });
  const document = await eventually('both commands', async () => {
    const found = await inspect({ container: name });
    const commands = found.processes?.map(({ command }) => command);
    return commands?.includes('sleep 600') && commands.includes('sleep 601') ? found : undefined;
  });
  // OCI's state, and the configuration.
  assert.deepEqual(
    [document.ociVersion, document.id, document.name, document.status, document.pid],
    ['1.1.0', id, name, 'running', pid],
  );
  assert.deepEqual(document.annotations, { 'org.example.purpose': 'looking' });
  assert.deepEqual(document.config?.process.args, args);
  assert.ok((document.config?.linux.seccomp?.syscalls?.length ?? 0) > 0);
  // The kernel's side.
  const { kernel } = document;
  assert.equal(kernel?.identity.pid, pid);
  assert.equal(kernel?.linux.seccomp.mode, 'filter');
  assert.equal(statusField(pid, 'Seccomp'), '2');
  assert.ok(!kernel?.process.capabilities.bounding.includes('CAP_CHOWN'));
  assert.ok(kernel?.mounts?.some(({ destination }) => destination === '/proc'));
  assert.equal(kernel?.linux.namespaces?.find(({ type }) => type === 'network')?.inode, inodeOf(pid, 'net'));
  // Its network is told without tools inside; the port is published.
  assert.equal(document.network?.inode, inodeOf(pid, 'net'));
  assert.deepEqual(
    document.network?.interfaces.map((one) => one.name),
    ['lo'],
  );
  assert.deepEqual(
    document.ports?.map(({ hostPort, containerPort }) => [hostPort, containerPort]),
    [[hostPort, 80]],
  );
  assert.deepEqual(document.unreadable, {});
  assert.equal(JSON.stringify(document).includes('"env":'), true);
  assert.equal(kernel?.process.env, undefined);
  assert.ok((await inspect({ container: name }, { environment: true })).kernel?.process.env !== undefined);
});

test('processes are told with CPU time, threads, and the namespaces in which they are elsewhere than the first', async () => {
  const { name, pid } = await bed.up({
    args: [
      '/bin/sh',
      '-c',
      'unshare -n sleep 602 & i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done; exec sleep 603',
    ],
    capabilities: { add: ['CAP_SYS_ADMIN'] },
    nestedNamespaces: true,
  });
  const [first, second] = await eventually('both commands', async () => {
    const { processes = [] } = await inspect({ container: name });
    const found = ['sleep 603', 'sleep 602'].map((command) => processes.find((one) => one.command === command));
    return found.every((one) => one !== undefined) ? found : undefined;
  });
  assert.deepEqual([first?.identity.pid, first?.ownNamespaces, first?.threads], [pid, [], 1]);
  assert.deepEqual(second?.ownNamespaces, ['network']);
  assert.notEqual(inodeOf(second?.identity.pid ?? 0, 'net'), inodeOf(pid, 'net'));
  // utime and stime, fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
  const used = () => {
    const [, , ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) |\s/);
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  };
  // It has just begun to sleep: what it still uses until then is not told twice alike.
  const told = await eventually('its CPU time as the kernel has it before and after', async () => {
    const before = used();
    const { processes = [] } = await inspect({ container: name });
    const own = processes.find(({ identity }) => identity.pid === pid)?.cpuMicroseconds;
    return before === used() && { own, before };
  });
  assert.equal(told.own, told.before);
  assert.ok(told.before > 0);
});

test('the same document of a process that is not ours, and what of the machine may not be read', async (t) => {
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--net', '--uts', '--pid', '--fork', '--kill-child']);
  const document = await inspect({ pid });
  assert.deepEqual(
    [document.pid, document.status, document.id, document.config, document.ports],
    [pid, 'running', undefined, undefined, undefined],
  );
  assert.equal(document.kernel?.identity.pid, pid);
  assert.deepEqual(
    document.processes?.map(({ identity, innerPid }) => [identity.pid, innerPid]),
    [[pid, 1]],
  );
  assert.deepEqual(
    document.network?.interfaces.map(({ name, state }) => [name, state]),
    [['lo', 'down']],
  );
  assert.deepEqual(document.unreadable, {});

  if (process.getuid?.() === 0) return;
  const first = await inspect({ pid: 1 });
  assert.equal(first.pid, 1);
  assert.match(first.kernel?.unreadable['linux.namespaces'] ?? '', /^EACCES/);
  assert.ok(first.network?.unreadable !== undefined, JSON.stringify(first.network));
});

test('of a container that does not run, what it was and is to be', async () => {
  const { id, name } = await bed.helper.run(bed.script('exit 3'));
  await bed.helper.request(protocol.WaitContainer, { container: id });
  const document = await inspect({ container: name });
  assert.deepEqual([document.status, document.pid, document.exitCode], ['stopped', 0, 3]);
  assert.deepEqual([document.kernel, document.processes, document.network], [undefined, undefined, undefined]);
  assert.equal(document.config?.root.path, path.join(document.bundle ?? '', 'rootfs'));
  await fails(inspect({ container: 'nosuch' }), { code: protocol.ErrorCode.NotFound, message: /nosuch/ });
  await fails(inspect({ pid: 4_194_303 }), { code: protocol.ErrorCode.NotFound, message: /4194303/ });
});
