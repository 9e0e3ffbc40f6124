/** What a process inside has been left: capabilities, groups, system calls, sockets, mounts. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ContainerSpecification, InspectContainer } from '../../../helper/protocol/index.js';
import { sendPlan } from '../../../helper/zygote/connection.js';
import { readIdentity } from '../../../helper/zygote/identity.js';
import { parseMountinfo } from './mounts.js';
import { attempt, perl, results, systemCall } from './perl.js';
import { makeFolders, Product, processes, until, workFolder } from './product.js';

const { EPERM, EIO, EROFS, EACCES, EINVAL } = constants.errno;
const status = `open my $s, '<', '/proc/self/status'; print grep /^(Cap|NoNew|Seccomp:)/, <$s>;`;
const inheritable = (text: string) => /^CapInh:\s*([0-9a-f]+)$/m.exec(text)?.[1];

test('CVE-2022-27650: nothing is inheritable, for init and for what enters, root or not', async (t) => {
  const product = await Product.start(t);
  const range = readIdentity().mapping === 'range';
  const users = ['0', ...(range ? ['1'] : [])];
  for (const user of users) {
    const { output } = await product.run({ args: perl(status), user });
    assert.equal(inheritable(output), '0'.repeat(16), output);
    assert.match(output, /^NoNewPrivs:\s*1$/m);
    assert.match(output, /^Seccomp:\s*2$/m);
  }
  const { id } = await product.up({});
  for (const user of users) {
    const output = await product.exec(id, { args: perl(status), user });
    assert.equal(inheritable(output), '0'.repeat(16), output);
    assert.match(output, /^NoNewPrivs:\s*1$/m);
    assert.match(output, /^Seccomp:\s*2$/m);
  }
  // Control: a capability that was asked for by name is inheritable for a user who is not root, and would be seen.
  if (!range) return;
  const asked = await product.run({
    args: perl(status),
    user: '1',
    capabilities: { add: ['CAP_NET_BIND_SERVICE'] },
  });
  assert.notEqual(inheritable(asked.output), '0'.repeat(16), asked.output);
});

test('CVE-2014-8989: groups cannot be left where a single one is mapped', async (t) => {
  const product = await Product.start(t);
  const { id, init } = await product.up({});
  assert.ok(init !== undefined);
  const single = readIdentity().mapping === 'single';
  assert.equal(readFileSync(`/proc/${init.pid}/setgroups`, 'utf8').trim(), single ? 'deny' : 'allow');
  const leave = `${attempt} attempt('setgroups', ${systemCall('setgroups')}, 0, 0);`;
  const said = results(await product.exec(id, { args: perl(leave) }));
  // Allowed with a range: the groups that count outside were given up when the range was mapped.
  assert.equal(said.get('setgroups'), single ? String(EPERM) : 'ok');
});

/** Runs the attempts under the default profile and without one. */
async function bothWays(t: TestContext, script: string, more: ContainerSpecification = {}) {
  const product = await Product.start(t);
  const run = async (specification: ContainerSpecification) => {
    const { output } = await product.run({ args: perl(attempt + script), ...more, ...specification });
    // A byte that is put into the terminal is echoed.
    return results(output.replaceAll('\r', '').replaceAll(/^x+/gm, ''));
  };
  return { filtered: await run({}), control: await run({ seccomp: 'unconfined' }) };
}

test('CVE-2017-5226, CVE-2019-10063: no byte is put into a terminal, also with high bits in the request', async (t) => {
  const ioctl = systemCall('ioctl');
  const script = [
    ['TIOCSTI', '0x5412'],
    ['TIOCSTI-high', '0x5412 | (1 << 32)'],
    ['TIOCSTI-all', '0x5412 | (0xffffffff << 32)'],
    ['TIOCLINUX', '0x541C'],
    ['TIOCLINUX-high', '0x541C | (1 << 40)'],
  ]
    .map(([name, request]) => `{ my $c = "x"; attempt('${name}', ${ioctl}, 0, ${request}, $c); }`)
    .join('\n');
  const { filtered, control } = await bothWays(t, script, { terminal: true });
  for (const name of ['TIOCSTI', 'TIOCSTI-high', 'TIOCSTI-all', 'TIOCLINUX', 'TIOCLINUX-high']) {
    assert.equal(filtered.get(name), String(EPERM), name);
  }
  // The kernel itself: EIO where legacy TIOCSTI is switched off, else the byte is taken.
  for (const name of ['TIOCSTI', 'TIOCSTI-high', 'TIOCSTI-all']) {
    assert.match(control.get(name) ?? '', new RegExp(`^(ok|${EIO})$`), `control: ${name} reaches the kernel`);
  }
});

