import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseImage, type FoundImage } from '../../../helper/image/import/found.js';
import { checkSource, composeDocuments, describe } from '../../../helper/image/source.js';
import { parseSparseMap, SparseContent } from '../../../helper/image/tar/sparse.js';
import { whiteoutOf } from '../../../helper/image/whiteouts.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

test('whiteouts are told by their names', () => {
  const of = (path: string) => whiteoutOf(path.split('/'), Buffer.from(path));
  assert.equal(of('etc/passwd'), undefined);
  assert.equal(of('etc/.whx'), undefined);
  assert.deepEqual(of('etc/.wh.passwd'), { kind: 'hidden', name: 'passwd' });
  assert.deepEqual(of('etc/.wh....'), { kind: 'hidden', name: '...' });
  assert.deepEqual(of('.wh..wh..opq'), { kind: 'opaque' });
  assert.deepEqual(of('.wh..wh.plnk/1.2'), { kind: 'foreign' });
  for (const path of ['.wh.', 'a/.wh..', 'a/.wh...', '.wh.a/b', 'a/.wh..wh..opq/b']) {
    assert.throws(() => of(path), { code: ErrorCode.BadInput }, path);
  }
});

test('documents of Docker are kept as those of OCI, with the same layers', () => {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers' as const, diff_ids: [digest('a'), digest('b')] },
  };
  const layers = [digest('c'), digest('d')].map((blob, at) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: blob,
    size: at,
  }));
  const source = composeDocuments(config, layers);
  const oci = checkSource(source);
  assert.equal(oci.manifestBytes, source.manifest.bytes, 'stored as it is');
  const docker = JSON.parse(
    String(source.manifest.bytes)
      .replaceAll('vnd.oci.image.layer.v1.tar+gzip', 'vnd.docker.image.rootfs.diff.tar.gzip')
      .replace('vnd.oci.image.config.v1', 'vnd.docker.container.image.v1')
      .replace('vnd.oci.image.manifest.v1', 'vnd.docker.distribution.manifest.v2'),
  );
  const converted = checkSource({
    config: source.config,
    manifest: { mediaType: docker.mediaType, bytes: Buffer.from(JSON.stringify(docker)) },
  });
  assert.deepEqual(converted.manifestBytes, oci.manifestBytes);
  assert.equal(converted.layers[0]?.original.mediaType, 'application/vnd.docker.image.rootfs.diff.tar.gzip');
});

test('documents that do not belong together are refused', () => {
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [digest('a')] } };
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest('c'), size: 1 };
  const good = composeDocuments(config, [layer]);
  checkSource(good);
  const refuse = (source: Partial<typeof good>, message: RegExp) =>
    assert.throws(() => checkSource({ ...good, ...source }), { code: ErrorCode.BadInput, message });
  refuse({ config: Buffer.from('{}') }, /has 2 bytes/);
  refuse({ config: Buffer.from(good.config).fill(0x20, 0, 1) }, /does not match its digest/);
  refuse({ manifest: { ...good.manifest, mediaType: 'application/vnd.docker.distribution.manifest.v1+json' } }, /type/);
  refuse({ manifest: { ...good.manifest, bytes: Buffer.alloc(5 * 2 ** 20) } }, /more than/);
  for (const [layers, message] of [
    [[], /0 layers/],
    [[{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }], /cannot be used/],
    [[{ ...layer, digest: 'sha256:../x' }], /not well-formed/],
  ] as const) {
    refuse(composeDocuments(config, layers), message);
  }
  const twice = { ...config, rootfs: { ...config.rootfs, diff_ids: [digest('a'), digest('b')] } };
  assert.throws(() => checkSource(composeDocuments(twice, [layer, layer])), /two contents/);
  assert.equal(describe('x', Buffer.from('')).size, 0);
});

test('an image is chosen by the person, or by the platform when nothing else differs', () => {
  const here = { os: 'linux', architecture: 'amd64' };
  const image = (letter: string, reference: string | undefined, architecture = 'amd64'): FoundImage => ({
    digest: digest(letter),
    ...(reference === undefined ? {} : { reference }),
    platform: { os: 'linux', architecture },
    layers: 1,
    sizeBytes: 1,
    open: () => Promise.reject(new Error('not opened')),
  });
  const [a, arm, b] = [image('a', 'app:1'), image('b', 'app:1', 'arm64'), image('c', 'other:1')];
  assert.equal(chooseImage([a], undefined, here), a);
  assert.equal(chooseImage([arm, a], undefined, here), a);
  assert.equal(chooseImage([arm, a, b], 'app:1', here), a);
  assert.equal(chooseImage([arm, a, b], digest('b'), here), arm);
  assert.equal(chooseImage([a, image('a', 'alias:1')], undefined, here), a, 'two names of one image');
  assert.equal(chooseImage([arm], undefined, here), arm, 'the only one');
  for (const choice of [undefined, 'nothing:1']) {
    assert.throws(() => chooseImage([a, b], choice, here), {
      code: choice === undefined ? ErrorCode.Invalid : ErrorCode.NotFound,
    });
  }
  assert.throws(() => chooseImage([], undefined, here), { code: ErrorCode.BadInput });
});

test('pieces of sparse files find their places, wherever the map is', () => {
  const written = (content: SparseContent, bytes: Buffer, step: number) => {
    const file = Buffer.alloc(20, '.');
    for (let at = 0; at < bytes.length; at += step) {
      content.place(bytes.subarray(at, at + step), (part, offset) => part.copy(file, offset));
    }
    content.end();
    return String(file);
  };
  const map = Buffer.from('3\n0\n2\n10\n3\n20\n0\n'.padEnd(512, '\0'));
  for (const step of [1, 3, 600]) {
    assert.equal(
      written(new SparseContent(20, parseSparseMap('0,2,10,3,20,0')), Buffer.from('abcde'), step),
      'ab........cde.......',
    );
    assert.equal(
      written(new SparseContent(20), Buffer.concat([map, Buffer.from('abcde')]), step),
      'ab........cde.......',
    );
  }
  assert.throws(() => written(new SparseContent(20, parseSparseMap('0,2')), Buffer.from('abc'), 1), /more content/);
  assert.throws(() => written(new SparseContent(20, parseSparseMap('0,2')), Buffer.from('a'), 1), /less content/);
  assert.throws(() => new SparseContent(20, parseSparseMap('5,2,0,1')), /overlap/);
  assert.throws(() => new SparseContent(20, parseSparseMap('19,2')), /exceed/);
  assert.throws(() => written(new SparseContent(20), Buffer.from('x\n'), 1), /not a valid number/);
  assert.throws(() => written(new SparseContent(20), Buffer.from('999999\n'), 1), /999999 pieces/);
});
