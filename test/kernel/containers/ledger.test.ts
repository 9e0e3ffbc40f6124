import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { namespaceLinks, namespacesOf, parseMountinfo } from '../support/kernel.js';

const bed = new Bed();

test('the ledger of a start: every step with its calls, in order, with results and times', async () => {
  const { id } = await bed.up();
  const ledger = await bed.helper.request(protocol.ReadLedger, { container: id });
  assert.deepEqual([ledger.operation, ledger.succeeded, ledger.dropped], ['start-1', true, 0]);
  const order = ledger.steps.map(({ kind }) => kind);
  const expected = [
    'monitor',
    'clone',
    'mapIds',
    'setPropagation',
    'setRoot',
    'setHostname',
    'pivotRoot',
    'limitBoundingSet',
    'setCapabilities',
    'setNoNewPrivileges',
    'installSeccomp',
    'stayInit',
  ];
  assert.deepEqual(
    expected.map((kind) => order.indexOf(kind)).toSorted((a, b) => a - b),
    expected.map((kind) => order.indexOf(kind)),
  );
  assert.ok(!expected.some((kind) => !order.includes(kind)), order.join());
  const calls = ledger.steps.flatMap((step) => step.calls);
  const called = (name: string) => calls.find((call) => call.name === name);
  for (const name of ['clone3', 'pivot_root', 'sethostname', 'seccomp', 'fsopen', 'move_mount']) {
    assert.deepEqual([called(name)?.errno, (called(name)?.result ?? -1) >= 0], [0, true], name);
  }
  assert.match(called('clone3')?.args.join(' ') ?? '', /CLONE_NEWPID/);
  assert.equal(called('clone3')?.actor, 'monitor');
  assert.equal(called('pivot_root')?.actor, 'init');
  for (const step of ledger.steps) assert.ok(step.purpose !== '' && step.without !== '', step.kind);
  // Each actor's calls follow one another.
  for (const actor of ['monitor', 'init']) {
    const own = calls.filter((call) => call.actor === actor).map(({ startNanoseconds }) => startNanoseconds);
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
      actor,
    );
  }
  assert.ok(ledger.durationNanoseconds > 10_000 && ledger.durationNanoseconds < 10e9);
  const { text } = await bed.helper.request(protocol.RenderLedger, { container: id, format: 'markdown' });
  for (const name of ['pivot_root', 'clone3', 'mapIds']) assert.match(text, new RegExp(name));
});

test('operations are listed; one that failed keeps its step and errno', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'true');
  const failed = bed.helper.request(protocol.ExecInContainer, { container: id, process: { args: ['nosuch'] } });
  const error = await fails(failed, { code: protocol.ErrorCode.StepFailed, message: /nosuch/ });
  await bed.helper.request(protocol.RestartContainer, { container: id });
  const list = await bed.helper.request(protocol.ListLedgers, { container: id });
  const told = list.map(({ operation, succeeded }) => `${operation} ${succeeded}`).sort();
  assert.deepEqual(told, ['exec-1 true', 'exec-2 false', 'start-1 true', 'start-2 true']);
  assert.deepEqual(error.data?.ledger, { container: id, operation: 'exec-2' });
  const ledger = await bed.helper.request(protocol.ReadLedger, { container: id, operation: 'exec-2' });
  const step = ledger.steps.find((one) => one.failed);
  assert.equal(step?.kind, 'execute');
  assert.equal(step?.calls.at(-1)?.errnoName, 'ENOENT');
  await fails(bed.helper.request(protocol.ReadLedger, { container: id, operation: 'exec-9' }), {
    code: protocol.ErrorCode.NotFound,
    message: /exec-9/,
  });
});

test('the ledger of a start that failed so early that the container is gone can be read by its id', async () => {
  const error = await fails(bed.helper.run({ root: bed.root, args: ['/nosuch'] }), {
    code: protocol.ErrorCode.StepFailed,
    message: /nosuch/,
  });
  const at = error.data?.ledger;
  assert.ok(at);
  const ledger = await bed.helper.request(protocol.ReadLedger, at);
  assert.deepEqual([ledger.succeeded, ledger.steps.find(({ failed }) => failed)?.kind], [false, 'execute']);
});