test('rare socket families are refused', async (t) => {
  const socket = systemCall('socket');
  const script = `attempt('AF_ALG', ${socket}, 38, 5, 0); attempt('AF_VSOCK', ${socket}, 40, 1, 0);
    attempt('AF_INET', ${socket}, 2, 1, 0); attempt('AF_ALG-high', ${socket}, 38 | (1 << 32), 5, 0);`;
  const { filtered, control } = await bothWays(t, script);
  for (const name of ['AF_ALG', 'AF_ALG-high', 'AF_VSOCK']) {
    assert.notEqual(filtered.get(name), 'ok', name);
    // What the kernel says without a filter depends on its modules; the filter's word is not the kernel's, or the
    // family works there.
    assert.notEqual(filtered.get(name), control.get(name), `control: ${name}`);
  }
  assert.equal(filtered.get('AF_INET'), 'ok');
});

test('user namespaces within are off, and a switch allows them', async (t) => {
  const unshare = `attempt('user', ${systemCall('unshare')}, 0x10000000); `;
  const { filtered, control } = await bothWays(t, unshare);
  assert.equal(filtered.get('user'), String(EPERM));
  assert.equal(control.get('user'), 'ok');
});

const isRestricted = (options: string) => ['nosuid', 'nodev'].every((one) => options.split(',').includes(one));

test('every bind and what is mounted below it is nosuid and nodev, and read-only where asked', async (t) => {
  const product = await Product.start(t);
  // /dev has mounts below it on every machine.
  const { init } = await product.up({
    mounts: [
      { source: '/dev', destination: '/mnt/rw' },
      { source: '/dev', destination: '/mnt/ro', options: ['ro'] },
    ],
  });
  assert.ok(init !== undefined);
  const mounts = parseMountinfo(init.pid).filter(({ destination }) => destination.startsWith('/mnt/'));
  assert.ok(mounts.length > 2, 'there are mounts below');
  for (const { destination, options } of mounts) {
    assert.ok(isRestricted(options), `${destination} is ${options}`);
    if (destination.startsWith('/mnt/ro')) assert.ok(options.split(',').includes('ro'), `${destination} is ${options}`);
  }

  // Control: the same bind without attributes.
  const folder = workFolder(t);
  makeFolders(folder, 'monitor', 'root/mnt');
  const weak = await sendPlan(await product.zygoteSocket(), [
    {
      kind: 'monitor',
      directory: path.join(folder, 'monitor'),
      socket: path.join(folder, 's'),
      outputLimit: 65536n,
      events: '',
    },
    { kind: 'clone', flags: 0x00020000, cgroup: '' },
    {
      kind: 'bind',
      source: '/dev',
      destination: path.join(folder, 'root/mnt'),
      recursive: 1,
      attributes: 0,
      propagation: 0,
      device: 0n,
    },
    { kind: 'stayInit' },
  ]);
  assert.equal(weak.answer.status, 'running');
  try {
    const bound = parseMountinfo(weak.answer.pid).filter(({ destination }) => destination.startsWith(folder));
    assert.ok(
      bound.some(({ options }) => !isRestricted(options)),
      'control: seen when it is missing',
    );
  } finally {
    process.kill(weak.answer.pid, 'SIGKILL');
    await until('its monitor ended', () => !processes().includes(weak.answer.monitorPid));
  }
});

/** Tries to change every cgroup that can be seen and belongs to us; prints `PATH:CALL` and ok or the errno. */
const changeCgroups = `use File::Find; use Fcntl; no warnings 'File::Find';
  open my $m, '<', '/proc/self/mountinfo'; my @at = map { (split)[4] } grep { / - cgroup2? / } <$m>;
  sub try { my ($path, $call, $done) = @_; print "$path:$call ", ($done ? 'ok' : $!+0), "\\n"; }
  find({ no_chdir => 1, wanted => sub {
    my $path = $File::Find::name; return unless -d $path && -w _;
    my $made = mkdir "$path/made"; try($path, 'mkdir', $made); rmdir "$path/made" if $made;
    for my $file ('cgroup.procs', 'release_agent', 'notify_on_release', 'memory.max', 'memory.limit_in_bytes') {
      try($path, $file, sysopen(my $f, "$path/$file", O_WRONLY)) if -e "$path/$file";
    }
  } }, @at) if @at; print "groups ", scalar(@at), "\\n";`;

test('CVE-2022-0492, CVE-2023-25809: cgroups cannot be changed from inside', async (t) => {
  const product = await Product.start(t);
  // With the host's network /sys is the host's too, with the cgroups of this user in it.
  for (const network of [{ kind: 'none' }, { kind: 'host' }] as const) {
    const { output } = await product.run({ args: perl(changeCgroups), network });
    const said = results(output);
    assert.ok(said.has('groups'), output);
    for (const [what, result] of said) {
      if (what !== 'groups') assert.match(result, new RegExp(`^(${EROFS}|${EACCES}|${EPERM}|${EINVAL})$`), what);
    }
  }
  // Control: the container's own cgroup can be changed by who looks for it outside.
  const { id } = await product.up({});
  const { cgroup } = await product.client.sendRequest(InspectContainer, { container: id });
  for (const folder of new Set(Object.values(cgroup?.paths ?? {}))) {
    mkdirSync(path.join(folder, 'made'));
    rmdirSync(path.join(folder, 'made'));
  }
});
