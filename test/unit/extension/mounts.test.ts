import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mountFacts } from '../../../extension/mounts/mountFacts.js';
import {
  destinationProblem,
  misgivings,
  mountOf,
  sizeProblem,
  sourceText,
  usualDestination,
} from '../../../extension/mounts/mountText.js';

describe('a mount that was chosen', () => {
  it('is said in OCI’s words', () => {
    assert.deepEqual(mountOf({ kind: 'host', path: '/srv/a' }, '/a', ['ro', 'keep']), {
      type: 'bind',
      source: '/srv/a',
      destination: '/a',
      options: ['ro'],
    });
    assert.deepEqual(mountOf({ kind: 'volume', name: 'db' }, '/db', []), {
      type: 'volume',
      source: 'db',
      destination: '/db',
    });
    assert.deepEqual(mountOf({ kind: 'tmpfs', size: '64m' }, '/t', ['noexec']).options, ['noexec', 'size=64m']);
  });

  it('goes below /mnt unless somebody says otherwise', () => {
    assert.equal(usualDestination({ kind: 'host', path: '/srv/site/' }), '/mnt/site');
    assert.equal(usualDestination({ kind: 'host', path: '/' }), '/mnt/root');
    assert.equal(usualDestination({ kind: 'volume', name: 'db' }), '/mnt/db');
  });

  it('is called by its last name', () => {
    assert.equal(sourceText({ kind: 'host', path: '/srv/site/' }), 'site');
    assert.equal(sourceText({ kind: 'host', path: '/' }), '/');
    assert.equal(sourceText({ kind: 'volume', name: 'db' }), 'db');
  });

  it('is asked for in a form that the helper takes', () => {
    for (const text of ['data', '', '/', '//', '/proc', '/sys/fs', '//proc/x'])
      assert.ok(destinationProblem(text), text);
    for (const text of ['/data', '/procedures', '/a/proc']) assert.equal(destinationProblem(text), undefined);
    for (const text of ['64m', '', '10%', '1G']) assert.equal(sizeProblem(text), undefined);
    for (const text of ['64mb', '-1', 'm', '1m,mode=777']) assert.ok(sizeProblem(text), text);
  });
});

describe('misgivings about a mount', () => {
  const kept = [{ path: '/home/me/.ssh', reason: 'keys are not handed out' }];
  const about = (place: string, writable: boolean) => misgivings(place, { folders: ['/work'], kept, writable });

  it('are none in the workspace, nor of what is only read', () => {
    assert.deepEqual(about('/work/site', true), []);
    assert.deepEqual(about('/work', true), []);
    assert.deepEqual(about('/srv', false), []);
  });

  it('are told of what could be changed outside of the workspace', () => {
    assert.match(about('/workspace', true).join(), /outside of the workspace/);
  });

  it('are told of protected places, in them and above them, also of what is only read', () => {
    assert.deepEqual(about('/home/me/.ssh/id', false), ['keys are not handed out']);
    assert.deepEqual(about('/home/me', false), ['it holds /home/me/.ssh: keys are not handed out']);
  });
});

describe('a mount that the kernel has', () => {
  const mount = {
    id: 41,
    parent: 7,
    device: '8:1',
    root: '/srv/\u202esite',
    destination: '/mnt/site',
    type: 'ext4',
    source: '/dev/sda1',
    options: ['ro', 'nosuid'],
    superOptions: ['rw'],
    propagation: 'master:3',
  };
  it('is told with source, options and propagation, which can be copied as they are', () => {
    const facts = mountFacts(mount);
    const said = Object.fromEntries(facts.map(({ key, copy }) => [key, copy]));
    assert.deepEqual(said, {
      source: '/dev/sda1[/srv/\u202esite]',
      options: 'ro,nosuid',
      superOptions: 'rw',
      propagation: 'master:3',
      device: '8:1',
      id: '41, on 7',
    });
    assert.equal(facts[0]?.presentation.label, 'Source: /dev/sda1[/srv/site]');
    assert.match(facts.find(({ key }) => key === 'propagation')?.presentation.tooltip ?? '', /later shows here/);
  });
  it('has a line only for what there is', () => {
    const keys = mountFacts({ ...mount, superOptions: [], root: '/' }).map(({ key }) => key);
    assert.deepEqual(keys, ['source', 'options', 'propagation', 'device', 'id']);
  });
});
