import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtText } from '../../../extension/building/builtText.js';
import { hostRootOf, programChoices } from '../../../extension/building/choices.js';
import { archiveImageChoices } from '../../../extension/images/archiveChoices.js';
import { exportChoicesOf, exportName } from '../../../extension/images/exportChoices.js';
import { presentLayer, presentLayerEntry } from '../../../extension/images/layerText.js';
import { removalText } from '../../../extension/images/removalText.js';
import {
  orderPlatforms,
  referenceProblem,
  registryHost,
  rememberReference,
} from '../../../extension/registry/reference.js';
import { proposedReferenceName } from '../../../extension/text/names.js';
import type { HostFolder, ImageSummary, LayerDetails } from '../../../helper/protocol/index.js';

const digest = `sha256:${'0'.repeat(64)}`;

describe('a reference to an image in a registry', () => {
  it('is checked while it is typed', () => {
    const good = ['debian', 'debian:12', 'ghcr.io/o/i:latest', 'localhost:5000/a/b', '[::1]:5000/a', `a/b@${digest}`];
    assert.deepEqual(
      good.map(referenceProblem),
      good.map(() => undefined),
    );
    for (const bad of ['', 'Debian', 'a b', 'a//b', 'a:', 'a@sha256:12', 'https://a/b', '-a', '../a']) {
      assert.ok(referenceProblem(bad), bad);
    }
  });

  it('belongs to the registry it names, else to Docker’s', () => {
    assert.equal(registryHost('debian'), 'docker.io');
    assert.equal(registryHost('library/debian:12'), 'docker.io');
    assert.equal(registryHost('localhost/a'), 'localhost');
    assert.equal(registryHost('127.0.0.1:5000/a/b'), '127.0.0.1:5000');
  });

  it('gives a name that is free of what everybody leaves out', () => {
    assert.equal(proposedReferenceName('docker.io/library/debian:12'), 'debian:12');
    assert.equal(proposedReferenceName(`ghcr.io/o/i@${digest}`), 'ghcr.io/o/i');
    assert.equal(proposedReferenceName('\u202e$(x)'), 'x');
  });

  it('is remembered once, newest first, and not for ever', () => {
    assert.deepEqual(rememberReference(['a', 'b'], 'b'), ['b', 'a']);
    assert.equal(
      rememberReference(
        Array.from({ length: 40 }, (_, index) => `i${index}`),
        'n',
      ).length,
      15,
    );
  });
});

describe('platforms', () => {
  it('have this machine’s first', () => {
    const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    const amd = { os: 'linux', architecture: 'amd64' };
    assert.deepEqual(orderPlatforms([arm, amd], 'x64'), [amd, arm]);
    assert.deepEqual(orderPlatforms([amd, arm], 'arm64'), [arm, amd]);
  });
});

describe('images of an archive', () => {
  it('are told apart by name, platform and size', () => {
    const [first] = archiveImageChoices([
      {
        reference: 'a:1 $(flame)',
        digest,
        platform: { os: 'linux', architecture: 'amd64' },
        layers: 1,
        sizeBytes: 1024,
      },
    ]);
    assert.equal(first?.label, '$(package) a:1 \\$(flame)');
    assert.equal(first?.description, 'linux/amd64 · 1 KiB · 1 layer');
  });
});

describe('a layer', () => {
  const layer: LayerDetails = {
    diffId: digest,
    digest,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    sizeBytes: 10,
    unpackedBytes: 2048,
    entries: 3,
    createdBy: '/bin/sh -c #(nop)  COPY file:1 in /\n',
    sharedWith: ['other'],
  };

  it('says what made it without the noise in front, in one line', () => {
    assert.equal(presentLayer(layer, 2).description, '2 KiB · COPY file:1 in /');
    assert.match(presentLayer(layer, 2).accessibleLabel, /^Layer 2, 2 KiB, COPY .* shared with other$/);
  });

  it('shows what it hides as removed', () => {
    const hidden = presentLayerEntry({ path: '/etc/a', kind: 'hidden', sizeBytes: 0 });
    assert.deepEqual([hidden.label, hidden.description], ['a', 'removed']);
    assert.equal(
      presentLayerEntry({ path: '/etc', kind: 'opaque', sizeBytes: 0 }).description,
      'replaces what is below',
    );
  });
});

describe('a question before removing', () => {
  it('says what is freed and what stays', () => {
    const text = removalText([
      { images: ['a'], freedBytes: 1024, kept: [] },
      { images: ['b'], freedBytes: 1024, kept: [{ name: 'layer', why: 'container web uses it' }] },
    ]);
    assert.equal(text, 'a, b\nFrees 2 KiB on disk.\nlayer stays: container web uses it');
    assert.match(removalText([{ images: ['a'], freedBytes: 0, kept: [] }]), /Frees nothing yet/);
  });
});

describe('what was built', () => {
  it('is told as text, whatever names of files hold', () => {
    const image: ImageSummary = { name: 'x', digest, createdAt: '', sizeBytes: 0, usedBy: [], notes: [] };
    const text = builtText({
      image,
      files: [
        { path: '/a|b](command:x)', source: '/a', why: 'asked for' },
        { path: '/lib', why: 'a link' },
      ],
      notes: ['no locale'],
    });
    assert.match(text, /1 files of this machine, 1 made/);
    assert.ok(text.includes('no locale'));
    assert.ok(text.includes('/a\\|b\\]\\(command:x\\)'));
  });

  it('offers programs by name', () => {
    const names = programChoices([
      { name: 'ls', path: '/bin/ls' },
      { name: 'bash', path: '/bin/bash' },
    ]).map(({ label }) => label);
    assert.deepEqual(names, ['bash', 'ls']);
  });
});

describe('a choice of what is seen of this machine', () => {
  it('names only what differs from the default', () => {
    const etc: HostFolder = { path: '/etc', view: 'layered', why: '' };
    const home: HostFolder = { path: '/home', view: 'hidden', why: '' };
    assert.deepEqual(hostRootOf([etc, home], [etc]), {});
    assert.deepEqual(hostRootOf([etc, home], [home]), { hide: ['/etc'], show: ['/home'] });
  });
});

describe('what can be exported', () => {
  it('is a bundle without limits for a container alone', () => {
    const bundles = (choices: readonly { format: string; limits?: boolean }[]) =>
      choices.flatMap(({ format, limits }) => (format === 'bundle' ? [limits] : []));
    assert.deepEqual(bundles(exportChoicesOf({ kind: 'container', container: 'c' })), [undefined, false]);
    assert.deepEqual(bundles(exportChoicesOf({ kind: 'image', name: 'i' })), [undefined]);
  });
});

describe('a file name for an export', () => {
  it('is one, whatever the image is called', () => {
    const [tar] = exportChoicesOf({ kind: 'image', name: 'i' });
    assert.ok(tar);
    assert.equal(exportName('ghcr.io/o/i:1', tar), 'ghcr.io-o-i-1.tar');
    assert.equal(exportName('../..', tar), 'export.tar');
  });
});
