import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { eventually } from '../support/wait.js';
import { body, fetching, outboundObstacle, outerAddress, serve } from './outside.js';

const bed = new Bed();
const inspect = () => bed.helper.request(protocol.InspectNetwork, { network: 'ferry' });

/** Notes in its record that the way out was made again so often, just now. */
function noteRevivals(count: number): void {
  const { runtime } = bed.home;
  const files = readdirSync(runtime)
    .filter((name) => name.startsWith('network-'))
    .map((name) => path.join(runtime, name, 'outbound', 'outbound.json'));
  const [file = ''] = files;
  assert.equal(files.length, 1);
  const record = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...record, revivals: Array.from({ length: count }, () => Date.now()) }));
}

test('a way out that ends too often is told, and left off until it is asked for', async (t) => {
  const address = outerAddress();
  if (address === undefined) return t.skip('this machine has no address but loopback');
  const obstacle = (await outboundObstacle(bed.helper))('pasta');
  if (obstacle !== undefined) return t.skip(obstacle);
  const outside = await serve(address);
  t.after(() => outside.close());
  await bed.helper.request(protocol.CreateNetwork, { name: 'ferry', outbound: 'pasta' });
  const { id } = await bed.up({ network: { kind: 'bridge', network: 'ferry' } });
  const leadsOut = () =>
    eventually('that it leads out', async () => {
      const { stdout } = await bed.exec(id, fetching(address, outside.port));
      return body(stdout) !== '';
    });
  const kill = async () => {
    const { way } = await inspect();
    process.kill(way?.process?.pid ?? assert.fail('no way out'), 'SIGKILL');
  };
  await leadsOut();
  assert.deepEqual([(await inspect()).outboundState, (await inspect()).way?.revivals], ['up', 0]);

  // Once more than it would come back by itself.
  noteRevivals(5);
  await kill();
  await eventually('the news that it is given up', async () => (await inspect()).outboundState === 'given-up');
  assert.equal(typeof (await inspect()).way?.problem, 'string');
  // Nor does a helper that comes later make it again: what it found first is told by then.
  const later = await bed.another();
  await later.ask(protocol.ListContainers);
  assert.equal((await inspect()).outboundState, 'given-up');

  const way = await bed.helper.request(protocol.ReconnectNetwork, { network: 'ferry' });
  assert.deepEqual([way.process === undefined, way.revivals], [false, 0]);
  await leadsOut();
  // From here on it comes back as at first.
  await kill();
  await eventually('another one', async () => {
    const now = await inspect();
    return now.outboundState === 'up' && now.way?.revivals === 1 && now.way.process?.pid !== way.process?.pid;
  });
  await leadsOut();
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
});
