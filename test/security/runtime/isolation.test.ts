/** What of the machine can be seen or reached from inside. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ContainerSpecification } from '../../../helper/protocol/index.js';
import { findListener } from '../../../helper/zygote/connection.js';
import { attempt, perl, results, systemCall } from './perl.js';
import { Product, parentOf, pidOf, processes, procText } from './product.js';

const { EPERM, EACCES, ESRCH } = constants.errno;

const token = 'a-token-nobody-inside-may-see';
const variables: NodeJS.ProcessEnv = {
  VSCODE_IPC_HOOK_CLI: `/run/${token}`,
  VSCODE_GIT_ASKPASS_NODE: token,
  ELECTRON_RUN_AS_NODE: '1',
  // A flag that Node takes and nothing else does; what it says does not matter.
  NODE_OPTIONS: `--title=${token}`,
  NODE_EXTRA_CA_CERTS: `/tmp/${token}`,
  SSH_AUTH_SOCK: `/tmp/${token}`,
  GITHUB_TOKEN: token,
  AWS_SECRET_ACCESS_KEY: token,
  DBUS_SESSION_BUS_ADDRESS: `unix:path=/nowhere/${token}`,
  LD_PRELOAD: '',
};
const foreign = /VSCODE|ELECTRON|NODE_OPTIONS|NODE_EXTRA|SSH_AUTH|TOKEN|AWS_|DBUS|LD_PRELOAD|XDG_|a-token/;

test('nothing of the helper’s environment is inside', async (t) => {
  const product = await Product.start(t, { environment: variables });
  assert.match(procText(product.helperPid, 'environ'), foreign, 'control: the helper has them');
  const env = ['/usr/bin/env'];
  for (const specification of [{ args: env }, { args: env, init: true }, { args: env, terminal: true }]) {
    const { output } = await product.run(specification);
    assert.match(output, /^PATH=/m);
    assert.doesNotMatch(output, foreign);
  }
  const { id, init } = await product.up({});
  for (const terminal of [false, true]) {
    const said = await product.exec(id, { args: env, terminal });
    assert.match(said, /^PATH=/m);
    assert.doesNotMatch(said, foreign);
  }
  // Seen from outside, by who may: the init of ours has no environment at all, and nor has what made it.
  assert.equal(procText(pidOf(init), 'environ').replaceAll('\0', ''), '');
  assert.equal(procText(await product.zygotePid(), 'environ').replaceAll('\0', ''), '');
});

/** Prints what can be read of PID 1, each file as `== NAME` and its printable text. */
const readInit = `for my $file ('cmdline', 'environ', 'maps', 'auxv', 'mountinfo', 'status', 'comm', 'stat', 'wchan', 'cgroup') {
    print "== $file\\n"; open my $f, '<', "/proc/1/$file" or next; local $/; my $text = <$f> // ''; $text =~ tr/\\0/ /; print "$text\\n"; }
  for my $link ('exe', 'cwd', 'root', map { "fd/$_" } 0 .. 9) { print "== $link\\n", readlink("/proc/1/$link") // '', "\\n" }
  print "== mem\\n";
  if (open my $maps, '<', '/proc/1/maps' and open my $mem, '<', '/proc/1/mem') {
    while (<$maps>) { /^([0-9a-f]+)-([0-9a-f]+) r/ or next; my ($from, $to) = (hex $1, hex $2); next if $from > 2**62;
      sysseek $mem, $from, 0; sysread $mem, my $bytes, $to - $from; print "$1\\n" while ($bytes // '') =~ /([ -~]{8,})/g; } }
  print "== end\\n";`;

