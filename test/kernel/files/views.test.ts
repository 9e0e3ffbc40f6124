import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { bootId } from '../../../helper/inspect/boot.js';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { parentOf, startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();

/** The process that has the root of a stopped container mounted, by its record. */
function holderOf(id: string): { pid: number; monitor: number } | undefined {
  const file = path.join(bed.home.runtime, 'views', id, 'holder.json');
  if (!existsSync(file)) return undefined;
  const { init, monitor } = JSON.parse(readFileSync(file, 'utf8'));
  return startTimeOf(init.pid) === init.startTime ? { pid: init.pid, monitor: monitor.pid } : undefined;
}

async function stopped(more: protocol.ContainerSpecification = {}): Promise<{ id: string; root: protocol.FileRoot }> {
  const { id } = await bed.helper.request(protocol.CreateContainer, {
    specification: { root: bed.root, args: [], ...more },
  });
  return { id, root: { kind: 'container', container: id } };
}

test('two helpers look through one mount, which ends with the last of them, even when it is killed', async () => {
  const { id, root } = await stopped();
  const [first, second] = [await bed.another(), await bed.another()];
  await first.request(protocol.ListFiles, { root, path: '/' });
  const holder = holderOf(id);
  assert.ok(holder);
  await second.request(protocol.ListFiles, { root, path: '/' });
  assert.deepEqual(holderOf(id), holder);
  await first.stop();
  await second.request(protocol.ListFiles, { root, path: '/' });
  assert.deepEqual(holderOf(id), holder);
  await second.crash();
  await eventually('the end of the holder', () => holderOf(id) === undefined);
});

test('a record from before the machine was started again names a stranger, into whom nobody looks', async () => {
  const { id, root } = await stopped();
  const stranger = await bed.up();
  await bed.exec(stranger.id, 'touch /of-the-stranger');
  const folder = path.join(bed.home.runtime, 'views', id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const seenWith = async (boot: string): Promise<boolean> => {
    const record = { bootId: boot, init: stranger.init, monitor: stranger.init };
    writeFileSync(path.join(folder, 'holder.json'), JSON.stringify(record));
    const helper = await bed.another();
    const { entries } = await helper.request(protocol.ListFiles, { root, path: '/' });
    await helper.stop();
    return entries.some(({ name }) => name === 'of-the-stranger');
  };
  assert.equal(await seenWith(bootId()), true, 'control: of this start of the machine it is the holder');
  assert.equal(await seenWith('an earlier one'), false);
});

test('a container that is being looked at by two helpers starts at once, mounted once', async () => {
  const { id, root } = await stopped();
  const other = await bed.another();
  for (const helper of [bed.helper, other]) await helper.request(protocol.ListFiles, { root, path: '/' });
  const holder = holderOf(id);
  assert.ok(holder);
  const start = performance.now();
  await bed.helper.request(protocol.StartContainer, { container: id });
  // An idle one would be there for half a minute.
  assert.ok(performance.now() - start < 15_000, 'nobody waits for a view that is idle');
  assert.equal(holderOf(id), undefined);
  assert.equal(startTimeOf(holder.monitor), undefined, 'its mount is gone too');
  for (const helper of [bed.helper, other]) {
    const { entries } = await helper.request(protocol.ListFiles, { root, path: '/' });
    assert.ok(entries.some(({ name }) => name === 'etc'));
  }
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  assert.equal(existsSync(path.join(bed.home.runtime, 'views', id)), false);
});

test('a throw-away container is looked into, started and looked into again: volatile layers mount again', async () => {
  const { id } = await bed.helper.request(protocol.CreateContainer, {
    specification: { root: bed.root, args: [] },
    remove: true,
  });
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const write = (name: string) =>
    bed.helper.request(protocol.WriteFile, { root, path: `/etc/${name}`, data: '', create: true, overwrite: true });
  await write('one');
  await bed.helper.request(protocol.StartContainer, { container: id });
  await write('two');
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await write('three');
  const { entries } = await bed.helper.request(protocol.ListFiles, { root, path: '/etc' });
  assert.deepEqual(entries.map(({ name }) => name).sort(), ['group', 'one', 'passwd', 'three', 'two']);
});

test('a container is removed while somebody looks into it', async () => {
  const { id, root } = await stopped();
  const other = await bed.another();
  await other.request(protocol.ListFiles, { root, path: '/' });
  await other.request(protocol.ListFiles, { root: { kind: 'base', container: id }, path: '/' });
  await bed.helper.request(protocol.RemoveContainer, { container: id });
  assert.equal(existsSync(path.join(bed.home.data, 'containers', id)), false);
  await assert.rejects(other.request(protocol.ListFiles, { root, path: '/' }), /There is no container/);
});

test('a container whose zygote was killed is looked into and changed, running and stopped', async () => {
  const { id, pid } = await bed.up();
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const write = (path: string) =>
    bed.helper.request(protocol.WriteFile, { root, path, data: 'eA==', create: true, overwrite: true });
  await write('/etc/before');
  const monitor = parentOf(pid);
  const zygote = parentOf(monitor);
  assert.match(readFileSync(`/proc/${zygote}/cmdline`, 'utf8'), /^terrarium zygote/);
  process.kill(zygote, 'SIGKILL');
  await eventually('the end of the zygote', () => startTimeOf(zygote) === undefined);
  const helper = await bed.another();
  const file = { root, path: '/etc/after', data: 'eA==', create: true, overwrite: true };
  await helper.request(protocol.WriteFile, file);
  assert.equal(readFileSync(`/proc/${pid}/root/etc/after`, 'utf8'), 'x');
  await helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  const { entries } = await helper.request(protocol.ListFiles, { root, path: '/etc' });
  assert.deepEqual(entries.map(({ name }) => name).sort(), ['after', 'before', 'group', 'passwd']);
});

test('a damaged root tells which step failed', async () => {
  const { id, root } = await stopped({ root: { kind: 'directory', path: path.join(bed.rootFolder, 'home') } });
  const work = path.join(bed.home.data, 'containers', id, 'rootfs');
  // A file where the mount point should be.
  writeFileSync(work, '');
  await assert.rejects(bed.helper.request(protocol.ListFiles, { root, path: '/' }), /EEXIST|ENOTDIR/);
  assert.deepEqual(
    readdirSync(path.join(bed.home.runtime, 'views', id)).filter((name) => name === 'holder.json'),
    [],
  );
});
