import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { unshared } from '../namespaces/shells.js';
import { readToEnd } from '../support/attached.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { differingNamespaces, mountsOf, namespacesOf, statusField } from '../support/kernel.js';
import { packRoot } from '../support/root.js';

const bed = new Bed();
const ofHost: protocol.ExecSpecification = { tools: { root: { kind: 'host' } } };

/** A container of one static program, and nothing else to run. */
async function singleProgram(): Promise<{ id: string; pid: number }> {
  const root = path.join(bed.home.folder, `single-${Math.random().toString(36).slice(2)}`);
  mkdirSync(path.join(root, 'etc'), { recursive: true });
  // busybox is what its name says.
  copyFileSync('/bin/busybox', path.join(root, 'sleep'));
  chmodSync(path.join(root, 'sleep'), 0o755);
  writeFileSync(path.join(root, 'etc/motd'), 'of the target\n');
  return bed.up({ root: { kind: 'directory', path: root }, args: ['/sleep', '600'], hostname: 'single' });
}

async function stay(t: TestContext, container: string, process: protocol.ExecSpecification): Promise<number> {
  const { identity } = await bed.helper.request(protocol.ExecInContainer, { container, process });
  t.after(() => bed.helper.request(protocol.SignalProcess, { process: identity, signal: 'KILL' }));
  return identity.pid;
}

const tableOf = (pid: number) => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');

test('a container of one program is entered with the programs of this machine, and sees nothing of it', async (t) => {
  const { id, pid } = await singleProgram();
  await fails(bed.helper.request(protocol.ExecInContainer, { container: id, process: {} }), {
    code: protocol.ErrorCode.NotFound,
    message: /no shell/,
  });
  const before = tableOf(pid);
  const tool = await stay(t, id, { args: ['sleep', '600'], ...ofHost });
  assert.deepEqual(differingNamespaces(tool, pid), ['mnt'], 'only the mount namespace is its own');
  const script =
    'cat /target/etc/motd; hostname; ls /target; ls / | tr "\\n" " "; echo; id -u; ls -d /proc/[0-9]* | wc -l';
  const { stdout, stderr, exitCode } = await bed.exec(id, script, ofHost);
  assert.equal(exitCode, 0, stderr);
  const [motd, name, ...rest] = stdout.split('\n');
  assert.deepEqual([motd, name], ['of the target', 'single']);
  assert.ok(rest.includes('sleep') && rest.includes('0'), stdout);
  assert.match(stdout, / target /);
  assert.doesNotMatch(stdout, /\bhome\b/);
  assert.equal(tableOf(pid), before, 'the container’s mounts are as they were');
  // What writes to the target writes to the container, which is the point.
  await bed.exec(id, 'echo new > /target/etc/new && ! touch /usr/written', ofHost);
  assert.equal(readFileSync(`/proc/${pid}/root/etc/new`, 'utf8'), 'new\n');
  // The best shell of the machine, at a terminal of the container.
  const shell = await bed.helper.request(protocol.ExecInContainer, {
    container: id,
    process: { ...ofHost, terminal: true },
  });
  assert.match(shell.args[0] ?? '', /sh$/);
  const { stdout: seen } = await readToEnd(shell.attach, 'pwd; tty; exit\n');
  assert.match(seen, /\/target\r\n[\s\S]*\/dev\/pts\/\d+\r\n/);
});

test('what is mounted at /target does not show in the container', async () => {
  const { id, pid } = await singleProgram();
  const capabilities = ['CAP_SYS_ADMIN'];
  const before = mountsOf(pid).length;
  const mounted = await bed.exec(id, 'mount -t tmpfs none /target/tmp 2>&1 || echo refused', {
    ...ofHost,
    capabilities,
  });
  assert.ok(mounted.exitCode === 0, mounted.stderr);
  assert.equal(mountsOf(pid).length, before);
});

