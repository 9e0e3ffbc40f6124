import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { importArchive } from '../../../helper/image/import/importer.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ErrorCode, type ErrorData } from '../../../helper/protocol/errors.js';
import { type Bed, describeStack, makeBed, run } from './bed.js';
import { dockerEntries, layoutFiles, makeImage, makeLayer, writeFolder } from './imageFiles.js';
import { Peer, peerUnavailable, withoutRoot } from './peer.js';
import { paxArchive } from './rawTar.js';

const longName = 'n'.repeat(255);
const utf8Name = 'F\u0151tan\u00fas\u00edtv\u00e1ny-\u65e5\u672c';
const deepFolder = 'd/'.repeat(60);

/**
 * A root with what archives lose most easily. `$m` is where it is. The sparse file is small: buildah writes holes out,
 * which takes minutes for 4 GB; sparse.test.ts has larger ones. Times are after 1970, to which podman moves earlier ones.
 */
const fillRoot = `mkdir -p $m/etc $m/bin $m/tmp $m/var/cache/deep $m/opt/gone/deep $m/folder $m/${deepFolder}
cp "$busybox" $m/bin/busybox; ln -s busybox $m/bin/sh; ln $m/bin/busybox $m/bin/ash
echo setuid > $m/bin/su; chown 33:44 $m/bin/su; chmod 4755 $m/bin/su
echo ping > $m/bin/ping; chmod 755 $m/bin/ping; setcap cap_net_raw,cap_setuid=ep $m/bin/ping
echo note > $m/etc/note; setfattr -n user.note -v "kept as it is" $m/etc/note
echo long > $m/etc/${longName}; echo utf8 > "$m/etc/${utf8Name}"; echo latin1 > $m/etc/$(printf 'caf\\351')
echo deep > $m/${deepFolder}file; echo old > $m/etc/old; echo closed > $m/etc/shadow; chmod 0 $m/etc/shadow
echo one > $m/etc/one; ln $m/etc/one $m/etc/two; ln $m/etc/one $m/opt/three
echo a > $m/var/cache/a; echo b > $m/var/cache/deep/b; echo c > $m/opt/gone/deep/c; echo x > $m/folder/x; echo y > $m/file
ln -s /etc/$(printf 't%.0s' $(seq 200)) $m/etc/longlink; mkfifo -m 622 $m/tmp/fifo
chown 60000:60001 $m/var/cache; chmod 2750 $m/var/cache; chmod 1777 $m/tmp; chown -h 5:6 $m/bin/sh
dd if="$busybox" of=$m/tmp/sparse bs=4096 count=3 seek=5000 status=none; truncate -s 64M $m/tmp/sparse
touch -d @1000000000.5 $m/etc/one $m/var; touch -h -d @4500000000 $m/bin/sh
`;

/** Hides, replaces, links and changes what is below. */
const changeRoot = `rm $m/etc/old $m/etc/${longName}; rm -r $m/opt/gone
rm -r $m/var/cache; mkdir -m 711 $m/var/cache; echo new > $m/var/cache/c; mkdir $m/var/cache/deep
rm -r $m/folder; echo "now a file" > $m/folder; rm $m/file; mkdir $m/file; echo "now a folder" > $m/file/inside
ln $m/etc/note $m/etc/linked; ln $m/etc/one $m/opt/four; echo more >> $m/etc/two
chmod 700 $m/etc; chown 7:8 $m/bin/su; chmod 4755 $m/bin/su; setfattr -n user.note -v changed $m/var
`;

/** An image of three layers: a root, one that changes it, and one that was made by a program run in it. */
const build = `busybox=$(command -v busybox)
layer() { c=$(buildah from --pull-never "$1"); m=$(buildah mount $c); }
commit() { buildah umount $c >&2; buildah commit -q --rm $c "$1" >&2; }
layer scratch; ${fillRoot} commit first
layer first; ${changeRoot} commit second
c=$(buildah from --pull-never second); buildah config --env A=b $c
buildah run --isolation chroot $c -- /bin/sh -c '/bin/busybox rm /var/cache/c; echo "$A" > /etc/ran; /bin/busybox ln /etc/ran /etc/ran2'
buildah commit -q --rm $c app >&2
`;

