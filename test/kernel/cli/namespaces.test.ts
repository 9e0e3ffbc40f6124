import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type {
  ContainerInspection,
  NamespaceReport,
  ProcessComparison,
  ProcessInspection,
} from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';
import { differingNamespaces, namespacesOf } from '../support/kernel.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await said(...args)) as T;

async function up(name: string): Promise<number> {
  await said('run', '-d', '--name', name, '--root', command.root, '--', 'sleep', '600');
  return (await json<ContainerInspection>('inspect', name)).pid;
}

test('namespaces are listed as a table, as a tree and as JSON, with the names of containers', async () => {
  const pid = await up('listed');
  const inode = /\d+/.exec(namespacesOf(pid).net)?.[0];
  const row = new RegExp(`^${inode} +network +\\d+ +${pid} +\\S+ +listed +sleep 600$`, 'm');
  assert.match(await said('namespaces'), row);
  const only = await said('namespaces', '--type', 'net');
  assert.match(only, row);
  assert.doesNotMatch(only, /^\d+ +mount/m);
  const owner = /\d+/.exec(namespacesOf(pid).user)?.[0];
  // The container's own stand below its user namespace, which is indented itself.
  assert.match(
    await said('namespaces', '--tree'),
    new RegExp(`^( +)${owner} +user .*\\n(?:\\1 +\\d+ .*\\n)*\\1 +${inode} +network`, 'm'),
  );
  const report = await json<NamespaceReport>('namespaces', '--json', '-t', 'network');
  assert.ok(report.namespaces.every(({ type }) => type === 'network'));
  assert.equal((await command.terrarium(['namespaces', '--type', 'nothing'])).status, 125);
});

test('a number is inspected as a process, a name as a container', async () => {
  const pid = await up('named');
  const process = await json<ProcessInspection>('inspect', String(pid));
  assert.deepEqual([process.identity.pid, process.container?.name, process.process.env], [pid, 'named', undefined]);
  const same = await json<ProcessInspection>('inspect', '--process', '--environment', 'named');
  assert.deepEqual([same.identity, same.process.env?.length !== undefined], [process.identity, true]);
  const refused = await command.terrarium(['inspect', '--environment', 'named']);
  assert.equal(refused.status, 125);
  assert.match(refused.stderr, /add --process/);
  const gone = await command.terrarium(['inspect', '4194303']);
  assert.equal(gone.status, 125);
  assert.match(gone.stderr, /Process 4194303 has ended/);
});

test('a container is compared with the host, as text and as JSON', async () => {
  const pid = await up('compared');
  const { sections } = await json<ProcessComparison>('compare', '--json', 'compared', String(process.pid));
  const differing = sections.find(({ topic }) => topic === 'namespaces')?.differences ?? [];
  assert.equal(differing.length, differingNamespaces(pid).length);
  const text = await said('compare', 'compared');
  assert.match(text, new RegExp(`^A +compared \\(${pid}: sleep 600\\)$`, 'm'));
  assert.match(text, /^B +host \(\d+: /m);
  assert.match(text, /^namespaces: \d differ, \d the same$/m);
});

test('what a terminal would obey is escaped everywhere', async (t) => {
  const hostile = 'x\u001b]0;title\u0007\u202ey';
  const child = spawn('sh', ['-c', 'echo ready; read _', hostile], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.stdin.end('\n'));
  await once(child.stdout, 'data');
  const pid = String(child.pid);
  for (const args of [
    ['inspect', pid],
    ['compare', pid, String(process.pid)],
    ['namespaces', '--json'],
    ['namespaces'],
  ]) {
    const shown = await said(...args);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, args.join(' '));
  }
  assert.deepEqual((await json<ProcessInspection>('inspect', pid)).process.args.at(-1), hostile);
  assert.ok(execFileSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' }).includes(hostile));
});
