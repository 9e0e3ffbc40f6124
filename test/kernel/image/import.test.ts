import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { getXattr } from '../../../native/bindings/xattr.js';
import { describeTree, type Mapping, makeBed, run, unavailable } from './bed.js';
import { paxArchive } from './rawTar.js';

/** A small root with everything a tar can hold, made by shell commands and owned by several ids where they exist. */
const script = `
set -e
umask 022
cd "$1"
mkdir -p bin usr/bin usr/lib etc tmp empty home/user 'with space' "$(printf 'latin1-\\351')"
ln -s usr/lib lib
cp /bin/busybox bin/busybox 2>/dev/null || cp /bin/ls bin/busybox
ln bin/busybox bin/sh
ln bin/busybox usr/bin/ash
printf 'root:x:0:0::/root:/bin/sh\\n' > etc/passwd
printf 'f\\303\\266\\303\\266\\n' > "etc/$(printf 'F\\305\\221tan\\303\\272s\\303\\255tv\\303\\241ny.crt')"
printf x > "etc/new
line"
printf x > "with space/-dash"
printf x > "$(printf 'latin1-\\351')/$(printf '\\377')"
long=$(printf '%0255d' 0)
printf x > "home/$long"
deep=home; for i in 1 2 3 4 5 6; do deep=$deep/$(printf '%0100d' $i); done
mkdir -p "$deep"; printf x > "$deep/file"
ln -s "/$deep/file" home/longlink
ln -s nowhere etc/dangling
ln -s /etc/passwd etc/absolute
mkfifo tmp/fifo
chmod 1777 tmp
chmod 2755 home/user; printf x > home/user/file; chmod 6755 home/user/file
printf x > etc/shadow; chmod 000 etc/shadow
printf x > etc/readonly; chmod 444 etc/readonly
mkdir -p etc/closed/inside; printf x > etc/closed/inside/file; chmod 555 etc/closed
head -c 3000000 /dev/urandom > usr/lib/big
: > etc/hostname
if [ "$2" = range ]; then chown 5:10 etc/passwd; chown -h 33:33 etc/dangling; chown 1000:1000 home/user home/user/file tmp/fifo
  chmod 2755 home/user; chmod 6755 home/user/file; setcap cap_net_raw,cap_setuid+ep bin/busybox; fi
touch -d '2001-02-03 04:05:06.123456789' etc/passwd
touch -d '1969-12-31 23:59:58.5 UTC' etc/hostname
touch -h -d '2005-05-05' lib
touch -d '2011-11-11 11:11:11.5' etc/closed etc
`;

