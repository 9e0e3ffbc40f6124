import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { sandboxed, unshareAll, unshared } from '../namespaces/shells.js';
import { readToEnd } from '../support/attached.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import {
  differingNamespaces,
  mountsOf,
  type NamespaceLink,
  namespaceLinks,
  namespacesOf,
  startTimeOf,
  statusField,
} from '../support/kernel.js';
import { podmanContainer } from '../support/podman.js';
import { eventually } from '../support/wait.js';
import { saidBy } from './said.js';

const bed = new Bed();
const own = process.getuid?.() ?? 0;

const enter = (pid: number, more: protocol.ExecSpecification = {}): Promise<protocol.ExecSession> =>
  bed.helper.request(protocol.EnterProcess, { process: { pid }, ...more });

const said = (pid: number, script: string, more?: protocol.ExecSpecification) => saidBy(bed, pid, script, more);

/** A process that stays in what was entered, for the kernel to be asked of; ended after the test. */
async function stay(t: TestContext, pid: number, more: protocol.ExecSpecification = {}): Promise<protocol.ExecSession> {
  const session = await enter(pid, { args: ['sleep', '600'], ...more });
  const { identity } = session;
  // The end of the pid namespace that it is in may have been its own.
  t.after(() => bed.helper.request(protocol.SignalProcess, { process: identity, signal: 'KILL' }).catch(ifEnded));
  return session;
}

function ifEnded(error: protocol.TerrariumError): void {
  if (error.code !== protocol.ErrorCode.NotFound) throw error;
}

function assertSame(pid: number, other: number, links: readonly NamespaceLink[] = namespaceLinks): void {
  const [entered, target] = [namespacesOf(pid), namespacesOf(other)];
  for (const link of links) assert.equal(entered[link], target[link], link);
}

test('a shell of unshare: all its namespaces, root there, its processes and nothing of its environment', async (t) => {
  const script = 'hostname of-the-shell; echo ready; read _';
  const { pid } = await unshared(t, unshareAll, script, { ...process.env, SECRET: 'kept' });
  const { identity, container, notices } = await stay(t, pid);
  assertSame(identity.pid, pid);
  assert.deepEqual([container, notices], [undefined, undefined]);
  assert.equal(identity.startTime, startTimeOf(identity.pid));
  assert.equal(statusField(identity.pid, 'CapEff'), statusField(pid, 'CapEff'));
  assert.equal(statusField(identity.pid, 'CapInh'), '0000000000000000');
  assert.deepEqual(mountsOf(identity.pid), mountsOf(pid));
  // By the numbers of its pid namespace, of which the last is its own.
  const inside = statusField(identity.pid, 'NSpid').split('\t').at(-1);
  const text = await said(pid, 'hostname; id -u; env; test -d /proc/1 && ls -d /proc/[0-9]*; ls /proc/self/fd');
  assert.match(text, /^of-the-shell\n0\n/);
  assert.ok(text.includes(`/proc/${inside}\n`), text);
  assert.doesNotMatch(text, /SECRET|TERRARIUM|VSCODE/);
  // What ls itself has open is 3.
  assert.match(text, /\n0\n1\n2\n3\n$/);
  const failed = await readToEnd((await enter(pid, { args: ['sh', '-c', 'exit 7'] })).attach);
  assert.equal(failed.exitCode, 7);
});

test('only the namespaces that are chosen, with the capabilities that are chosen', async (t) => {
  const { pid } = await unshared(t, unshareAll);
  const namespaces: protocol.oci.NamespaceType[] = ['user', 'network', 'uts'];
  const { identity } = await stay(t, pid, { namespaces, capabilities: ['net_raw', 'CAP_CHOWN'] });
  assert.deepEqual(differingNamespaces(identity.pid).sort(), ['net', 'user', 'uts']);
  assertSame(identity.pid, pid, ['net', 'user', 'uts']);
  const chosen = ((1n << 13n) | 1n).toString(16).padStart(16, '0');
  for (const set of ['CapBnd', 'CapPrm', 'CapEff']) assert.equal(statusField(identity.pid, set), chosen, set);
  const none = await stay(t, pid, { capabilities: [] });
  for (const set of ['CapBnd', 'CapPrm', 'CapEff']) {
    assert.equal(statusField(none.identity.pid, set), '0000000000000000', set);
  }
  // Root of the machine has a say over them without it.
  const withoutUser = enter(pid, { args: ['true'], namespaces: ['mount', 'pid'] });
  await fails(withoutUser, { code: protocol.ErrorCode.Invalid, message: /without its user namespace/ });
  if (own !== 0) {
    const network = enter(pid, { args: ['true'], namespaces: ['network'] });
    await fails(network, { code: protocol.ErrorCode.Invalid, message: /without its user namespace/ });
  }
});

test('with a terminal, whether what is entered has any to give or not', async (t) => {
  const script = 'test -t 0 && test -t 2 && stty size && echo over > /dev/tty';
  const consoleSize = { height: 31, width: 97 };
  const { pid } = await unshared(t, unshareAll);
  assert.match(await said(pid, script, { terminal: true, consoleSize }), /^31 97\r\nover\r\n$/);
  // Of a container's kind: a devpts of its own, as whose terminal /dev/pts has it.
  const mounted = `mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && ${'echo ready; read _'}`;
  const other = await unshared(t, unshareAll, mounted);
  assert.match(await said(other.pid, `${script}; tty`, { terminal: true, consoleSize }), /over\r\n\/dev\/pts\/0\r\n$/);
});

