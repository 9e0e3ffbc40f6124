import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as protocol from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

test('run --group puts a container into a group, and groups lists it until it is removed', async () => {
  const args = ['run', '-d', '--name', 'one', '--group', 'lab', '--root', command.root, '--', 'sleep', '60'];
  const { stdout: id, stderr, status } = await command.terrarium(args);
  assert.deepEqual([stderr, status], ['', 0]);
  const listed = await command.terrarium(['groups', '--json']);
  const [group, ...others] = JSON.parse(listed.stdout) as protocol.GroupSummary[];
  assert.deepEqual([group?.name, group?.containers, others], ['lab', [id.trim()], []]);
  const { stdout: table } = await command.terrarium(['groups']);
  assert.match(table, /^lab +(not )?running +one$/m);
  assert.equal((await command.terrarium(['rm', '-f', 'one'])).status, 0);
  assert.deepEqual(JSON.parse((await command.terrarium(['groups', '--json'])).stdout), []);
});

test('what cannot be a group is refused before anything is made', async () => {
  const { stderr, status } = await command.terrarium(['create', '--group', '../lab', '--root', command.root]);
  assert.equal(status, 125);
  assert.match(stderr, /group/);
  assert.deepEqual(JSON.parse((await command.terrarium(['ps', '--json'])).stdout), []);
});
