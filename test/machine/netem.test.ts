import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { CLONE_NEWNET } from '../../helper/plan/constants.js';
import type { Step } from '../../helper/plan/step.js';
import type * as protocol from '../../helper/protocol/index.js';
import { sendPlan } from '../../helper/zygote/connection.js';
import { Bed } from '../kernel/support/bed.js';

// Its kernel has netem, which many that tests run on have not; it has no veth, so the loopback stands for a link.
const bed = new Bed();

/** Has the zygote of the test carry out a step in the network namespace of a process. */
async function within({ pid, startTime }: protocol.ProcessIdentity, step: Step): Promise<void> {
  const sockets = readdirSync(bed.home.runtime).filter((name) => /^zygote-.*\.sock$/.test(name));
  const socket = path.join(bed.home.runtime, sockets[0] ?? '');
  const enter: Step = { kind: 'setNamespaces', pid, startTime: BigInt(startTime), flags: CLONE_NEWNET };
  const { answer } = await sendPlan(socket, [enter, step]);
  assert.deepEqual([answer.status, answer.errno], ['done', 0], step.kind);
}

test('netem delays, loses and slows down what leaves by an interface, as the step says', async () => {
  const { id, init } = await bed.up({ capabilities: { add: ['CAP_NET_RAW'] } });
  assert.ok(init !== undefined);
  const ping = async (count: number, size = 56) => {
    const { stdout } = await bed.exec(id, `ping -c ${count} -i 0.1 -W 2 -s ${size} 127.0.0.1`);
    const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
    return { received: times.length, least: Math.min(...times) };
  };
  const netem = { kind: 'addNetem', interface: 'lo', latency: 0n, loss: 0, rate: 0n, limit: 1000 } as const;
  const before = await ping(2);
  assert.ok(before.received === 2 && before.least < 100, JSON.stringify(before));

  // Request and reply both leave by it.
  await within(init, { ...netem, latency: 100_000_000n });
  const slow = await ping(3);
  assert.ok(slow.received === 3 && slow.least >= 200, JSON.stringify(slow));

  await within(init, { ...netem, loss: 2 ** 32 - 1 });
  assert.equal((await ping(2)).received, 0);
  // A quarter of the echoes comes back: all or none of 60, less than once in 10^7.
  await within(init, { ...netem, loss: 2 ** 31 });
  const { received } = await ping(60);
  assert.ok(received > 0 && received < 60, `${received} of 60`);

  // 1000 bytes and heads at 10 kB a second take 100 ms, each way.
  await within(init, { ...netem, rate: 10_000n });
  const narrow = await ping(2, 1000);
  assert.ok(narrow.received === 2 && narrow.least >= 200, JSON.stringify(narrow));

  await within(init, { kind: 'removeQdisc', interface: 'lo' });
  const after = await ping(2);
  assert.ok(after.received === 2 && after.least < 100, JSON.stringify(after));
});
