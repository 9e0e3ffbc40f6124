import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../../kernel/support/bed.js';
import { fails } from '../../kernel/support/failure.js';
import { packRoot } from '../../kernel/support/root.js';
import { Canary, secret } from '../runtime/canary.js';

const bed = new Bed();
const outside = mkdtempSync(path.join(tmpdir(), 'canary-'));
const canary = new Canary(outside);
after(() => rmSync(outside, { recursive: true, force: true }));

const upperOf = (id: string) => path.join(bed.home.data, 'containers', id, 'upper');

/** A container that swaps a folder and a link to the canary, as fast as it can. */
async function flipping() {
  return bed.up({
    args: [
      '/bin/sh',
      '-c',
      `mkdir -p /srv/real; echo inside > /srv/real/file; ln -s ${canary.folder} /srv/link; mv /srv/real /srv/flip
       while :; do mv /srv/flip /srv/real; mv /srv/link /srv/flip; mv /srv/flip /srv/link; mv /srv/real /srv/flip; done`,
    ],
  });
}

test('who follows the links of a container reads what is outside: the control', async () => {
  const { id } = await bed.up();
  await bed.exec(id, `mkdir /srv; ln -s ${canary.folder} /srv/flip`);
  assert.equal(readFileSync(path.join(upperOf(id), 'srv/flip/file'), 'utf8'), `${secret}\n`);
});

test('lists, tars and images of a container that flips folders and links hold nothing from outside', async () => {
  const before = canary.look();
  const { id } = await flipping();
  const out = path.join(bed.home.folder, 'out');
  mkdirSync(out);
  let exported = 0;
  for (let round = 0; round < 40; round++) {
    const { changes } = await bed.helper.request(protocol.ListChanges, { container: id });
    assert.ok(!JSON.stringify(changes).includes('canary'));
    const destination = path.join(out, `${round}.tar`);
    const source = { kind: 'container', container: id } as const;
    await bed.helper.request(protocol.ExportImage, { source, format: 'tar', destination });
    const files = execFileSync('tar', ['-xOf', destination], { encoding: 'latin1', maxBuffer: 2 ** 28 });
    assert.ok(!files.includes(secret), `round ${round}`);
    if (files.includes('inside\n')) exported++;
    rmSync(destination);
  }
  assert.ok(exported > 0, 'the folder itself was exported now and then');
  const { name } = await bed.helper.request(protocol.CommitContainer, { container: id, name: 'flipped' });
  const content = await bed.shell('cat /srv/*/file 2>/dev/null || true', { root: { kind: 'image', name } });
  assert.ok(!content.includes(secret));
  assert.equal(canary.look(), before);
});

test('reverting below a folder that flips changes nothing outside', async () => {
  const { id } = await flipping();
  const before = canary.look();
  const outcomes = new Set<string>();
  for (let round = 0; round < 60; round++) {
    await bed.helper.request(protocol.RevertChanges, { container: id, paths: ['/srv/flip/file'] }).then(
      () => outcomes.add('reverted'),
      (error: protocol.TerrariumError) => outcomes.add(String(error.code)),
    );
    assert.equal(canary.look(), before, `round ${round}`);
  }
  // A file that is removed once is not there again.
  assert.ok(outcomes.size > 0);
});

test('a link in the place of a folder is not walked through', async () => {
  const { id } = await bed.up();
  await bed.exec(id, `mkdir /srv; ln -s ${canary.folder} /srv/out; ln -s / /srv/root`);
  const before = canary.look();
  for (const at of ['/srv/out/file', '/srv/out/folder', '/srv/root/etc/passwd']) {
    await fails(bed.helper.request(protocol.RevertChanges, { container: id, paths: [at] }), {
      code: protocol.ErrorCode.WrongState,
      message: /no folder now/,
    });
  }
  assert.equal(canary.look(), before);
});

test('a file that is called like a whiteout deletes nothing in an image', async () => {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'whiteouts.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'whiteouts' });
  const { id } = await bed.up({ root: { kind: 'image', name: 'whiteouts' } });
  await bed.exec(
    id,
    'echo x > /etc/.wh.passwd; echo x > /etc/.wh..wh..opq; mkdir /.wh.bin; echo x > /.wh.bin/x; echo kept > /kept',
  );
  const { name, notes } = await bed.helper.request(protocol.CommitContainer, { container: id, name: 'forged' });
  assert.match(notes.join(' '), /\.wh\./);
  const root = { kind: 'image', name } as const;
  assert.equal(await bed.shell('ls /etc; cat /kept', { root }), 'group\npasswd\nkept\n');
});

test('a FIFO is waited for by nobody, and a huge sparse file is not compared when its size tells', async () => {
  const { id } = await bed.up();
  await bed.exec(
    id,
    'rm /etc/group; mkfifo /etc/group; dd if=/dev/zero of=/etc/passwd bs=1 count=1 seek=8589934592 2>/dev/null',
  );
  const { changes } = await bed.helper.request(protocol.ListChanges, { container: id });
  assert.deepEqual(
    changes.map(({ path: at, what }) => [at, what]),
    [
      ['/etc/group', ['type']],
      ['/etc/passwd', ['content']],
    ],
  );
});

test('folders that nest without end are refused, and the helper goes on', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'cd /tmp; i=0; while [ $i -lt 600 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done');
  await fails(bed.helper.request(protocol.ListChanges, { container: id }), {
    code: protocol.ErrorCode.BadInput,
    message: /nest deeper/,
  });
  const { id: other } = await bed.up();
  assert.deepEqual((await bed.helper.request(protocol.ListChanges, { container: other })).changes, []);
});

test('more changes than anybody reads are cut off', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'cd /tmp; i=0; while [ $i -lt 21000 ]; do : > $i; i=$((i+1)); done');
  const { changes, truncated } = await bed.helper.request(protocol.ListChanges, { container: id });
  assert.equal(truncated, true);
  assert.equal(changes.length, 20_000);
});
