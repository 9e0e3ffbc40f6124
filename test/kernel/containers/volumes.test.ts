import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';

const bed = new Bed();
const { Invalid, NameTaken, NotFound, WrongState } = protocol.ErrorCode;

const volume = (source: string, destination = '/data') => ({ type: 'volume', source, destination });
const list = () => bed.helper.ask(protocol.ListVolumes);
const usersOf = async (name: string) => (await list()).find((one) => one.name === name)?.usedBy ?? [];

test('a volume is made when it is asked for, shared, and stays when containers go', async () => {
  await bed.shell('echo kept > /data/file', { name: 'first', mounts: [volume('kept')] });
  const other = await bed.up({ mounts: [{ ...volume('kept', '/elsewhere'), options: ['ro'] }] });
  assert.equal((await bed.exec(other.id, 'cat /elsewhere/file')).stdout, 'kept\n');
  assert.match((await bed.exec(other.id, 'touch /elsewhere/new')).stderr, /Read-only/);
  const [found] = (await list()).filter(({ name }) => name === 'kept');
  assert.equal(readFileSync(path.join(found?.path ?? '', 'file'), 'utf8'), 'kept\n');
  assert.deepEqual(
    found?.usedBy.map(({ container, destination, mounted }) => [container, destination, mounted]).at(-1),
    [other.id, '/elsewhere', true],
  );
});

test('added to a running container it is used by it until it is removed', async () => {
  const { id } = await bed.up();
  await bed.helper.request(protocol.AddMount, { container: id, mount: volume('late') });
  assert.deepEqual(await usersOf('late'), [
    { container: id, name: (await usersOf('late'))[0]?.name, destination: '/data', mounted: true },
  ]);
  await fails(bed.helper.request(protocol.RemoveVolume, { name: 'late' }), {
    code: WrongState,
    message: /is used by/,
    fix: /first/,
  });
  await bed.helper.request(protocol.RemoveMount, { container: id, destination: '/data' });
  assert.deepEqual(await usersOf('late'), []);
  await bed.helper.request(protocol.RemoveVolume, { name: 'late' });
  assert.ok(!(await list()).some(({ name }) => name === 'late'));
});

test('files of other users inside belong to them in the next container, and go with the volume', async (t) => {
  const { id } = await bed.up({ mounts: [volume('owned')] });
  const chown = await bed.exec(
    id,
    'mkdir /data/of && echo x > /data/of/file && chown -R 33:33 /data/of && chmod 700 /data/of',
  );
  if (chown.exitCode !== 0) return t.skip('this user has no range of ids: there is one user inside only');
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  assert.equal(await bed.shell('stat -c %u:%g /data/of/file', { mounts: [volume('owned')] }), '33:33\n');
  const [found] = (await list()).filter(({ name }) => name === 'owned');
  const folder = path.join(found?.path ?? '', 'of');
  assert.notEqual(statSync(folder).uid, 33, 'outside it is a subordinate id');
  await bed.helper.request(protocol.RemoveVolume, { name: 'owned' });
  assert.ok(!existsSync(path.dirname(found?.path ?? '/')));
});

test('it is measured, with what others than its owner may not read, as du does', async () => {
  const { id } = await bed.up({ mounts: [volume('large')] });
  const measure = async () => (await bed.helper.request(protocol.MeasureVolume, { name: 'large' })).sizeBytes;
  const empty = await measure();
  await bed.exec(
    id,
    'mkdir -m 700 /data/of && dd if=/dev/zero of=/data/of/file bs=64k count=16 && sync && chown -R 33:33 /data/of',
  );
  const du = await bed.exec(id, 'du -sk /data');
  assert.equal(await measure(), Number.parseInt(du.stdout, 10) * 1024);
  assert.ok((await measure()) >= empty + 1024 ** 2);
  await fails(bed.helper.request(protocol.MeasureVolume, { name: '../large' }), {
    code: NotFound,
    message: /no volume/,
  });
});

test('those that no container has are pruned, others are not', async () => {
  await bed.helper.request(protocol.CreateVolume, { name: 'unused' });
  const { id } = await bed.helper.request(protocol.CreateContainer, {
    specification: { root: bed.root, mounts: [volume('used')] },
  });
  const pruned = await bed.helper.ask(protocol.PruneVolumes);
  assert.ok(pruned.includes('unused'));
  assert.ok(!pruned.includes('used'));
  assert.deepEqual(
    (await usersOf('used')).map((use) => [use.container, use.mounted]),
    [[id, false]],
  );
});

test('names are checked, and told apart', async () => {
  const create = (name: string) => bed.helper.request(protocol.CreateVolume, { name });
  for (const name of ['', '..', 'a/b', '.hidden', 'x'.repeat(64)]) {
    await fails(create(name), { code: Invalid, message: /no name for a volume/, fix: /letters/ });
    await fails(bed.helper.request(protocol.RemoveVolume, { name }), { code: NotFound, message: /no volume/ });
  }
  await create('twice');
  await fails(create('twice'), { code: NameTaken, message: /already/ });
  await fails(
    bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, mounts: [volume('../x')] } }),
    {
      code: Invalid,
      message: /name of a volume/,
    },
  );
});
