import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  destinationProblem,
  misgivings,
  mountOf,
  sizeProblem,
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