test('an init of ours tells nothing of the machine: arguments, environment, memory, descriptors', async (t) => {
  const product = await Product.start(t, { environment: variables });
  const paths = [product.folder, process.env.HOME, process.env.TMPDIR].filter(
    (one) => one !== undefined && one !== '/',
  );
  const tells = (text: string) => paths.some((one) => text.includes(one ?? '')) || foreign.test(text);
  const capabilities = { add: ['CAP_SYS_PTRACE'] };
  for (const specification of [{}, { init: true, args: ['/bin/sleep', '1000'] }, { capabilities }]) {
    const { id } = await product.up({ ...specification, root: { kind: 'host' }, writable: 'tmpfs' });
    const said = await product.exec(id, { args: perl(readInit) });
    assert.match(said, /== end\n$/);
    assert.match(said, /== cmdline\nterrarium init\s*\n/);
    // Mounts show where their layers lie: that is what they are.
    const rest = said.replace(/== mountinfo\n[\s\S]*?(?=== status)/, '');
    const told = rest.split('\n').filter(tells);
    assert.deepEqual(told, [], JSON.stringify(specification));
  }
  // Control: of a process of the container's own, memory can be read.
  const { id } = await product.up({ args: ['/bin/sleep', '1000'], env: [`CONTROL=${product.folder}`] });
  assert.ok(tells(await product.exec(id, { args: perl(readInit) })), 'control');
});

/** Tries to trace, read and signal a process: prints ok or the errno of each. */
const attack = `my $pid = shift() + 0; my ($f, $b); ${attempt}
  attempt('attach', ${systemCall('ptrace')}, 16, $pid, 0, 0);
  attempt('seize', ${systemCall('ptrace')}, 0x4206, $pid, 0, 0);
  for my $file ('mem', 'environ', 'maps', 'syscall') { print "$file ", (open($f, '<', "/proc/$pid/$file") && defined(sysread $f, $b, 1) ? 'ok' : $!+0), "\\n"; }
  for my $link ('root', 'cwd', 'exe', 'fd/0', 'ns/user') { print "$link ", (defined readlink("/proc/$pid/$link") ? 'ok' : $!+0), "\\n"; }
  print "escape ", (opendir(my $d, "/proc/$pid/root/etc") ? 'ok' : $!+0), "\\n";
  print "signal ", (kill(0, $pid) ? 'ok' : $!+0), "\\n";`;

/** A process of this user, outside. */
async function bystander(t: TestContext): Promise<number> {
  const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore', env: { SECRET: token } });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid ?? 0;
}

const refused = new RegExp(`^(${EPERM}|${EACCES})$`);

