import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';

const bed = new Bed();
const isRange = process.env.TERRARIUM_TEST_IDENTITY === 'range';
const program = '/opt/busybox';

/** A container with a program of its own, and a way to give it capabilities. */
async function withProgram(more: protocol.ContainerSpecification = {}) {
  const { id, pid } = await bed.up(more);
  const { stderr, exitCode } = await bed.exec(id, `mkdir /opt && cp /bin/busybox ${program} && chmod 755 ${program}`);
  assert.equal(exitCode, 0, stderr);
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const set = (capabilities: string, path = program) =>
    bed.helper.request(protocol.SetFileCapabilities, { root, path, capabilities });
  const stat = () => bed.helper.request(protocol.StatFile, { root, path: program });
  return { id, pid, root, set, stat };
}

/**
 * Listens on port 80 until somebody has come, and prints what it was told; else what the kernel said. Its own input never
 * ends: else it would close its direction first, and who came would leave before a word was said.
 */
const listen = (busybox: string) =>
  `mkfifo /tmp/silence
  ${busybox} nc -l -p 80 0<>/tmp/silence >/tmp/heard 2>/tmp/said & pid=$!
  while kill -0 $pid 2>/dev/null; do echo hello | nc 127.0.0.1 80 2>/dev/null && break; usleep 20000; done
  wait $pid; cat /tmp/heard /tmp/said; rm -f /tmp/silence /tmp/heard /tmp/said`;

test('file capabilities are set and read as setcap and getcap do, for the root of the container', async () => {
  const { pid, set, stat } = await withProgram();
  assert.equal((await stat()).capabilities, undefined);
  assert.equal((await set('cap_net_raw,cap_net_bind_service=ep')).capabilities, 'cap_net_bind_service,cap_net_raw=ep');
  assert.equal((await stat()).capabilities, 'cap_net_bind_service,cap_net_raw=ep');
  // The machine sees version 3, with this user as the root that it counts for; as root of the machine that is nobody special.
  const uid = process.getuid?.() ?? -1;
  const seen = execFileSync('/usr/sbin/getcap', ['-n', `/proc/${pid}/root${program}`], { encoding: 'utf8' });
  assert.match(seen, /cap_net_bind_service,cap_net_raw=ep/);
  if (uid !== 0) assert.match(seen, new RegExp(`\\[rootid=${uid}\\]`));
  assert.equal((await set('')).capabilities, undefined);
  assert.equal(execFileSync('/usr/sbin/getcap', [`/proc/${pid}/root${program}`], { encoding: 'utf8' }), '');
  // Removing what is not there is no failure.
  assert.equal((await set('=')).capabilities, undefined);
});

test('what setcap wrote inside is shown, and what cannot be set is refused with the reason', async () => {
  const { id, root, set } = await withProgram();
  await assert.rejects(set('cap_nonsense=ep'), { code: protocol.ErrorCode.Invalid, message: /cap_nonsense/ });
  await assert.rejects(set('cap_chown=ep', '/opt'), { code: protocol.ErrorCode.Invalid, message: /it is no file/ });
  await assert.rejects(set('cap_chown=ep', '/nowhere'), { code: protocol.ErrorCode.NotFound });
  // A link leads to its target inside the root, never to the machine's.
  await bed.exec(id, `ln -s ${program} /link`);
  assert.equal((await set('cap_kill=p', '/link')).capabilities, 'cap_kill=p');
  const listed = await bed.helper.request(protocol.ListFiles, { root, path: '/opt' });
  assert.equal(listed.entries.find(({ name }) => name === 'busybox')?.capabilities, 'cap_kill=p');

  const host = await bed.helper.run({ root: { kind: 'host' }, args: [] });
  const made = await bed.exec(host.id, 'cp /bin/true /opt/true && /usr/sbin/setcap cap_net_raw=ep /opt/true');
  assert.equal(made.exitCode, 0, made.stderr);
  const entry = await bed.helper.request(protocol.StatFile, {
    root: { kind: 'container', container: host.id },
    path: '/opt/true',
  });
  assert.equal(entry.capabilities, 'cap_net_raw=ep');
});