async function importInto(bed: Bed, file: string, name: string): Promise<string[]> {
  await importArchive({ store: bed.store, agent: layerAgent(bed.agent) }, { file, name }, {});
  return (await bed.store.resolve(name)).layers;
}

function describeImage(bed: Bed, layers: readonly string[]): string[] {
  return withoutRoot(describeStack('range', layers, path.join(bed.work, 'empty')));
}

for (const driver of ['overlay', 'vfs'] as const) {
  test(`an image that buildah built in layers (${driver}) has the tree that podman shows of it`, async (t) => {
    const reason = peerUnavailable();
    if (reason) return t.skip(reason);
    const bed = makeBed(t, 'range');
    const peer = new Peer(t, driver);
    peer.shell(build);
    const wanted = peer.describe('app');
    for (const pattern of [
      /^f 4755 7:8 .* bin\/su /,
      /^\.\/bin\/ping cap_setuid,cap_net_raw=ep$/,
      /^one file: bin\/ash bin\/busybox$/,
      /^one file: etc\/ran etc\/ran2$/,
      /^user\.note="changed"$/,
      /^d 711 0:0 .* var\/cache$/,
      /^p 622 0:0 .* tmp\/fifo /,
      /^l .* 5:6 4500000000\.0* 7 bin\/sh -> busybox$/,
      new RegExp(`^f .* etc/${Buffer.from(utf8Name).toString('latin1')} `),
      /^f .* etc\/caf\u00e9 /,
    ]) {
      assert.ok(
        wanted.some((line) => pattern.test(line)),
        `podman keeps ${pattern}`,
      );
    }
    for (const format of ['oci-archive', 'docker-archive']) {
      const file = path.join(peer.folder, `${format}.tar`);
      peer.shell('buildah push -q app "$1:$2:app" >&2', format, file);
      const layers = await importInto(bed, file, format);
      assert.equal(layers.length, 3);
      assert.deepEqual(describeImage(bed, layers), wanted, format);
      const sparse = statSync(path.join(layers[2] ?? '', 'tmp/sparse'));
      assert.equal(sparse.size, 64 * 2 ** 20);
      assert.ok(sparse.blocks * 512 < 2 ** 20, 'holes that buildah wrote out are holes again');
    }
    const { layers } = await bed.store.inspect('oci-archive');
    const kindOf = async (name: string) => {
      const entries = await bed.store.layerEntries('oci-archive', layers[1]?.diffId ?? '', path.dirname(name));
      return entries.find((entry) => entry.path === name)?.kind;
    };
    assert.equal(await kindOf('/etc/old'), 'hidden');
    // Only a driver that keeps layers apart writes opaque folders; the other one hides name by name.
    assert.equal(await kindOf('/var/cache'), driver === 'overlay' ? 'opaque' : 'directory');
  });
}

test('a root file system has the tree that podman import makes of it', async (t) => {
  const reason = peerUnavailable();
  if (reason) return t.skip(reason);
  const bed = makeBed(t, 'range');
  const peer = new Peer(t, 'overlay');
  const [root, tar] = [path.join(peer.folder, 'root'), path.join(peer.folder, 'root.tar')];
  mkdirSync(root);
  run('range', ['sh', '-ec', `m=$1; busybox=$(command -v busybox)\n${fillRoot}`, 'sh', root]);
  const options = ['--format=posix', '--xattrs', '--xattrs-include=*', '--numeric-owner'];
  run('range', ['tar', ...options, '-cf', tar, '-C', root, '.']);
  peer.shell('podman import -q "$1" imported >&2', tar);
  const wanted = peer.describe('imported');
  assert.ok(wanted.length > 60, 'there is something to compare');
  await bed.store.import({ file: tar, name: 'imported' });
  const { layers } = await bed.store.resolve('imported');
  assert.deepEqual(describeImage(bed, layers), wanted);
});