test('from a container that shares the host’s pids, nothing outside can be traced or read', async (t) => {
  const product = await Product.start(t);
  const outside = await bystander(t);
  const zygote = await product.zygotePid();
  const other = await product.up({ args: ['/bin/sleep', '1000'] });
  const everything = { add: ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_READ_SEARCH'] };
  for (const [label, more] of [
    ['by default', {}],
    ['with capabilities and without a filter', { capabilities: everything, seccomp: 'unconfined' as const }],
  ] as const) {
    const { id, init } = await product.up({ namespaces: { pid: 'host' }, ...more });
    const monitor = parentOf(pidOf(init));
    for (const [whose, pid] of Object.entries({
      bystander: outside,
      helper: product.helperPid,
      zygote,
      monitor,
      'init of another container': pidOf(other.init),
    })) {
      const said = results(await product.exec(id, { args: perl(attack, String(pid)) }));
      for (const what of [
        'attach',
        'seize',
        'mem',
        'environ',
        'maps',
        'root',
        'cwd',
        'exe',
        'fd/0',
        'ns/user',
        'escape',
      ]) {
        assert.match(said.get(what) ?? '', refused, `${label}: ${what} of the ${whose}`);
      }
    }
    // Control: its own processes it can look into.
    const own = await product.exec(id, {
      args: perl(`my $pid = fork; exec '/bin/sleep', '60' unless $pid; sleep 1; @ARGV = ($pid); ${attack}`),
    });
    assert.equal(results(own).get('environ'), 'ok', `control, ${label}: ${own}`);
  }
});

test('with pids of its own a container cannot name what is outside', async (t) => {
  const product = await Product.start(t);
  const outside = await bystander(t);
  const { id } = await product.up({});
  const signal = `print "signal ", (kill(0, $ARGV[0]) ? 'ok' : $!+0), "\\n"; print "parent ", getppid, "\\n"`;
  const said = results(await product.exec(id, { args: perl(signal, String(outside)) }));
  assert.deepEqual([said.get('signal'), said.get('parent')], [String(ESRCH), '0']);
  const everybody = await product.exec(id, { args: perl(`kill 'TERM', -1; print "tried\\n"`) });
  assert.equal(everybody, 'tried\n');
  assert.ok(processes().includes(outside), 'a signal to all reaches nobody outside');
  const { id: sharing } = await product.up({ namespaces: { pid: 'host' } });
  const control = results(await product.exec(sharing, { args: perl(signal, String(outside)) }));
  // The same user outside: with the host's pids a container may signal what is this user's. It is documented.
  assert.equal(control.get('signal'), 'ok', 'control');
});

test('CVE-2020-15257: abstract sockets: none are ours, and the host’s are out of reach', async (t) => {
  const product = await Product.start(t);
  // Not the product's name: other identities may run this test at the same time.
  const name = `host-service-${process.getuid?.()}-${process.pid}`;
  // Node pads names like this one with zeros.
  const listen = `use Socket; socket my $s, AF_UNIX, SOCK_STREAM, 0; bind $s, pack('S a*', AF_UNIX, "\\0${name}") or die $!;
    listen $s, 9; print "listening"; sleep 1000;`;
  const server = spawn('/usr/bin/perl', ['-e', `$| = 1; ${listen}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  const connect = `use Socket; socket my $s, AF_UNIX, SOCK_STREAM, 0;
    print connect($s, pack('S a*', AF_UNIX, "\\0${name}")) ? "ok\\n" : "refused\\n";`;
  for (const specification of [{}, { namespaces: { pid: 'host', ipc: 'host' } as const }]) {
    assert.equal((await product.run({ args: perl(connect), ...specification })).output, 'refused\n');
  }
  const control = await product.run({ args: perl(connect), network: { kind: 'host' } });
  assert.equal(control.output, 'ok\n', 'control: with the host’s network it is reached');

  // Ours have names in a folder of the user's; what a container of ours opens would show in its own list.
  const { init } = await product.up({ args: ['/bin/sleep', '1000'], terminal: true });
  const abstract = (pid: number | 'self') =>
    readFileSync(`/proc/${pid}/net/unix`, 'utf8')
      .split('\n')
      .filter((line) => / @/.test(line));
  assert.deepEqual(abstract(pidOf(init)), []);
  assert.deepEqual(
    abstract('self').filter((line) => line.includes('terrarium')),
    [],
  );
  assert.ok(
    abstract('self').some((line) => line.includes(name)),
    'control',
  );
  assert.ok((await findListener(await product.zygoteSocket())) !== undefined);
});

/** Connects to a UNIX socket, says something, and prints how much is answered. */
const speak = (message: string): string => `use Socket; my $path = shift; socket my $s, AF_UNIX, SOCK_STREAM, 0;
  connect($s, pack_sockaddr_un($path)) or do { print "no connection: $!\\n"; exit };
  $SIG{PIPE} = 'IGNORE'; syswrite $s, ${message};
  my $read = ''; vec($read, fileno($s), 1) = 1; my $length = 0;
  while (select(my $ready = $read, undef, undef, 2)) { my $got = sysread $s, my $part, 65536 or last; $length += $got; last if $length > 16 }
  print "answered ", $length, "\\n";`;

test('who shows the runtime folder to a container does not give it the zygote or other containers', async (t) => {
  const product = await Product.start(t);
  const socket = path.basename(await product.zygoteSocket());
  const other = await product.up({ args: ['/bin/sh', '-c', 'echo private; sleep 1000'] });
  const attach = readdirSync(product.runtime).find((name) => name.startsWith(other.id));
  assert.ok(attach !== undefined);
  // A plan of a bad version, which is answered; hello from the start, which is answered with output.
  const messages = [
    [socket, `pack('L S S L', 0x4e4c5054, 9, 1, 12)`],
    [attach, `pack('C x3 L L L Q', 1, 16, 1, 2, 0)`],
  ] as const;
  for (const [name, message] of messages) {
    const spoken = async (specification: ContainerSpecification) =>
      (
        await product.run({
          args: perl(speak(message), `/mnt/${name}`),
          mounts: [{ source: product.runtime, destination: '/mnt' }],
          ...specification,
        })
      ).output;
    for (const pid of ['new', 'host'] as const) {
      assert.match(await spoken({ namespaces: { pid } }), /^answered 0$/m, `${name}, pid: ${pid}`);
    }
    const [program = '', ...args] = perl(speak(message), path.join(product.runtime, name));
    assert.match(execFileSync(program, args, { encoding: 'utf8' }), /^answered [1-9]/, `control: ${name}`);
  }
});
