import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { isIndex, onlyEntry, platformEntries, readDocument } from '../../../helper/registry/manifest.js';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const digest = `sha256:${'a'.repeat(64)}`;

const read = (content: unknown, announced: string) =>
  readDocument(Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), digest, announced);

test('what a document is, is said by itself or by the registry', () => {
  const manifest = { schemaVersion: 2, config: {}, layers: [] };
  assert.equal(read(manifest, manifestType).mediaType, manifestType);
  assert.equal(read({ ...manifest, mediaType: dockerManifest }, '').mediaType, dockerManifest);
  assert.equal(read({ ...manifest, mediaType: dockerManifest }, 'application/json').mediaType, dockerManifest);
  assert.ok(isIndex(read({ schemaVersion: 2, manifests: [] }, indexType)));
});

test('what is no image of ours is refused with a reason', () => {
  const refused: [unknown, string, RegExp][] = [
    ['<html>', 'text/html', /no manifest/],
    [[], manifestType, /no manifest/],
    [{ schemaVersion: 1, fsLayers: [] }, 'application/json', /schema 1/],
    [{ schemaVersion: 2 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws', /schema 1/],
    [{ schemaVersion: 2, mediaType: indexType, manifests: [] }, manifestType, /another type/],
    [{ schemaVersion: 2, layers: [] }, 'application/vnd.cncf.notary.signature', /something else than an image/],
    // CVE-2021-41190
    [{ schemaVersion: 2, manifests: [], layers: [], config: {} }, manifestType, /ambiguous/],
    [{ schemaVersion: 2, manifests: [], layers: [], config: {} }, indexType, /ambiguous/],
  ];
  for (const [content, announced, message] of refused) {
    assert.throws(() => read(content, announced), { code: ErrorCode.BadInput, message }, JSON.stringify(content));
  }
});

const indexOf = (...manifests: unknown[]) => read({ schemaVersion: 2, manifests }, indexType);

test('an index offers images, and not what describes them', () => {
  const entry = { mediaType: manifestType, digest, size: 5 };
  const entries = platformEntries(
    indexOf(
      { ...entry, platform: { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': 'x' } },
      { ...entry, platform: { os: 'unknown', architecture: 'unknown' } },
      { ...entry, mediaType: 'application/vnd.example+json' },
      entry,
    ),
  );
  assert.deepEqual(
    entries.map(({ platform }) => platform),
    [{ os: 'linux', architecture: 'arm64', variant: 'v8' }, undefined],
  );
});

test('the only image of an index need not say what it is for', () => {
  const entry = { mediaType: manifestType, digest, size: 5 };
  assert.deepEqual(onlyEntry(platformEntries(indexOf(entry)))?.descriptor, entry);
  assert.equal(onlyEntry(platformEntries(indexOf(entry, entry))), undefined);
  const named = { ...entry, platform: { os: 'linux', architecture: 'arm64' } };
  assert.equal(onlyEntry(platformEntries(indexOf(named))), undefined);
});

test('a digest that is none is refused before it is used', () => {
  for (const wrong of ['sha256:../../x', `sha256:${'A'.repeat(64)}`, 'md5:abc', '../config', '']) {
    const index = indexOf({ mediaType: manifestType, digest: wrong, size: 5 });
    assert.throws(() => platformEntries(index), { code: ErrorCode.BadInput }, wrong);
  }
  for (const size of [-1, 1.5, '5', 2 ** 60]) {
    const index = indexOf({ mediaType: manifestType, digest, size });
    assert.throws(() => platformEntries(index), { code: ErrorCode.BadInput }, String(size));
  }
});
