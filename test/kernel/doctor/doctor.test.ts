import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { ownRuntime, startHelper } from '../cgroup/helperProcess.js';

const always = ['kernel', 'user-namespace', 'id-range', 'overlay', 'proc', 'network', 'seccomp', 'cgroup'];

test('the doctor tries everything in its order, and leaves nothing behind', async (t) => {
  let data = '';
  const helper = await startHelper(t, {
    environment: (folder) => {
      data = folder;
      return ownRuntime(folder);
    },
  });
  const { lines } = await helper.sendRequest(protocol.RunDoctor);
  const ids = lines.map(({ id }) => id).filter((id) => !id.startsWith('cgroup-'));
  assert.deepEqual(ids, [...always, 'switches', 'pidfd', 'mount-api', 'tun']);
  // These tests make user namespaces themselves: a doctor that says otherwise is wrong.
  for (const id of ['kernel', 'user-namespace', 'overlay', 'network', 'seccomp', 'pidfd', 'mount-api']) {
    const line = lines.find((candidate) => candidate.id === id);
    assert.equal(line?.verdict, 'works', `${id}: ${line?.tried}`);
  }
  for (const line of lines) {
    assert.ok(line.features.length > 0, line.id);
    if (line.verdict !== 'works') assert.ok((line.fix ?? '').length > 0, `${line.id} has a fix`);
  }
  const left = readdirSync(data, { recursive: true }).filter((name) => String(name).includes('doctor'));
  assert.deepEqual(left, []);
});

test('where user namespaces are forbidden the doctor says so, with the command that allows them', async (t) => {
  // The limit is one of the user namespace: in one of our own we may set it.
  const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
  const helper = await startHelper(t, {
    environment: ownRuntime,
    wrap: (command) => ['unshare', '--user', '--map-root-user', 'sh', '-c', forbid, 'sh', ...command],
  });
  const { lines } = await helper.sendRequest(protocol.RunDoctor);
  const line = (id: string) => lines.find((candidate) => candidate.id === id);
  assert.equal(line('user-namespace')?.verdict, 'missing');
  assert.equal(line('user-namespace')?.errno, 'ENOSPC');
  assert.match(line('user-namespace')?.tried ?? '', /not about disk space: user\.max_user_namespaces is 0/);
  assert.match(line('user-namespace')?.command ?? '', /user\.max_user_namespaces = 15000/);
  assert.equal(line('switches')?.verdict, 'missing');
  assert.match(line('overlay')?.tried ?? '', /Not tried/);
  // What needs no namespace still works.
  assert.equal(line('pidfd')?.verdict, 'works');
});