/** Layers as the specification allows them, but few builders write them. */
const unusual = makeImage([
  makeLayer([
    { name: 'etc/', type: '5' },
    { name: 'etc/same', content: 'below' },
    { name: 'etc/gone', content: 'below' },
    { name: 'var/', type: '5', mode: 0o700 },
    { name: 'var/a/', type: '5', mode: 0o711 },
    { name: 'var/a/below', content: 'below' },
    { name: 'var/a/deep/', type: '5' },
    { name: 'var/a/deep/below', content: 'below' },
    { name: 'opt/', type: '5' },
    { name: 'opt/below', content: 'below' },
  ]),
  makeLayer([
    // What it hides comes after what it brings, and the folder's own entry last.
    { name: 'var/', type: '5', mode: 0o750 },
    { name: 'var/a/', type: '5' },
    { name: 'var/a/deep/', type: '5', mode: 0o1777 },
    { name: 'var/a/deep/above', content: 'above' },
    { name: 'var/a/.wh..wh..opq' },
    { name: 'etc/.wh.gone' },
    { name: 'etc/.wh.never' },
    { name: './/opt/./', type: '5', mode: 0o2755 },
    { name: '/opt/absolute', content: 'above', uid: 1, gid: 2 },
    { name: 'opt/.wh.below' },
    { name: 'opt/.wh..wh.plnk', type: '5' },
    { name: 'etc/same', type: '2', link: '/../../etc/passwd' },
    { name: 'etc/linked', type: '1', link: 'etc/same' },
    { name: 'etc/', type: '5', mode: 0o555 },
  ]),
  makeLayer([]),
  makeLayer([{ name: 'var/.wh.a' }]),
  makeLayer([
    { name: 'var/', type: '5' },
    { name: 'var/a/', type: '5' },
    { name: 'var/a/again', content: 'again' },
  ]),
]);

test('layers that hide in unusual ways have the tree that podman makes of them', async (t) => {
  const reason = peerUnavailable();
  if (reason) return t.skip(reason);
  const bed = makeBed(t, 'range');
  const file = path.join(bed.work, 'unusual.tar');
  writeFileSync(file, paxArchive(dockerEntries([{ image: unusual, tags: ['unusual:latest'] }])));
  // Not vfs, which unlinks symbolic links that are one file.
  const peer = new Peer(t, 'overlay');
  peer.shell('podman load -q -i "$1" >&2', file);
  assert.deepEqual(describeImage(bed, await importInto(bed, file, 'unusual')), peer.describe('unusual'));
});

/** An image whose upper layer links to a file of the lower one. */
function writeLinkAcross(layout: string): void {
  const below = makeLayer([{ name: 'etc/a', content: 'a' }]);
  const above = makeLayer([{ name: 'etc/b', type: '1', link: 'etc/a' }]);
  writeFolder(layout, layoutFiles({ app: makeImage([below, above]) }));
}

test('a hard link to what only a lower layer has is refused', async (t) => {
  const bed = makeBed(t);
  const layout = path.join(bed.work, 'layout');
  writeLinkAcross(layout);
  await assert.rejects(importInto(bed, layout, 'app'), (error: { code: number; message: string; data: ErrorData }) => {
    assert.equal(error.code, ErrorCode.BadInput);
    assert.match(error.message, /etc\/b.* is a hard link to .*etc\/a/);
    assert.match(error.data.cause ?? '', /only a layer below has it/);
    return true;
  });
  assert.deepEqual(await bed.store.list(), []);
});

test('podman refuses a hard link to what only a lower layer has, too', (t) => {
  const reason = peerUnavailable();
  if (reason) return t.skip(reason);
  const peer = new Peer(t, 'overlay');
  const layout = path.join(peer.folder, 'layout');
  writeLinkAcross(layout);
  const archive = path.join(peer.folder, 'layout.tar');
  run('direct', ['tar', '-cf', archive, '-C', layout, '.']);
  assert.match(peer.fail('podman load -q -i "$1"', archive), /oci-archive: .*no such file or directory/);
});
