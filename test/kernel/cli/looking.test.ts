import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type {
  ContainerInspection,
  ContainerSummary,
  ImageDetails,
  Ledger,
  ProcessInfo,
} from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';
import { startTimeOf } from '../support/kernel.js';
import { packRoot } from '../support/root.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await said(...args)) as T;

/** A detached container with a name. */
async function up(name: string, ...args: string[]): Promise<string> {
  return (await said('run', '-d', '--name', name, '--root', command.root, ...args)).trim();
}

test('a detached container outlives the command, and is listed', async () => {
  const id = await up('first', '--', 'sleep', '60');
  assert.match(id, /^[0-9a-f]{12}$/);
  const found = (await json<ContainerSummary[]>('ps', '--json')).find((one) => one.id === id);
  assert.deepEqual([found?.name, found?.state, found?.args], ['first', 'running', ['sleep', '60']]);
  assert.equal(startTimeOf(found?.init?.pid ?? 0), found?.init?.startTime);
  assert.match(await said('ps'), new RegExp(`^${id} +first +running +${found?.init?.pid} .*sleep 60$`, 'm'));
  const processes = await json<ProcessInfo[]>('ps', '--json', 'first');
  assert.deepEqual(
    processes.map(({ innerPid, command: line }) => [innerPid, line]),
    [[1, 'sleep 60']],
  );
  assert.equal((await command.terrarium(['exec', 'first', '--', 'sh', '-c', 'echo inside; exit 3'])).status, 3);
  assert.equal((await command.terrarium(['exec', 'first', '--', 'cat'], 'piped')).stdout, 'piped');
});

