import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodInspection, PodSummary } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

test('pod creates, shows, stops, starts and removes a pod; run --pod makes containers in it', async () => {
  assert.equal(await said('pod', 'create', '--share', 'net,uts', '--hostname', 'bench', 'lab'), 'lab\n');
  await said('run', '-d', '--name', 'one', '--pod', 'lab', '--root', command.root, '--', 'sleep', '600');
  assert.equal(await said('run', '--rm', '--pod', 'lab', '--root', command.root, '--', 'hostname'), 'bench\n');
  const [pod] = JSON.parse(await said('pod', 'list', '--json')) as PodSummary[];
  assert.deepEqual([pod?.name, pod?.shares, pod?.running.length], ['lab', ['network', 'uts'], 1]);
  assert.match(await said('pod', 'ls'), /^lab +1 running +network,uts +none +1$/m);
  assert.match(await said('groups'), /^lab .* one$/m);
  const text = await said('pod', 'inspect', 'lab');
  assert.match(text, /^lab: 1 running, held by process \d+$/m);
  assert.match(text, /^one +running$/m);
  await said('pod', 'stop', 'lab');
  assert.match(await said('pod', 'inspect', 'lab'), /^one +not running$/m);
  await said('pod', 'start', 'lab');
  const { members } = JSON.parse(await said('pod', 'inspect', '--json', 'lab')) as PodInspection;
  assert.deepEqual(
    members.map(({ name, running }) => [name, running]),
    [['one', true]],
  );
  const refused = await command.terrarium(['pod', 'rm', 'lab']);
  assert.equal(refused.status, 125);
  assert.match(refused.stderr, /in use by one/);
  await said('pod', 'rm', '-f', 'lab');
  assert.deepEqual(JSON.parse(await said('pod', 'list', '--json')), []);
  assert.deepEqual(JSON.parse(await said('ps', '--json')), []);
});