test('with the tools of an image or a folder', async () => {
  const { id, pid } = await singleProgram();
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'tools.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'tools' });
  const before = tableOf(pid);
  for (const root of [bed.root, { kind: 'image', name: 'tools' } as const]) {
    const { stdout, stderr } = await bed.exec(id, 'ls -l /bin/sh | wc -l; cat /target/etc/motd; echo x > /here; pwd', {
      tools: { root },
    });
    assert.equal(stdout, '1\nof the target\n/target\n', stderr);
  }
  assert.equal(tableOf(pid), before);
  const missing = bed.exec(id, 'true', { tools: { root: { kind: 'image', name: 'no-such' } } });
  await fails(missing, { code: protocol.ErrorCode.NotFound, message: /no-such/ });
});

test('a process that is in no container, with the tools of a folder', async (t) => {
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--mount-proc', '--pid', '--fork', '--kill-child']);
  const before = tableOf(pid);
  const { attach } = await bed.helper.request(protocol.EnterProcess, {
    process: { pid },
    args: ['/bin/sh', '-c', 'readlink /bin/sh; test -d /target/usr && cat /target/proc/1/comm /proc/1/comm'],
    tools: { root: bed.root },
  });
  const { stdout, stderr } = await readToEnd(attach);
  assert.equal(stdout, 'busybox\nsh\nsh\n', stderr);
  assert.equal(tableOf(pid), before);
});

test('chosen namespaces of a container, with programs of this machine', async (t) => {
  const { id, pid } = await bed.up({ hostname: 'chosen' });
  const network = await stay(t, id, { args: ['sleep', '600'], namespaces: ['network'], capabilities: ['ALL'] });
  assert.equal(namespacesOf(network).net, namespacesOf(pid).net);
  assert.deepEqual(differingNamespaces(network).sort(), ['net', 'user'], 'of Terrarium’s own the user namespace');
  assert.notEqual(namespacesOf(network).user, namespacesOf(pid).user);
  assert.match(statusField(network, 'CapEff'), /^0*1f+$/);
  const both = await stay(t, id, { args: ['sleep', '600'], namespaces: ['user', 'uts', 'pid', 'mount'] });
  assert.deepEqual(differingNamespaces(both).sort(), ['mnt', 'pid', 'user', 'uts']);
  assert.deepEqual(differingNamespaces(both, pid).sort(), ['cgroup', 'ipc', 'net']);
  assert.equal(statusField(both, 'CapEff'), statusField(pid, 'CapBnd'));
  assert.equal(statusField(both, 'Seccomp'), '2');
  assert.equal(readFileSync(`/proc/${both}/cgroup`, 'utf8'), readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  const { stdout } = await bed.exec(id, 'tty; hostname', { namespaces: ['user', 'uts'], terminal: true });
  assert.match(stdout, /^\/dev\/pts\/\d+\r\nchosen\r\n$/);
  const alone = bed.exec(id, 'true', { namespaces: ['mount'] });
  await fails(alone, { code: protocol.ErrorCode.Invalid, message: /without its user namespace/ });
  const all = await stay(t, id, { args: ['sleep', '600'], capabilities: ['CAP_NET_ADMIN'] });
  assert.deepEqual(differingNamespaces(all, pid), []);
  assert.equal(statusField(all, 'CapBnd'), '0000000000001000');
});

test('a process inside of a container is entered as one of the container', async (t) => {
  const { id, pid } = await bed.up({ args: ['/bin/sh', '-c', 'sleep 600 & wait'] });
  const session = await bed.helper.request(protocol.EnterProcess, { process: { pid }, args: ['/bin/sleep', '600'] });
  t.after(() => bed.helper.request(protocol.SignalProcess, { process: session.identity, signal: 'KILL' }));
  assert.equal(session.container, id);
  assert.deepEqual(differingNamespaces(session.identity.pid, pid), []);
  assert.equal(statusField(session.identity.pid, 'Seccomp'), '2');
  assert.equal(statusField(session.identity.pid, 'NoNewPrivs'), '1');
  assert.equal(
    readFileSync(`/proc/${session.identity.pid}/cgroup`, 'utf8'),
    readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
  );
});
