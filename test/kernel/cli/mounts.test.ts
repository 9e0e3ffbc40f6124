import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { ContainerSummary, MountInfo, VolumeSummary } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';
import { mountsOf } from '../support/kernel.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function refused(args: string[], message: RegExp): Promise<void> {
  const { stderr, status } = await command.terrarium(args);
  assert.notEqual(status, 0, args.join(' '));
  assert.match(stderr, message);
}

const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await said(...args)) as T;

async function up(name: string, ...args: string[]): Promise<number> {
  await said('run', '-d', '--name', name, '--root', command.root, ...args, '--', 'sleep', '600');
  const list = await json<ContainerSummary[]>('ps', '--json');
  return list.find((one) => one.name === name)?.init?.pid ?? 0;
}

const at = (pid: number, destination: string) => mountsOf(pid).filter((mount) => mount.destination === destination);

test('mounts are made, listed as the kernel has them, and removed', async () => {
  const site = path.join(command.home.folder, 'site');
  mkdirSync(site);
  writeFileSync(path.join(site, 'page'), 'of the machine\n');
  const pid = await up('web', '--tmpfs', '/cache:size=64k', '--mount', `${site}:/start:ro`);
  assert.ok(at(pid, '/cache')[0]?.superOptions.includes('size=64k'));
  // A relative folder is one of the folder the command was given in.
  assert.match(await said('mount', 'web', './site:/site:ro'), /^DESTINATION.*PROPAGATION.*\n\/site .*until it ends/);
  await said('mount', 'web', '--tmpfs', '/more:size=128k');
  assert.equal(await said('exec', 'web', '--', 'cat', '/start/page', '/site/page'), 'of the machine\n'.repeat(2));
  assert.ok(at(pid, '/site')[0]?.options.includes('ro'));
  assert.ok(at(pid, '/more')[0]?.superOptions.includes('size=128k'));

  const listed = await json<MountInfo[]>('mounts', '--json', 'web');
  const known = mountsOf(pid);
  assert.deepEqual(
    listed.map(({ destination, type, source, options }) => [destination, type, source, options]),
    known.map(({ destination, type, source, options }) => [destination, type, source, options]),
  );
  const table = await said('mounts', 'web');
  assert.equal(table.trimEnd().split('\n').length, known.length + 1);
  assert.match(table, /^\/start +\S+ +\S+\/site\] +ro,nosuid,nodev\S* +private +asked for$/m);
  assert.match(table, /^\/cache +tmpfs .* asked for$/m);

  await said('umount', 'web', '/site');
  assert.equal(at(pid, '/site').length, 0);
  await refused(['umount', 'web', '/site'], /Nothing is mounted on \/site/);
  await refused(['umount', 'web', '/proc'], /not yours to remove\n {2}cause: .*\n {2}fix: /);
  await refused(['mount', 'web'], /Give one of SOURCE:DESTINATION and --tmpfs/);
  await refused(['mount', 'web', './site:relative'], /absolute destination/);
  await refused(['mount', 'web', './site:/x:idmap'], /CAP_SYS_ADMIN/);
});

test('--keep changes later starts', async () => {
  await up('kept');
  await said('stop', '--time', '0.1', 'kept');
  await refused(['mount', 'kept', '--tmpfs', '/cache'], /not running\n.*fix: /s);
  assert.match(await said('mount', '--keep', 'kept', '--tmpfs', '/cache'), /kept for the next start: \/cache/);
  await said('start', 'kept');
  assert.match(await said('exec', 'kept', '--', 'cat', '/proc/self/mounts'), / \/cache tmpfs /);
  await said('umount', '--keep', 'kept', '/cache');
  await said('restart', '--time', '0.1', 'kept');
  assert.doesNotMatch(await said('exec', 'kept', '--', 'cat', '/proc/self/mounts'), / \/cache /);
});

test('volumes are made, measured, used, removed and pruned', async () => {
  const folder = (await said('volume', 'create', 'data')).trim();
  assert.ok(existsSync(folder));
  await refused(['volume', 'create', 'data'], /already is a volume/);
  await up('store', '--mount', 'data:/var/lib/data', '--mount', 'fresh:/fresh');
  await said('exec', 'store', '--', 'dd', 'if=/dev/zero', 'of=/var/lib/data/file', 'bs=64k', 'count=4');
  await said('exec', 'store', '--', 'sync');
  assert.match(await said('volume', 'ls'), /^VOLUME +CREATED +USED BY\ndata .*store:\/var\/lib\/data$/m);
  assert.match(await said('volume', 'ls', '--size'), /^data +\S+ \S+ ago +(25|26)\d KiB +store:/m);
  const [data] = await json<(VolumeSummary & { sizeBytes: number })[]>('volume', 'ls', '--size', '--json');
  assert.ok(data?.name === 'data' && data.sizeBytes >= 256 * 1024);
  await refused(['volume', 'rm', 'data'], /used by store/);
  await said('volume', 'create', 'spare');
  assert.equal(await said('volume', 'prune'), 'spare\n');
  await said('rm', '-f', 'store');
  await said('volume', 'rm', 'data', 'fresh');
  assert.ok(!existsSync(folder));
  assert.deepEqual(await json('volume', 'ls', '--json'), []);
});
