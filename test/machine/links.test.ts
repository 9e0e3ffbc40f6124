import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testLinks } from '../kernel/networks/links.js';
import { Bed } from '../kernel/support/bed.js';
import { Command } from '../kernel/support/command.js';
import { usersHome } from '../kernel/support/home.js';

// Its kernel has netem, which many that tests run on have not; the test of the doctor sees to that.
testLinks(new Bed(usersHome));

const command = new Command(usersHome);

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

test('by the command a link of two containers becomes slow, then cut, and is as it was when nothing is said', async () => {
  await said('network', 'create', 'shaped');
  for (const name of ['near', 'far']) {
    const inside = ['--network', 'shaped', '--cap-add', 'CAP_NET_RAW', '--root', command.root];
    await said('run', '-d', '--name', name, ...inside, '--', 'sleep', '600');
  }
  const ping = async () => {
    const { stdout } = await command.terrarium(['exec', 'near', '--', 'ping', '-c', '2', '-W', '2', 'far']);
    return [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  };
  const shape = (...options: string[]) => said('network', 'shape', 'far', ...options);
  await shape('--delay', '150');
  const slow = await ping();
  assert.ok(slow.length === 2 && Math.min(...slow) >= 300, `${slow} ms`);
  assert.match(await said('network', 'inspect', 'shaped'), /^far .*150 ms/m);
  await shape('--down');
  assert.deepEqual(await ping(), []);
  await shape();
  const usual = await ping();
  assert.ok(usual.length === 2 && Math.min(...usual) < 300, `${usual} ms`);
  await said('rm', '-f', 'near', 'far');
  await said('network', 'rm', 'shaped');
});
