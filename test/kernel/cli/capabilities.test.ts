import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from '../support/command.js';

const command = new Command();

test('capabilities of a program are set, read and removed, and each one’s meaning is listed', async () => {
  const said = async (...args: string[]) => {
    const { stdout, stderr, status } = await command.terrarium(args);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  assert.match(await said('caps'), /^CAP_NET_BIND_SERVICE +Listen on ports below 1024$/m);
  await said('create', '--name', 'web', '--root', command.root);
  assert.equal(await said('caps', 'get', 'web:/bin/busybox'), '\n');
  await said('caps', 'set', 'cap_net_bind_service=ep', 'web:/bin/busybox');
  assert.equal(await said('caps', 'get', 'web:/bin/busybox'), 'cap_net_bind_service=ep\n');
  const { stderr: notes } = await command.terrarium(['caps', 'get', 'web:/bin/busybox']);
  assert.match(notes, /^note: no_new_privs is on/);
  assert.match(await said('ls', 'web:/bin/busybox'), /busybox \[cap_net_bind_service=ep\]$/m);
  // What it was made from stays as it was.
  assert.equal(await said('caps', 'get', '--base', 'web:/bin/busybox'), '\n');
  await said('caps', 'set', '=', 'web:/bin/busybox');
  assert.equal(await said('caps', 'get', 'web:/bin/busybox'), '\n');
  const wrong = await command.terrarium(['caps', 'set', 'cap_nonsense=ep', 'web:/bin/busybox']);
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.stderr, /There is no capability "cap_nonsense"/);
  const nowhere = await command.terrarium(['caps', 'get', '/bin/busybox']);
  assert.notEqual(nowhere.status, 0);
  assert.match(nowhere.stderr, /NAME:PATH/);
});