test('the ledger of what was entered is told apart from those of containers', async () => {
  const shell = spawn('unshare', ['--user', '--map-root-user', '--uts', 'sh', '-c', 'echo ready; read _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(shell, 'close');
  try {
    await once(shell.stdout, 'data');
    const pid = String(shell.pid);
    assert.equal(await said('enter', pid, '--', 'id', '-u'), '0\n');
    assert.match(await said('ledger', '--entered', '--list'), new RegExp(`^OPERATION +PID .*\\nenter-1 +${pid} `));
    assert.match(await said('ledger', '--entered'), /\| Namespaces \| user, uts \|/);
    assert.match(await said('ledger', '--entered', '--script'), /^exec env -i .* id -u$/m);
    const failed = await command.terrarium(['enter', pid, '--', '/no/such/program']);
    assert.match(failed.stderr, /terrarium ledger --entered --operation enter-2/);
    assert.match((await command.terrarium(['ledger'])).stderr, /Name a container, or say --entered/);
  } finally {
    shell.stdin.end('\n');
    await closed;
  }
});

test('inspect has the OCI state, and how it ended', async () => {
  await up('second', '--', 'sleep', '60');
  const live = await json<ContainerInspection>('inspect', 'second');
  assert.deepEqual([live.ociVersion, live.status, live.exitCode], ['1.1.0', 'running', undefined]);
  assert.ok(startTimeOf(live.pid) !== undefined);
  assert.ok(live.bundle.startsWith(command.home.data));
  assert.ok(Date.parse(live.startedAt ?? '') >= Date.parse(live.createdAt));
  assert.equal(await said('kill', 'second'), 'second\n');
  const ended = await json<ContainerInspection>('inspect', 'second');
  assert.deepEqual(
    [ended.status, ended.pid, ended.exitCode, ended.signal, ended.oomKilled],
    ['stopped', 0, 137, 9, false],
  );
  assert.ok(Date.parse(ended.finishedAt ?? '') >= Date.parse(ended.startedAt ?? ''));
});

test('logs, and logs that are followed to the end', async () => {
  await up('third', '--', 'sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.2; done; echo err >&2');
  const followed = await command.terrarium(['logs', '-f', 'third']);
  assert.deepEqual([followed.stdout, followed.stderr], ['line 1\nline 2\nline 3\n', 'err\n']);
  assert.deepEqual(await command.terrarium(['logs', 'third']), {
    stdout: 'line 1\nline 2\nline 3\n',
    stderr: 'err\n',
    status: followed.status,
  });
});

test('logs are escaped on a terminal, and as they were on a pipe and when asked for', async () => {
  const hostile = '\x1b]52;c;eA==\x07\x1b[2Jcolour\tand more\n';
  const escaped = '\\x1b]52;c;eA==\\x07\\x1b[2Jcolour\tand more\r\n';
  await up('hostile', '--', 'printf', '\\033]52;c;eA==\\007\\033[2Jcolour\\tand more\\n');
  await said('stop', 'hostile');
  await up('talking', '--', 'sh', '-c', "printf '\\033[2Jcolour\\n'; sleep 1");
  const onTerminal = async (words: string) => {
    const { stdout, stderr } = await command.shell(`script -qec '"$node" "$cli" ${words}' /dev/null < /dev/null`);
    assert.equal(stderr, '');
    return stdout;
  };
  assert.equal(await onTerminal('logs -f talking'), '\\x1b[2Jcolour\r\n');
  assert.equal(await onTerminal('logs hostile'), escaped);
  assert.equal(await onTerminal('logs --raw hostile'), hostile.replace('\n', '\r\n'));
  assert.equal((await command.terrarium(['logs', 'hostile'])).stdout, hostile);
});

test('create, start, pause, resume, restart, rename, stop, rm', async () => {
  const id = (await said('create', '--name', 'fourth', '--root', command.root, '--', 'sleep', '60')).trim();
  const state = async () => (await json<ContainerSummary[]>('ps', '--json')).find((one) => one.id === id)?.state;
  const after = async (...args: string[]) => {
    await said(...args);
    return state();
  };
  assert.equal(await state(), 'created');
  assert.equal(await after('start', 'fourth'), 'running');
  assert.equal(await after('pause', 'fourth'), 'paused');
  assert.equal(await after('resume', 'fourth'), 'running');
  assert.equal(await after('restart', '-t', '0.1', 'fourth'), 'running');
  assert.equal(await after('rename', 'fourth', 'fifth'), 'running');
  assert.equal((await command.terrarium(['rm', 'fifth'])).status, 125);
  assert.equal(await after('stop', '-s', 'KILL', 'fifth'), 'stopped');
  assert.equal(await after('rm', 'fifth'), undefined);
});

test('images: import, list, run, remove', async () => {
  packRoot(command.root, path.join(command.home.folder, 'root.tar.gz'), 'gzip');
  assert.match(await said('import', 'root.tar.gz', '--name', 'box'), /^box {2}sha256:[0-9a-f]{64} /);
  assert.match(await said('images'), /^box +[0-9a-f]{12} /m);
  assert.equal(
    await said('run', '--rm', '--root', 'box', '--', 'cat', '/etc/group').then((text) => text.split('\n').length),
    4,
  );
  assert.equal(await said('rename-image', '--keep', 'box', 'team/box:1'), 'team/box:1\n');
  const details = await json<ImageDetails>('image', 'inspect', 'team/box:1');
  assert.deepEqual(
    details.layers.map(({ sharedWith, createdBy }) => [sharedWith, createdBy]),
    [[['box'], 'terrarium import root.tar.gz']],
  );
  assert.equal(await said('import', '--list', 'root.tar.gz'), 'a root file system\n');
  assert.equal((await said('create', '--name', 'of-box', '--root', 'box', '--', 'true')).trim().length > 8, true);
  assert.equal(await said('rm-image', 'team/box:1'), 'team/box:1\n', 'the other name is enough for the container');
  const used = await command.terrarium(['rm-image', 'box']);
  assert.deepEqual([used.status, used.stdout], [125, '']);
  assert.match(used.stderr, /the image box stays\. The container "of-box" was made from it/);
  assert.match(await said('prune', '--all', '--dry-run'), /^kept: box\..*\nwould free 0 B\n$/);
  await said('rm', 'of-box');
  assert.match(await said('rm-image', '--dry-run', 'box'), /^box {2}would free [1-9][0-9.]* (KiB|MiB)\n$/);
  assert.match(await said('prune', '--all'), /^box\nfreed [1-9][0-9.]* (KiB|MiB)\n$/);
  assert.deepEqual(await json('images', '--json'), []);
  const cut = await command.terrarium(['import', '/dev/null', '--name', 'none']);
  assert.equal(cut.status, 125);
  assert.match(cut.stderr, /^terrarium: /);
});

test('ledger: to read, as JSON, as a list and as a script that runs', async () => {
  await up('seventh', '--', 'sh', '-c', 'hostname; readlink /proc/self/ns/uts');
  assert.match(await said('ledger', 'seventh'), /pivot_root/);
  const ledger = await json<Ledger>('ledger', '--json', 'seventh');
  assert.deepEqual([ledger.operation, ledger.succeeded], ['start-1', true]);
  assert.match(await said('ledger', '--list', 'seventh'), /^start-1 +.* succeeded /m);
  const script = path.join(command.home.folder, 'made.sh');
  writeFileSync(script, await said('ledger', '--script', 'seventh'));
  const directory = path.join(command.home.folder, 'by-hand');
  const ended = spawnSync('bash', [script], { encoding: 'utf8', env: { ...process.env, TERRARIUM_DIR: directory } });
  assert.match(ended.stdout, /^seventh\nuts:\[\d+\]\n$/, ended.stderr);
  spawnSync('unshare', ['--user', '--map-root-user', 'rm', '-rf', directory]);
});

test('stats say what a container uses, as a table and as lines of JSON', async () => {
  const id = await up('busy', '--', 'sh', '-c', 'while :; do :; done');
  const lines = (await said('stats', '--once', '--json', 'busy')).trim().split('\n');
  const [line] = lines.map(
    (text) => JSON.parse(text) as { container: string; name: string; cpu: number; pids: number },
  );
  assert.deepEqual([lines.length, line?.container, line?.name, line?.pids], [1, id, 'busy', 1]);
  assert.ok((line?.cpu ?? 0) > 0.05, `it spins: ${line?.cpu}`);
  assert.match(await said('stats', '--once'), /^NAME +CPU +% +MEMORY.*\n(.*\n)*busy +\d/);
  const [detailed] = (await said('stats', '--once', '--json', '--detail', 'busy'))
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { name: string; cpu: { usageMicroseconds: number }; memory: { bytes: number } });
  assert.deepEqual([detailed?.name, (detailed?.cpu.usageMicroseconds ?? 0) > 0], ['busy', true]);
  assert.ok((detailed?.memory.bytes ?? 0) > 0);
  assert.match(await said('stats', '--once', '--detail', '--sort', 'cpu'), /^NAME .* CPU PRESSURE .*\n(.*\n)*busy +\d/);
  const missing = await command.terrarium(['stats', '--once', 'no-such']);
  assert.notEqual(missing.status, 0);
  await said('rm', '-f', 'busy');
});
