import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import type { Bed } from '../support/bed.js';
import { eventually } from '../support/wait.js';
import { listens } from './listening.js';

const on = (network: string, name: string): protocol.ContainerSpecification => ({
  name,
  network: { kind: 'bridge', network },
  capabilities: { add: ['CAP_NET_RAW'] },
});

/** What becomes of links, on whatever kernel: on one without netem that is told. */
export function testLinks(bed: Bed): void {
  const shape = (container: string, how: protocol.LinkShape) =>
    bed.helper.request(protocol.ShapeLink, { container, ...how });

  /** So many echoes, one each 0.2 s: how many came back, and the milliseconds that the quickest took. */
  async function ping(
    from: string,
    to: string,
    count: number,
    bytes = 56,
  ): Promise<{ received: number; least: number }> {
    const { stdout } = await bed.exec(from, `ping -c ${count} -i 0.2 -W 2 -s ${bytes} ${to}`);
    const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
    return { received: times.length, least: Math.min(...times) };
  }

  test('a link is cut and put together again, seen from both sides', async () => {
    await bed.helper.request(protocol.CreateNetwork, { name: 'rope' });
    const [one, two] = [await bed.up(on('rope', 'near')), await bed.up(on('rope', 'far'))];
    const carrier = async () => (await bed.exec(one.id, 'cat /sys/class/net/eth0/carrier')).stdout.trim();
    assert.equal((await ping(one.id, 'far', 1)).received, 1);
    assert.deepEqual(await shape(one.id, { down: true }), { down: true });
    assert.equal(await carrier(), '0');
    assert.equal((await ping(one.id, 'far', 1)).received, 0);
    assert.equal((await ping(two.id, 'near', 1)).received, 0);
    const members = (await bed.helper.request(protocol.InspectNetwork, { network: 'rope' })).members;
    assert.deepEqual(members.find(({ container }) => container === one.id)?.link, { down: true });
    assert.deepEqual(await shape(one.id, {}), {});
    assert.equal(await carrier(), '1');
    // Who had looked for it in vain looks again after a while.
    await eventually('an echo', async () => (await ping(two.id, 'near', 1)).received === 1);
    for (const { id } of [one, two]) await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  });

  test('when a link can neither be shaped nor put back, the first failure is told, with the second in its cause', async () => {
    await bed.helper.request(protocol.CreateNetwork, { name: 'twine' });
    const capabilities = { add: ['CAP_NET_ADMIN'] };
    const { id } = await bed.up({ ...on('twine', 'loose'), capabilities });
    const taken = await bed.exec(id, 'ip link del eth0');
    assert.equal(taken.exitCode, 0, taken.stderr);
    await assert.rejects(shape(id, { rate: 1_000_000 }), (error) => {
      const { code, data, message } = error as protocol.TerrariumError;
      assert.equal(code, protocol.ErrorCode.StepFailed);
      assert.match(message, /addTokenBucket .*failed with ENODEV/);
      assert.match(data?.cause ?? '', /putting it back as it was failed, too \(.* failed with ENODEV\)\.$/);
      return true;
    });
    await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  });

  test('a pod has one link, which is shaped by its name or that of a container in it', async () => {
    await bed.helper.request(protocol.CreateNetwork, { name: 'cord' });
    const network = { kind: 'bridge', network: 'cord' } as const;
    await bed.helper.request(protocol.CreatePod, { name: 'shoal', network });
    const outside = await bed.up(on('cord', 'shore'));
    const inside = await bed.up({ name: 'roe', pod: 'shoal' });
    const shapePod = (how: protocol.LinkShape) => bed.helper.request(protocol.ShapeLink, { pod: 'shoal', ...how });
    const queue = async () => {
      const { interfaces } = await bed.helper.request(protocol.ReadNetworkState, { target: { container: inside.id } });
      return interfaces.find(({ name }) => name === 'eth0')?.queue;
    };
    const told = async () => {
      const { members } = await bed.helper.request(protocol.InspectNetwork, { network: 'cord' });
      return members.find(({ container }) => container === inside.id);
    };
    assert.equal((await ping(outside.id, 'shoal', 1)).received, 1);
    // What was cut, or has another hardware address now, is found again after a while.
    const reached = () => eventually('an echo', async () => (await ping(outside.id, 'shoal', 1)).received === 1);
    const plain = await queue();
    assert.deepEqual(await shapePod({ down: true }), { down: true });
    assert.equal((await ping(outside.id, 'shoal', 1)).received, 0);
    assert.deepEqual([(await told())?.pod, (await told())?.link], ['shoal', { down: true }]);
    assert.deepEqual(await shape(inside.id, { rate: 1_000_000 }), { rate: 1_000_000 });
    assert.equal(await queue(), 'tbf');
    await reached();

    // Who takes over from a holder that was killed has the same link.
    const { holder } = await bed.helper.request(protocol.InspectPod, { pod: 'shoal' });
    process.kill(holder?.pid ?? assert.fail('no holder'), 'SIGKILL');
    const next = await bed.up({ name: 'fry', pod: 'shoal' });
    assert.deepEqual((await told())?.link, { rate: 1_000_000 });
    assert.deepEqual(await shapePod({}), {});
    assert.equal(await queue(), plain);
    assert.equal((await told())?.link, undefined);

    // A new link is as good as it gets.
    await shapePod({ down: true });
    for (const { id } of [inside, next])
      await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
    // The holder ends a moment after who had its lease.
    const isDown = async () => (await bed.helper.request(protocol.InspectPod, { pod: 'shoal' })).holder === undefined;
    await eventually('the end of the pod’s holder', isDown);
    await assert.rejects(shapePod({}), { code: protocol.ErrorCode.WrongState });
    const last = await bed.up({ name: 'spawn', pod: 'shoal' });
    await reached();
    const { members } = await bed.helper.request(protocol.InspectNetwork, { network: 'cord' });
    assert.equal(members.find(({ container }) => container === last.id)?.link, undefined);
    for (const { id } of [outside, last])
      await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  });

  test('a limited rate holds both ways, and ends', async () => {
    await bed.helper.request(protocol.CreateNetwork, { name: 'thread' });
    const [one, two] = [await bed.up(on('thread', 'source')), await bed.up(on('thread', 'drain'))];
    let port = 7000;
    /** Seconds that 200 kB take from one to the other. */
    const seconds = async (from: typeof one, to: typeof one) => {
      port++;
      const given = bed.exec(from.id, `head -c 200000 /dev/zero | nc -l -p ${port}`);
      await eventually('a listener', () => listens(from.pid, port));
      const start = performance.now();
      // Its input never ends: busybox's nc leaves when the other side has closed its direction.
      const { stdout } = await bed.exec(to.id, `mkfifo /${port}; nc ${from.name} ${port} 0<>/${port} | wc -c`);
      const taken = (performance.now() - start) / 1000;
      assert.equal(stdout.trim(), '200000');
      await given;
      return taken;
    };
    await shape(one.id, { rate: 1_000_000 });
    // 1.6 s, less what may go at once.
    const [out, back] = [await seconds(one, two), await seconds(two, one)];
    assert.ok(out > 1.4 && back > 1.4, `${out} s, ${back} s`);
    await shape(one.id, {});
    const free = await seconds(one, two);
    assert.ok(free < out, `${free} s`);
    for (const { id } of [one, two]) await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  });

  test('a link is delayed each way, and loses what it is told to; where the kernel has no netem that is said', async () => {
    await bed.helper.request(protocol.CreateNetwork, { name: 'fog' });
    const [one, two] = [await bed.up(on('fog', 'lamp')), await bed.up(on('fog', 'ship'))];
    const { lines } = await bed.helper.ask(protocol.RunDoctor);
    if (lines.find(({ id }) => id === 'netem')?.verdict === 'works') {
      assert.deepEqual(await shape(one.id, { delayMs: 100 }), { delayMs: 100 });
      for (const [from, to] of [
        [one, 'ship'],
        [two, 'lamp'],
      ] as const) {
        const { received, least } = await ping(from.id, to, 3);
        assert.ok(received === 3 && least >= 200, `${received} of 3, ${least} ms`);
      }
      // 1000 bytes and heads at 10 kB a second take 100 ms, each way.
      await shape(one.id, { delayMs: 1, rate: 80_000 });
      const narrow = await ping(one.id, 'ship', 3, 1000);
      assert.ok(narrow.received === 3 && narrow.least >= 200, `${narrow.received} of 3, ${narrow.least} ms`);
      await shape(one.id, { lossPercent: 100 });
      assert.equal((await ping(one.id, 'ship', 2)).received, 0);
      // Of 60 echoes that each pass twice a quarter comes back: all or none of them, less than once in 10^7.
      await shape(one.id, { lossPercent: 50 });
      const { received } = await ping(two.id, 'lamp', 60);
      assert.ok(received > 0 && received < 60, `${received} of 60`);
      await shape(one.id, {});
      const { least } = await ping(one.id, 'ship', 3);
      assert.ok(least < 200, `${least} ms`);
    } else {
      await assert.rejects(shape(one.id, { delayMs: 100 }), (error) => {
        const { code, data } = error as protocol.TerrariumError;
        return code === protocol.ErrorCode.StepFailed && data?.doctor === 'netem' && /sch_netem/.test(data.cause ?? '');
      });
      assert.equal((await ping(one.id, 'ship', 1)).received, 1, 'it is as it was');
    }
    await assert.rejects(shape(one.id, { lossPercent: 101 }), { code: protocol.ErrorCode.Invalid });
    const alone = await bed.up();
    await assert.rejects(shape(alone.id, { down: true }), { code: protocol.ErrorCode.WrongState });
    for (const { id } of [one, two, alone]) {
      await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
    }
  });
}
