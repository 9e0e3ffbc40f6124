import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { Command } from '../support/command.js';

const command = new Command();
const { terrarium, shell } = {
  terrarium: (args: readonly string[], input?: string) => command.terrarium(args, input),
  shell: (script: string, input?: string) => command.shell(script, input),
};

test("the main job without an editor: id, hostname, ps on the machine's own root", async () => {
  const { stdout, stderr, status } = await terrarium(['run', '--rm', '--', 'sh', '-c', 'id; hostname; ps']);
  assert.deepEqual([stderr, status], ['', 0]);
  const [id, name, heading, ...processes] = stdout.trim().split('\n');
  assert.match(id ?? '', /^uid=0\(root\) gid=0\(root\)/);
  assert.match(name ?? '', /^[a-z]+-[a-z]+/);
  assert.notEqual(name, hostname());
  assert.match(heading ?? '', /PID/);
  assert.deepEqual(
    processes.map((line) => line.trim().split(/\s+/).at(-1)),
    ['sh', 'ps'],
  );
  assert.deepEqual(JSON.parse((await terrarium(['ps', '--json'])).stdout), [], '--rm left nothing');
});

test('exit statuses: its own, of a signal, not found, not executable, ours', async () => {
  const status = async (...args: string[]) =>
    (await terrarium(['run', '--rm', '--root', command.root, ...args])).status;
  assert.equal(await status('--', 'sh', '-c', 'exit 42'), 42);
  assert.equal(await status('--init', '--', 'sh', '-c', 'kill -TERM $$'), 143);
  assert.equal(await status('--', 'nosuch'), 127);
  assert.equal(await status('--', '/etc/passwd'), 126);
  assert.equal(await status('--user', 'nobody-here', '--', 'true'), 125);
  assert.equal(await status('--memory', 'much', '--', 'true'), 125);
});

test('pipes: input, output and errors are kept apart and whole', async () => {
  const through = await shell('echo hi | terrarium run --rm --root "$root" -- cat');
  assert.deepEqual(through, { stdout: 'hi\n', stderr: '', status: 0 });
  const large = `${'x'.repeat(99)}\n`;
  const input = large.repeat(20_000);
  const { stdout } = await terrarium(
    ['run', '--rm', '--root', command.root, '--', 'sh', '-c', 'cat; echo end >&2'],
    input,
  );
  assert.equal(stdout.length, input.length);
  assert.equal((await shell('terrarium run --rm --root "$root" -- seq 100000 | head -1')).stdout, '1\n');
  const apart = await terrarium(['run', '--rm', '--root', command.root, '--', 'sh', '-c', 'echo out; echo err >&2']);
  assert.deepEqual([apart.stdout, apart.stderr], ['out\n', 'err\n']);
});

test('-t: a terminal inside, of the size outside', async (t) => {
  if (spawnSync('script', ['--version']).error) return t.skip('script(1) is not installed');
  const inner =
    'stty rows 33 cols 77; "$node" "$cli" run --rm -t --root "$root" -- sh -c "tty; for i in 1 2 3 4 5 6 7 8 9; do stty size | grep 33.77 && exit 5; sleep 0.5; done"';
  const { stdout, status } = await shell(`script -qec '${inner}' /dev/null`);
  assert.match(stdout, /^\/dev\/pts\/0\r\n[\s\S]*33 77\r\n/);
  assert.equal(status, 5);
});

test('options: name, hostname, user, folder, environment, mounts, network', async () => {
  const script =
    'hostname; pwd; echo $GREETING; cat /data/etc/group | wc -l; touch /data/new 2>&1; ls /sys/class/net | tr "\\n" " "';
  const options = [
    '--name',
    'jar',
    '--hostname',
    'jam',
    '-w',
    '/etc',
    '-e',
    'GREETING=hello you',
    '--mount',
    `${command.root}:/data:ro`,
  ];
  const { stdout } = await terrarium(['run', '--root', command.root, ...options, '--', 'sh', '-c', script]);
  assert.equal(stdout, 'jam\n/etc\nhello you\n3\ntouch: /data/new: Read-only file system\nlo ');
  const [container] = JSON.parse((await terrarium(['ps', '--json'])).stdout) as { name: string; state: string }[];
  assert.deepEqual([container?.name, container?.state], ['jar', 'stopped']);
  assert.equal((await terrarium(['rm', 'jar'])).stdout, 'jar\n');
});

test('what goes wrong is told on standard error, with cause and fix', async () => {
  const { stdout, stderr, status } = await terrarium(['run', '--root', '/no/such/root', '--', 'true']);
  assert.deepEqual([stdout, status], ['', 125]);
  assert.match(stderr, /^terrarium: .*\/no\/such\/root\n {2}cause: .*\n {2}fix: .*\n/);
  const failed = await terrarium(['run', '--root', command.root, '--', 'nosuch']);
  const more = /terrarium (ledger [0-9a-f]{12} --operation start-1)/.exec(failed.stderr)?.[1];
  assert.ok(more, failed.stderr);
  assert.match((await terrarium(more.split(' '))).stdout, /ENOENT/, 'the command that it names works');
  const usage = await terrarium(['run', '--net', 'pid:none', '--', 'true']);
  assert.match(usage.stderr, /none, host, container:NAME/);
  assert.notEqual((await terrarium(['nosuch'])).status, 0);
});