test('a program with cap_net_bind_service listens on port 80 for who is not root; without it, it may not', async (t) => {
  if (!isRange) return t.skip('this user has no range of ids: nobody but root exists inside');
  const { id, set } = await withProgram({ noNewPrivileges: false });
  const asAlice = async () => (await bed.exec(id, listen(program), { user: 'alice' })).stdout;
  assert.match(await asAlice(), /Permission denied/);
  await set('cap_net_bind_service=ep');
  assert.equal(await asAlice(), 'hello\n');
  // The program alone has it, not its user.
  assert.match((await bed.exec(id, listen('/bin/busybox'), { user: 'alice' })).stdout, /Permission denied/);
  await set('');
  assert.match(await asAlice(), /Permission denied/);
});

test('no_new_privs takes the effect of file capabilities away', async (t) => {
  if (!isRange) return t.skip('this user has no range of ids: nobody but root exists inside');
  const { id, set } = await withProgram();
  await set('cap_net_bind_service=ep');
  assert.match((await bed.exec(id, listen(program), { user: 'alice' })).stdout, /Permission denied/);
});

test('root of the container listens on port 80 with CAP_NET_BIND_SERVICE, and not without', async () => {
  const usual = await bed.up();
  assert.equal((await bed.exec(usual.id, listen('/bin/busybox'))).stdout, 'hello\n');
  const dropped = await bed.up({ capabilities: { drop: ['CAP_NET_BIND_SERVICE'] } });
  assert.match((await bed.exec(dropped.id, listen('/bin/busybox'))).stdout, /Permission denied/);
  const open = await bed.up({
    capabilities: { drop: ['CAP_NET_BIND_SERVICE'] },
    sysctl: { 'net.ipv4.ip_unprivileged_port_start': '80' },
  });
  assert.equal((await bed.exec(open.id, listen('/bin/busybox'))).stdout, 'hello\n');
});

test('the classic ping works with CAP_NET_RAW, and is refused without', async () => {
  const ping = 'ping -c 1 -W 5 127.0.0.1 2>&1';
  const raw = await bed.up({ capabilities: { add: ['CAP_NET_RAW'] } });
  assert.match((await bed.exec(raw.id, ping)).stdout, /1 packets received/);
  const usual = await bed.up();
  assert.match((await bed.exec(usual.id, ping)).stdout, /permission denied|not permitted/i);
});

test('the sets of any process are those that getpcaps and the kernel tell', async () => {
  const { id } = await bed.up({ capabilities: { drop: ['CAP_CHOWN'], add: ['CAP_NET_RAW'] } });
  const running = bed.exec(id, 'exec sleep 1000');
  const processes = async () => bed.helper.request(protocol.ListProcesses, { container: id });
  let sleeping: protocol.ProcessInfo | undefined;
  while (sleeping === undefined) sleeping = (await processes()).find(({ command }) => command.includes('sleep 1000'));
  const { pid } = sleeping.identity;
  const report = await bed.helper.request(protocol.ReadCapabilities, { container: id, pid });
  const names = report.sets.effective;
  assert.ok(names.includes('CAP_NET_RAW') && !names.includes('CAP_CHOWN'), names.join());
  const peer = execFileSync('/usr/sbin/getpcaps', [String(pid)], { encoding: 'utf8' });
  const told = protocol.parseFileCapabilities(peer.trim().replace(/^\d+: /, ''));
  assert.ok(!('problem' in told), peer);
  assert.deepEqual(protocol.capabilityNamesOf(told.permitted), names);
  assert.equal(told.effective, true);
  const status = execFileSync('grep', ['^CapBnd', `/proc/${pid}/status`], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)[1];
  const decoded = execFileSync('/usr/sbin/capsh', [`--decode=${status}`], { encoding: 'utf8' });
  assert.equal(decoded.trim().split('=')[1], report.sets.bounding.map((name) => name.toLowerCase()).join(','));
  await assert.rejects(bed.helper.request(protocol.ReadCapabilities, { container: id, pid: process.pid }), {
    code: protocol.ErrorCode.NotFound,
  });
  await bed.helper.request(protocol.KillContainer, { container: id, pid });
  await running;
});
