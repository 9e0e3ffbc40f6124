import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type {
  ContainerInspection,
  Inspection,
  NamespaceReport,
  ProcessComparison,
  ProcessInspection,
} from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';
import { differingNamespaces, namespacesOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

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
  const process = await json<Inspection>('inspect', '--json', String(pid));
  assert.deepEqual([process.pid, process.kernel?.container?.name, process.config], [pid, 'named', undefined]);
  const container = await json<Inspection>('inspect', '--environment', 'named');
  assert.deepEqual([container.name, container.status, container.pid], ['named', 'running', pid]);
  assert.deepEqual(container.kernel?.identity, process.kernel?.identity);
  assert.ok((container.kernel?.process.env?.length ?? 0) > 0);
  const same = await json<ProcessInspection>('inspect', '--process', 'named');
  assert.deepEqual([same.identity, same.process.env], [process.kernel?.identity, undefined]);
  const gone = await command.terrarium(['inspect', '4194303']);
  assert.equal(gone.status, 125);
  assert.match(gone.stderr, /Process 4194303 has ended/);
});

test('the processes of a container are listed, and one of them is sent a signal', async () => {
  const script = 'sleep 601 & exec sleep 600';
  await said('run', '-d', '--name', 'several', '--root', command.root, '--', 'sh', '-c', script);
  const row = /^(\d+) +2 +\d+ +0 +S +\d+\.\d\d s +\d\S* \S+ +sleep 601$/m;
  const listed = await eventually('both commands', async () => {
    const text = await said('ps', 'several');
    return row.test(text) && /sleep 600$/m.test(text) ? text : undefined;
  });
  assert.match(listed, /^PID +INSIDE +USER +INSIDE +STATE +CPU TIME +MEMORY +OWN NAMESPACES +COMMAND$/m);
  const [, pid = ''] = row.exec(listed) ?? [];
  await said('kill', '--pid', pid, 'several');
  await eventually('its end', async () => !row.test(await said('ps', 'several')));
  assert.match(await said('ps', 'several'), /sleep 600$/m);
  const foreign = await command.terrarium(['kill', '--pid', String(process.pid), 'several']);
  assert.equal(foreign.status, 125);
  assert.match(foreign.stderr, /is not one of several's/);
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
  assert.deepEqual((await json<Inspection>('inspect', pid)).kernel?.process.args.at(-1), hostile);
  assert.ok(execFileSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' }).includes(hostile));
});