/** Prints what a process can tell of itself, part by part. */
const report = [
  'cat /proc/self/mountinfo',
  `for n in ${namespaceLinks.join(' ')}; do readlink /proc/self/ns/$n; done`,
  "grep -E '^(Cap|NoNewPrivs)' /proc/self/status",
  // Numbers of the outside depend on how deep the user namespaces are nested.
  "cat /proc/self/uid_map /proc/self/gid_map | awk '{print $1, $3}'",
  'hostname; id -u; id -g; pwd; echo $HOME $COLOR; ulimit -n; ip -o link show lo | grep -o "<.*>"',
  'cat /proc/self/timens_offsets',
].join('; echo ----; ');

interface Report {
  mounts: string[];
  namespaces: string[];
  rest: string[];
}

function parseReport(text: string): Report {
  const [mounts = '', namespaces = '', ...rest] = text.split('----\n');
  return {
    mounts: parseMountinfo(mounts)
      .map(
        ({ destination, type, options }) =>
          `${destination} ${type} ${['ro', 'nosuid', 'nodev', 'noexec'].filter((option) => options.includes(option))}`,
      )
      .sort(),
    namespaces: namespaces.trim().split('\n'),
    rest,
  };
}

const variations: readonly [string, () => protocol.ContainerSpecification][] = [
  ['an image of one’s own', () => ({ root: bed.root })],
  ["the host's root", () => ({ root: { kind: 'host' } })],
  [
    'many choices',
    () => ({
      root: bed.root,
      hostname: 'chosen',
      env: ['COLOR=a "green" $one'],
      cwd: '/home',
      mounts: [
        { source: bed.rootFolder, destination: '/mnt/a b', options: ['ro'] },
        { source: path.join(bed.rootFolder, 'etc/passwd'), destination: '/etc/passwd' },
        { destination: '/cache', type: 'tmpfs', options: ['size=64k'] },
      ],
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }],
      capabilities: { drop: ['CAP_CHOWN'], add: ['CAP_NET_RAW'] },
      timeOffsets: { boottime: { secs: 1000, nanosecs: 0 } },
      namespaces: { ipc: 'host' },
      writable: 'tmpfs',
      sysctl: { 'net.ipv4.ip_unprivileged_port_start': '80' },
    }),
  ],
  ['the network of the host, read-only', () => ({ root: bed.root, network: { kind: 'host' }, writable: 'none' })],
];

for (const [name, specification] of variations) {
  test(`the script, run by hand with bash, makes the same container: ${name}`, async (t) => {
    const { id } = await bed.helper.run({ args: ['/bin/sh', '-c', report], ...specification() });
    const { exit } = await bed.helper.request(protocol.WaitContainer, { container: id });
    const own = await bed.helper.output(id);
    assert.equal(exit?.exitCode, 0, `${own}${await bed.helper.output(id, 'stderr')}`);
    const made = parseReport(own);
    const { text } = await bed.helper.request(protocol.RenderLedger, { container: id, format: 'script' });
    const file = path.join(bed.home.folder, `${id}.sh`);
    writeFileSync(file, text);
    const dir = path.join(bed.home.folder, `script-${id}`);
    t.after(() => void spawnSync('unshare', ['--user', '--map-root-user', 'rm', '-rf', dir]));
    const { TERRARIUM_TEST_IDENTITY, ...environment } = process.env;
    const ended = spawnSync('bash', [file], {
      encoding: 'utf8',
      env: { ...environment, TERRARIUM_DIR: dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.equal(ended.status, 0, `${ended.stderr}\n${text}`);
    const byHand = parseReport(ended.stdout);
    assert.deepEqual(byHand.mounts, made.mounts);
    assert.deepEqual(byHand.rest, made.rest);
    // The same ones are new, the same ones are shared with the host.
    const host = Object.values(namespacesOf('self'));
    const shared = (report: Report) => report.namespaces.map((link) => host.includes(link));
    assert.deepEqual(shared(byHand), shared(made));
    assert.deepEqual(execFileSync('bash', ['-n', file], { encoding: 'utf8' }), '');
  });
}

test('the script of an exec enters the container', async () => {
  const { id } = await bed.up({ hostname: 'entered' });
  await bed.exec(id, 'hostname; cat /etc/passwd | wc -l');
  const { text } = await bed.helper.request(protocol.RenderLedger, {
    container: id,
    operation: 'exec-1',
    format: 'script',
  });
  const file = path.join(bed.home.folder, 'enter.sh');
  writeFileSync(file, text);
  const ended = spawnSync('bash', [file], { encoding: 'utf8' });
  assert.deepEqual([ended.stdout, ended.stderr], ['entered\n3\n', '']);
});
