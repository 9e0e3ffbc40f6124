import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { Machine } from '../../../helper/container/machine.js';
import { gatherFacts, withAbsolutePaths } from '../../../helper/language/facts.js';
import { temporaryMachine } from '../container/machine.js';
import { factsWith, place } from './sample.js';

test('paths that a file names are looked at, but not in a workspace that is not trusted', async (t) => {
  const bare = temporaryMachine(t);
  const { identity } = factsWith();
  const machine = { ...bare, identity, images: { list: async () => [] } } as unknown as Machine;
  const root = path.join(bare.locations.data, 'root');
  mkdirSync(path.join(root, 'etc'), { recursive: true });
  writeFileSync(path.join(root, 'etc/passwd'), 'someone:x:7:7::/:\n');
  const questions = {
    root: { kind: 'directory', path: root },
    mounts: ['/no/such', root].map((source) => ({ destination: '/x', source })),
  } as const;

  const trusted = await gatherFacts(machine, { ...questions, mounts: [...questions.mounts] }, place);
  assert.deepEqual(Object.fromEntries(trusted.sources), { '/no/such': false, [root]: true });
  assert.ok(trusted.root.kind === 'found' && trusted.root.users.passwd.startsWith('someone:'));

  const wary = await gatherFacts(
    machine,
    { ...questions, mounts: [...questions.mounts] },
    { ...place, trusted: false },
  );
  assert.equal(wary.sources.size, 0);
  assert.deepEqual(wary.root, { kind: 'unknown' });
});

test('relative paths start at the file, ~ is the home folder; what is no path is left alone', () => {
  const absolute = (value: unknown) => withAbsolutePaths(value, place);
  assert.deepEqual(absolute({ root: { kind: 'directory', path: '../roots/a' } }), {
    root: { kind: 'directory', path: '/home/person/roots/a' },
  });
  assert.deepEqual(absolute({ mounts: [{ source: '~/x' }, { source: '~y' }, { source: 'z', type: 'tmpfs' }, 5] }), {
    mounts: [{ source: '/home/person/x' }, { source: '/home/person/project/~y' }, { source: 'z', type: 'tmpfs' }, 5],
  });
  for (const value of [null, 'x', [1], { root: 'x', mounts: 'y' }]) assert.deepEqual(absolute(value), value);
});