test('a user namespace without a map: the ids stay as they are', async (t) => {
  const { pid } = await unshared(t, ['--user', '--uts']);
  const { identity } = await stay(t, pid);
  assertSame(identity.pid, pid);
  assert.equal(statusField(identity.pid, 'Uid').split('\t')[1], String(own));
  const refused = enter(pid, { args: ['true'], user: '0' });
  await fails(refused, { code: protocol.ErrorCode.Unavailable, message: /User 0 does not exist there/ });
});

test('a sandbox of bwrap, whose processes are in a second user namespace', async (t) => {
  const pid = await sandboxed(t);
  if (pid === undefined) return;
  const { identity } = await stay(t, pid);
  assertSame(identity.pid, pid);
  assert.equal(statusField(identity.pid, 'Uid').split('\t')[1], String(own));
  assert.equal(statusField(identity.pid, 'NoNewPrivs'), statusField(pid, 'NoNewPrivs'));
  assert.deepEqual(mountsOf(identity.pid), mountsOf(pid));
  assert.match(
    await said(pid, 'id -u; tty', { terminal: true }),
    new RegExp(`^${own}\\r\\n/dev/(pts/\\d+|console)\\r\\n$`),
  );
});

test('a rootless container of podman', async (t) => {
  const pid = await podmanContainer(t, bed);
  if (pid === undefined) return;
  const { identity, notices } = await stay(t, pid);
  assertSame(identity.pid, pid);
  assert.deepEqual(mountsOf(identity.pid), mountsOf(pid));
  assert.equal(statusField(identity.pid, 'Uid'), statusField(pid, 'Uid'));
  assert.match(notices?.join('\n') ?? '', /seccomp filter of process \d+ does not count/);
  assert.equal(await said(pid, 'id -u; id -un; cat /proc/1/comm'), '1000\nalice\nsleep\n');
  assert.equal(await said(pid, 'id -u', { user: 'root' }), '0\n');
  assert.equal(await said(pid, 'tty; id -u', { terminal: true }), '/dev/pts/0\r\n1000\r\n');
});

test('what cannot be entered says why', async (t) => {
  const here = enter(process.pid, { args: ['true'] });
  await fails(here, { code: protocol.ErrorCode.WrongState, message: /in no namespace that you are not in/ });
  const { pid, end } = await unshared(t, ['--user', '--map-root-user', '--uts']);
  const startTime = (startTimeOf(pid) ?? 0) + 1;
  const recycled = bed.helper.request(protocol.EnterProcess, { process: { pid, startTime }, args: ['true'] });
  await fails(recycled, { code: protocol.ErrorCode.NotFound, message: new RegExp(`${pid}`) });
  await end();
  await fails(enter(pid, { args: ['true'] }), { code: protocol.ErrorCode.NotFound, message: new RegExp(`${pid}`) });
  const missing = await unshared(t, ['--user', '--map-root-user', '--uts', '--mount']);
  // Those that were not planned leave no session.
  const sessions = () => readdirSync(path.join(bed.home.data, 'entered'));
  const before = sessions();
  const nobody = enter(missing.pid, { args: ['true'], user: 'no-such-user' });
  await fails(nobody, { code: protocol.ErrorCode.NotFound, message: /no-such-user/ });
  const nothing = enter(missing.pid, { args: ['true'], tools: { root: { kind: 'image', name: 'no-such-image' } } });
  await fails(nothing, { code: protocol.ErrorCode.NotFound, message: /no-such-image/ });
  assert.deepEqual(
    sessions().filter((name) => !before.includes(name)),
    [],
  );
  const failed = enter(missing.pid, { args: ['/no/such/program'] });
  await fails(failed, { code: protocol.ErrorCode.StepFailed, message: /execute .*ENOENT/ });
  if (own === 0) return t.skip('root may look at every process');
  await fails(enter(1, { args: ['true'] }), { code: protocol.ErrorCode.Unavailable, message: /not yours to enter/ });
});

test('its monitor outlives the helper, outside of what is entered, and keeps its end', async (t) => {
  const { pid } = await unshared(t, unshareAll);
  const other = await bed.another();
  const session = await other.request(protocol.EnterProcess, {
    process: { pid },
    args: ['sh', '-c', 'read line; echo "got $line"'],
    stdin: true,
  });
  const monitor = Number(statusField(session.identity.pid, 'PPid'));
  assert.deepEqual(differingNamespaces(monitor), [], 'it is where we are');
  await other.stop();
  assert.ok(existsSync(session.attach.socket));
  assert.equal((await readToEnd(session.attach, 'this\n')).stdout, 'got this\n');
  await eventually('the monitor ended', () => startTimeOf(monitor) === undefined);
  // Told again from what was kept.
  assert.equal((await readToEnd(session.attach)).stdout, 'got this\n');
});
