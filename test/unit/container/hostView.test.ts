import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostView } from '../../../helper/container/hostRoot.js';

test('a home is hidden wherever it lies, and so are our data', () => {
  const view = hostView('/data/terrarium', { path: '/srv/me', isOwn: true }, ['/var/tmp']);
  assert.deepEqual(view.opened, ['/data/terrarium', '/srv/me']);
  assert.deepEqual(view.hidden, ['/data/terrarium', '/srv/me', '/var/tmp']);
});

test('a home that is a folder of the system stays', () => {
  for (const home of [
    { path: '/usr/sbin', isOwn: false },
    { path: '/', isOwn: true },
  ]) {
    assert.deepEqual(hostView('/data/t', home, []), { opened: ['/data/t'], hidden: ['/data/t'] });
  }
});
