import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressOf, inFolder, referenceOf, rootKey, sameRoot } from '../../../extension/files/addresses.js';
import { isWorkspaceConfiguration } from '../../../extension/files/workspaceConfiguration.js';
import type { FileReference } from '../../../helper/protocol/index.js';

const references: FileReference[] = [
  { root: { kind: 'container', container: 'web' }, path: '/' },
  { root: { kind: 'container', container: 'Web_1.x' }, path: '/etc/hosts' },
  { root: { kind: 'base', container: 'web' }, path: '/a b/#?%2F/ü\n/~' },
  { root: { kind: 'image', name: 'docker.io/library/debian:12@x+y' }, path: '/etc' },
];

describe('addresses of files', () => {
  it('name kind, root and path, and lead back to the file', () => {
    assert.deepEqual(references.map(addressOf), [
      { authority: 'container', path: '/web' },
      { authority: 'container', path: '/Web_1.x/etc/hosts' },
      { authority: 'base', path: '/web/a b/#?%2F/ü\n/~' },
      { authority: 'image', path: '/docker.io~library~debian:12@x+y/etc' },
    ]);
    assert.deepEqual(
      references.map((reference) => referenceOf(addressOf(reference))),
      references,
    );
  });

  it('mean nothing when they are none of ours', () => {
    for (const address of [
      { authority: 'container', path: '' },
      { authority: 'container', path: '/' },
      { authority: 'container', path: '//etc' },
      { authority: 'other', path: '/web/etc' },
      { authority: '', path: '/web/etc' },
    ]) {
      assert.equal(referenceOf(address), undefined, JSON.stringify(address));
    }
  });

  it('take a trailing slash for the root', () => {
    assert.deepEqual(referenceOf({ authority: 'container', path: '/web/' })?.path, '/');
  });
});

describe('roots', () => {
  it('are the same by kind and name', () => {
    assert.ok(sameRoot({ kind: 'image', name: 'a' }, { kind: 'image', name: 'a' }));
    assert.ok(!sameRoot({ kind: 'container', container: 'a' }, { kind: 'base', container: 'a' }));
    assert.notEqual(rootKey({ kind: 'image', name: 'a' }), rootKey({ kind: 'container', container: 'a' }));
  });

  it('have folders that end in one slash or none', () => {
    assert.equal(inFolder('/', 'etc'), '/etc');
    assert.equal(inFolder('/etc', 'hosts'), '/etc/hosts');
  });
});

describe('configuration of a workspace folder in a container', () => {
  const folders = ['/web', '/db/srv/app/'];
  it('is recognised below each of them, and nowhere else', () => {
    for (const path of ['/web/.vscode', '/web/.vscode/tasks.json', '/db/srv/app/.vscode/settings.json']) {
      assert.ok(isWorkspaceConfiguration(path, folders), path);
    }
    for (const path of ['/web/.vscodex', '/web/home/.vscode/tasks.json', '/db/.vscode', '/other/.vscode']) {
      assert.ok(!isWorkspaceConfiguration(path, folders), path);
    }
  });
});