const compressions: readonly (readonly [name: string, command: string, mediaType: string])[] = [
  ['plain', 'cat', 'application/vnd.oci.image.layer.v1.tar'],
  ['gzip', 'gzip', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['xz', 'xz -1', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['zstd', 'zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ['bzip2', 'bzip2', 'application/vnd.oci.image.layer.v1.tar+gzip'],
];

for (const mapping of ['direct', 'range'] satisfies Mapping[]) {
  test(`a tree is what GNU tar unpacks, for every compression (${mapping})`, async (t) => {
    const reason = unavailable(mapping);
    if (reason) return t.skip(reason);
    const { work, images, store } = makeBed(t, mapping);
    const source = path.join(work, 'source');
    const expected = path.join(work, 'expected');
    mkdirSync(source);
    mkdirSync(expected);
    run(mapping, ['sh', '-c', script, 'sh', source, mapping]);
    const tar = path.join(work, 'plain.tar');
    // As root in a namespace everything can be read; an ordinary user cannot read the file of mode 000.
    const format = ['--format=posix', '--xattrs', '--xattrs-include=*', '--numeric-owner'];
    const reader = mapping === 'direct' && !unavailable('single') ? 'single' : mapping;
    run(reader, ['tar', ...format, '-cf', tar, '-C', source, '.']);
    run(mapping, ['tar', ...format, '-xpf', tar, '-C', expected]);
    const wanted = describeTree(reader, expected);
    assert.ok(wanted.length > 40, 'the tree to compare with is complete');

    for (const [name, command, mediaType] of compressions) {
      // Under a name that says nothing: the content decides.
      const archive = path.join(work, `archive-${name}`);
      run('direct', ['sh', '-c', `${command} < "$1" > "$2"`, 'sh', tar, archive]);
      const summary = await store.import({ file: archive, name });
      const image = await store.resolve(name);
      assert.deepEqual(describeTree(reader, image.layers[0] ?? ''), wanted, name);
      assert.equal(image.config.rootfs.diff_ids[0], `sha256:${run('direct', ['sha256sum', tar]).slice(0, 64)}`);
      const manifest = JSON.parse(run('direct', ['cat', blob(images, summary.digest)]));
      assert.equal(manifest.layers[0].mediaType, mediaType);
      assert.equal(
        run('direct', ['sha256sum', blob(images, manifest.layers[0].digest)]).slice(0, 64),
        manifest.layers[0].digest.slice(7),
      );
      if (!['xz', 'bzip2'].includes(name)) assert.equal(manifest.layers[0].size, statSync(archive).size);
    }
    assert.equal(readdirSync(path.join(images, 'layers')).length, 1, 'one tree for five archives of the same tar');
    assert.deepEqual(readdirSync(path.join(images, 'ingest')), []);
    for (const folder of ['.', 'blobs', 'blobs/sha256', 'layers', 'ingest']) {
      assert.equal(statSync(path.join(images, folder)).mode & 0o777, 0o700, folder);
    }
  });
}

test('GNU and ustar archives are read too', async (t) => {
  const { work, store } = makeBed(t);
  const source = path.join(work, 'source');
  const long = `usr/${'d'.repeat(90)}/${'e'.repeat(90)}`;
  run('direct', [
    'sh',
    '-c',
    'mkdir -p "$1/$2" && echo hello > "$1/$2/file" && ln -s "../$2/file" "$1/usr/link"',
    'sh',
    source,
    long,
  ]);
  for (const format of ['gnu', 'ustar', 'oldgnu']) {
    const archive = path.join(work, `${format}.tar`);
    const names = format === 'ustar' ? [`${long}/file`] : ['usr'];
    run('direct', ['tar', `--format=${format}`, '-cf', archive, '-C', source, ...names]);
    await store.import({ file: archive, name: format });
    const tree = (await store.resolve(format)).layers[0] ?? '';
    assert.equal(run('direct', ['cat', path.join(tree, long, 'file')]), 'hello\n', format);
    if (format !== 'ustar') assert.equal(run('direct', ['cat', path.join(tree, 'usr/link')]), 'hello\n');
  }
});

test('extended attributes: user.* are kept with any bytes, those that steer overlays are not', async (t) => {
  const { work, store } = makeBed(t);
  const file = path.join(work, 'archive.tar');
  const value = Buffer.from([0, 0x80, 0xff, 0x0a, ...Buffer.from('17 path=elsewhere\n')]);
  // GNU tar reads attributes from files only, and these are not to depend on this file system: by hand.
  writeFileSync(
    file,
    paxArchive([
      { name: 'etc/', type: '5' },
      {
        name: 'etc/file',
        content: 'x',
        pax: {
          'SCHILY.xattr.user.note': value,
          'SCHILY.xattr.user.overlay.opaque': Buffer.from('y'),
          'SCHILY.xattr.security.selinux': Buffer.from('z'),
        },
      },
    ]),
  );
  const summary = await store.import({ file, name: 'attributes' });
  const tree = (await store.resolve('attributes')).layers[0] ?? '';
  assert.deepEqual(getXattr(path.join(tree, 'etc/file'), 'user.note'), value);
  assert.throws(() => getXattr(path.join(tree, 'etc/file'), 'user.overlay.opaque'), { code: 'ENODATA' });
  assert.equal(summary.notes.length, 2);
  assert.match(summary.notes.join('\n'), /user\.overlay/);
});

test('what cannot be kept is said: owners without a range, device nodes', async (t) => {
  const { work, store } = makeBed(t, 'single');
  const reason = unavailable('single');
  if (reason) return t.skip(reason);
  const file = path.join(work, 'archive.tar');
  writeFileSync(
    file,
    paxArchive([
      { name: 'dev/null', type: '3' },
      { name: 'etc/mail', content: 'x', uid: 8, gid: 8 },
      { name: 'etc/root', content: 'x' },
    ]),
  );
  const summary = await store.import({ file, name: 'flattened' });
  assert.equal(summary.notes.length, 2);
  assert.match(summary.notes[0] ?? '', /^1 entry \("dev\/null"\) left out: device nodes/);
  assert.match(summary.notes[1] ?? '', /^1 entry \("etc\/mail"\) with owners other than root/);
  const tree = (await store.resolve('flattened')).layers[0] ?? '';
  assert.equal(existsSync(path.join(tree, 'dev/null')), false);
  assert.equal(statSync(path.join(tree, 'etc/mail')).uid, process.getuid?.());
});

test('skopeo reads the store', async (t) => {
  const { work, images, store } = makeBed(t);
  if (spawnSync('skopeo', ['--version']).status !== 0) return t.skip('skopeo is not installed');
  const source = path.join(work, 'source');
  run('direct', ['sh', '-c', 'mkdir -p "$1/etc" && echo hello > "$1/etc/file"', 'sh', source]);
  run('direct', ['tar', '-czf', path.join(work, 'a.tgz'), '-C', source, '.']);
  const { digest } = await store.import({ file: path.join(work, 'a.tgz'), name: 'team/app:1.0' });
  const inspected = JSON.parse(run('direct', ['skopeo', 'inspect', `oci:${images}:team/app:1.0`]));
  assert.equal(inspected.Digest, digest);
  assert.equal(inspected.Os, 'linux');
  // A copy makes skopeo check sizes and digests of everything.
  run('direct', [
    'skopeo',
    '--insecure-policy',
    'copy',
    '-q',
    `oci:${images}:team/app:1.0`,
    `dir:${path.join(work, 'copy')}`,
  ]);
});

function blob(images: string, digest: string): string {
  return path.join(images, 'blobs', ...digest.split(':'));
}
