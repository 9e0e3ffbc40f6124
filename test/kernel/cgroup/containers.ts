import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { settled } from '../support/wait.js';
import { until } from './bed.js';

const MiB = 1024 * 1024;

/** Perl is part of every Debian, and grows by what it is told to. It prints how many steps of 10 MiB it holds. */
const perl = '/usr/bin/perl';
const hog =
  '$| = 1; my @held; for my $i (1 .. 40) { my $s = ""; vec($s, 10485759, 8) = 1; push @held, \\$s; print "$i\\n"; } sleep 60';

async function run(
  helper: MessageConnection,
  specification: protocol.ContainerSpecification,
): Promise<protocol.ContainerSummary> {
  const { summary } = await helper.sendRequest(protocol.RunContainer, { specification });
  return summary;
}

async function output(helper: MessageConnection, container: string): Promise<string> {
  const { entries } = await helper.sendRequest(protocol.ReadLogs, { container });
  return entries.map(({ data }) => Buffer.from(data, 'base64').toString()).join('');
}

/**
 * What limits and pause do to real containers, asked for through the helper as the editor asks.
 * `start` gives the helper; where it finds no cgroups the tests are skipped with its own reason.
 */
export function testContainers(version: 'v1' | 'v2', start: (t: TestContext) => Promise<MessageConnection>): void {
  const containerTest = (name: string, body: (helper: MessageConnection) => Promise<void>): void => {
    test(`${version} container: ${name}`, async (t) => {
      const helper = await start(t);
      const probe = await helper.sendRequest(protocol.CreateContainer, { specification: {} });
      const { mode, notice } = await helper.sendRequest(protocol.ReadLimits, { container: probe.id });
      if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
      else if (mode !== version) t.skip(`this machine has its controllers in cgroup ${mode}`);
      else await body(helper);
    });
  };

  for (const [limit, last] of [
    [100, 9],
    [80, 7],
  ] as const) {
    containerTest(`a hog under ${limit} MB dies at the limit, and its end says why`, async (helper) => {
      assert.ok(existsSync(perl), `${perl} is there`);
      const { id } = await run(helper, {
        args: [perl, '-e', hog],
        resources: { memory: { limit: limit * MiB, swap: limit * MiB } },
      });
      const ended = await helper.sendRequest(protocol.WaitContainer, { container: id });
      assert.deepEqual([ended.exit?.signal, ended.exit?.exitCode, ended.exit?.oomKilled], [9, 137, true]);
      const steps = (await output(helper, id)).trim().split('\n').length;
      // Its own code and stack take a few MiB, so the last step may be the one before.
      assert.ok(steps === last || steps === last - 1, `it held ${steps} times 10 MiB`);
    });
  }

  containerTest('a kill for memory is told of at once while the container runs on', async (helper) => {
    const told: { at: number; text: string }[] = [];
    helper.onNotification(protocol.LimitReached, ({ limit, value, of, message }) => {
      told.push({ at: performance.now(), text: `${limit} ${value} ${of} ${message}` });
    });
    await helper.sendNotification('initialized', {});
    const { id, name } = await run(helper, {
      name: 'held',
      args: ['/bin/sh', '-c', `${perl} -e '${hog}'; echo $?; exec sleep 60`],
      resources: { memory: { limit: 100 * MiB, swap: 100 * MiB } },
    });
    await until(async () => (await output(helper, id)).includes('137'), 'the hog is killed');
    const seen = performance.now();
    await until(() => told.length > 0, 'it is told of');
    assert.equal(
      told[0]?.text,
      `memory.max ${100 * MiB} undefined A process in ${name} was killed: out of memory at 100 MiB`,
    );
    // Reading the output takes as long as being told: no clock of the kernel is compared here. Far below the minute after
    // which the container ends, and with it what could be told late.
    assert.ok((told[0]?.at ?? Number.POSITIVE_INFINITY) - seen < 5000);
    const { state } = (await helper.sendRequest(protocol.ListContainers)).find((one) => one.id === id) ?? {};
    assert.equal(state, 'running');
  });

  containerTest(
    'a refused fork is told of, and with a limit in decimal units also a kill as it was written',
    async (helper) => {
      const told: string[] = [];
      helper.onNotification(protocol.LimitReached, ({ message }) => void told.push(message));
      const ends: string[] = [];
      helper.onNotification(protocol.ContainerEnded, ({ message }) => void ends.push(message));
      await helper.sendNotification('initialized', {});
      const { name } = await run(helper, {
        args: ['/bin/sh', '-c', 'bomb() { bomb | bomb & }; bomb & exec sleep 60'],
        resources: { pids: { limit: 20 } },
      });
      await until(() => told.length > 0, 'it is told of');
      assert.equal(told[0], `${name} could not start a process: its 20 are all there`);
      const hungry = await run(helper, {
        args: [perl, '-e', hog],
        resources: { memory: { limit: 100_000_000, swap: 100_000_000 } },
      });
      await until(() => ends.length > 0, 'its end is told of');
      assert.deepEqual(ends, [`${hungry.name} was killed: out of memory at 100 MB`]);
      assert.equal(told.length, 1, 'the end of a container is told once');
    },
  );

  containerTest('a limit of its group is told as the group’s, and the group is sampled', async (helper) => {
    const told: [protocol.LimitTarget | undefined, string][] = [];
    helper.onNotification(protocol.LimitReached, ({ of, message }) => void told.push([of, message]));
    const details: protocol.DetailedStats[] = [];
    helper.onNotification(protocol.DetailsSampled, (sampled) => void details.push(...sampled.details));
    await helper.sendNotification('initialized', {});
    const { id, name } = await run(helper, {
      group: 'bitten',
      args: ['/bin/sh', '-c', `until [ -e /tmp/go ]; do sleep 0.05; done; ${perl} -e '${hog}'; exec sleep 60`],
    });
    const target = { group: 'bitten' };
    await helper.sendRequest(protocol.SetLimits, {
      target,
      changes: [
        { name: 'memory.max', value: '50000000' },
        { name: 'memory.swap.max', value: '0' },
      ],
    });
    await helper.sendRequest(protocol.WatchStats, { containers: [], details: [target] });
    const process = { args: ['/bin/sh', '-c', ': > /tmp/go'] };
    await helper.sendRequest(protocol.ExecInContainer, { container: id, process });
    await until(() => told.length > 0, 'it is told of');
    assert.deepEqual(told, [
      [target, `A process in ${name} was killed: out of memory at 50 MB, the limit of the group bitten`],
    ]);
    await until(() => (details.at(-1)?.memory?.peak ?? 0) > 40_000_000, 'the group is sampled');
    assert.deepEqual(details.at(-1)?.target, target);
  });

  containerTest('5 % of a core is 4 to 6 %, and 20 % after a change', async (helper) => {
    const { id } = await run(helper, {
      args: ['/bin/sh', '-c', 'while :; do :; done'],
      resources: { cpu: { quota: 5000, period: 100_000 } },
    });
    const samples: number[] = [];
    helper.onNotification(protocol.StatsSampled, ({ stats }) => {
      for (const { cpu } of stats) if (cpu !== undefined) samples.push(cpu);
    });
    const mean = async (): Promise<number> => {
      samples.length = 0;
      await until(() => samples.length >= 4, 'four samples came');
      return samples.reduce((sum, cpu) => sum + cpu, 0) / samples.length;
    };
    await helper.sendRequest(protocol.WatchStats, { containers: [id] });
    /** On a busy machine a window may be short of time; a limit that is not in force is wrong in every one. */
    const settlesBetween = async (least: number, most: number): Promise<void> => {
      let cores = await mean();
      for (let window = 1; window < 5 && !(cores > least && cores < most); window++) cores = await mean();
      assert.ok(cores > least && cores < most, `it used ${cores} cores`);
    };
    await settlesBetween(0.04, 0.06);
    const { report } = await helper.sendRequest(protocol.SetLimits, {
      target: { container: id },
      changes: [{ name: 'cpu.max', value: '20000 100000' }],
    });
    assert.equal(report.readings.find(({ name }) => name === 'cpu.max')?.value, '20000 100000');
    await delay(1100);
    await settlesBetween(0.16, 0.24);
  });

  containerTest('a fork bomb is held, and ended by one kill', async (helper) => {
    const { id } = await run(helper, {
      // The shell that starts it must not need to fork later: it would fail, and end the container.
      args: ['/bin/sh', '-c', 'bomb() { bomb | bomb & }; bomb & exec sleep 60'],
      resources: { pids: { limit: 20 } },
    });
    const report = () => helper.sendRequest(protocol.ReadLimits, { container: id });
    await until(async () => (await report()).events.pidsRefused > 0, 'the limit is met');
    for (let i = 0; i < 10; i++) {
      const used = (await report()).readings.find(({ name }) => name === 'pids.max')?.usage;
      assert.ok(used !== undefined && used <= 20, `${used} processes`);
    }
    await helper.sendRequest(protocol.KillContainer, { container: id });
    const ended = await helper.sendRequest(protocol.WaitContainer, { container: id });
    assert.equal(ended.exit?.signal, 9);
  });

  containerTest('pause stops the clockwork, resume lets it go on', async (helper) => {
    const { id } = await run(helper, { args: ['/bin/sh', '-c', 'while :; do echo tick; sleep 0.02; done'] });
    const ticks = async () => (await output(helper, id)).length;
    await until(async () => (await ticks()) > 20, 'it ticks');
    const paused = await helper.sendRequest(protocol.PauseContainer, { container: id });
    assert.equal(paused.state, 'paused');
    // What was in the pipe may still arrive.
    const still = await settled('the ticks', ticks);
    await delay(300);
    assert.equal(await ticks(), still);
    await helper.sendRequest(protocol.ResumeContainer, { container: id });
    await until(async () => (await ticks()) > still, 'it ticks on');
  });

  containerTest('limits survive a restart, and `max` clears them', async (helper) => {
    const { id } = await run(helper, { resources: { pids: { limit: 20 } } });
    const set = async (value: string) => {
      const changes = [{ name: 'pids.max', value }];
      return (await helper.sendRequest(protocol.SetLimits, { target: { container: id }, changes })).report;
    };
    const held = (report: protocol.LimitsReport) => {
      const reading = report.readings.find(({ name }) => name === 'pids.max');
      return [report.live, reading?.value, reading?.raw];
    };
    assert.deepEqual(held(await set('30')), [true, '30', '30']);
    await helper.sendRequest(protocol.RestartContainer, { container: id, graceSeconds: 2 });
    assert.deepEqual(held(await helper.sendRequest(protocol.ReadLimits, { container: id })), [true, '30', '30']);
    assert.deepEqual(held(await set('max')), [true, 'max', 'max']);
  });

  containerTest('a nonsense limit changes nothing and says what would be right', async (helper) => {
    const { id } = await run(helper, { resources: { pids: { limit: 20 } } });
    await assert.rejects(
      helper.sendRequest(protocol.SetLimits, {
        target: { container: id },
        changes: [
          { name: 'pids.max', value: '40' },
          { name: 'cpu.weight', value: '0' },
        ],
      }),
      (error: protocol.TerrariumError) => {
        assert.equal(error.code, protocol.ErrorCode.Invalid);
        assert.match(error.data?.fix ?? '', /1 to 10000/);
        return true;
      },
    );
    const report = await helper.sendRequest(protocol.ReadLimits, { container: id });
    assert.equal(report.readings.find(({ name }) => name === 'pids.max')?.value, '20');
  });
}
