import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { until } from './bed.js';

const MiB = 1024 * 1024;

interface Started {
  id: string;
  init: protocol.ProcessIdentity;
  /** By the key of the record; empty without a cgroup. */
  folders: Record<string, string>;
}

async function run(helper: MessageConnection, specification: protocol.ContainerSpecification): Promise<Started> {
  const { summary } = await helper.sendRequest(protocol.RunContainer, { specification });
  const { cgroup } = await helper.sendRequest(protocol.InspectContainer, { container: summary.id });
  assert.ok(summary.init);
  return { id: summary.id, init: summary.init, folders: cgroup?.paths ?? {} };
}

/** Collects what is sampled from now on. */
function collect(helper: MessageConnection): { brief: protocol.ContainerStats[]; detailed: protocol.DetailedStats[] } {
  const all = { brief: [] as protocol.ContainerStats[], detailed: [] as protocol.DetailedStats[] };
  helper.onNotification(protocol.StatsSampled, ({ stats }) => void all.brief.push(...stats));
  helper.onNotification(protocol.DetailsSampled, ({ details }) => void all.detailed.push(...details));
  return all;
}

const read = (folder: string, file: string): string => readFileSync(path.join(folder, file), 'utf8').trim();
const keyed = (text: string): Record<string, number> =>
  Object.fromEntries(text.split('\n').map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]));

/**
 * Statistics as a client gets them. `start` gives the helper; `version` says which cgroups there should be, and tests that
 * need them are skipped, with the reason, where there are none.
 */
export function testStatistics(version: 'v1' | 'v2', start: (t: TestContext) => Promise<MessageConnection>): void {
  const withCgroup = (name: string, body: (t: TestContext, helper: MessageConnection) => Promise<void>): void => {
    test(`${version} statistics: ${name}`, async (t) => {
      const helper = await start(t);
      const { id } = await helper.sendRequest(protocol.CreateContainer, { specification: {} });
      const { mode, notice } = await helper.sendRequest(protocol.ReadLimits, { container: id });
      if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
      else if (mode !== version) t.skip(`this machine has its controllers in cgroup ${mode}`);
      else await body(t, helper);
    });
  };
  const v2 = version === 'v2';

  withCgroup('each number is what the file says', async (_, helper) => {
    const samples = collect(helper);
    const { id, folders } = await run(helper, {
      resources: { memory: { limit: 300 * MiB }, pids: { limit: 40 }, cpu: { quota: 50_000, period: 100_000 } },
    });
    const memory = folders.unified ?? folders.memory ?? '';
    const pids = folders.unified ?? folders.pids ?? '';
    const usage = () => Number(read(memory, v2 ? 'memory.current' : 'memory.usage_in_bytes'));
    const cpu = () =>
      v2
        ? (keyed(read(memory, 'cpu.stat')).usage_usec ?? 0)
        : Number(read(folders.cpuacct ?? '', 'cpuacct.usage')) / 1000;
    await helper.sendRequest(protocol.WatchStats, {
      containers: [id],
      details: [{ container: id }, { cgroup: memory }],
    });
    // Nothing happens in it, so its memory stands still but for what the kernel still settles.
    let brief: protocol.ContainerStats | undefined;
    let own: protocol.DetailedStats | undefined;
    let folder: protocol.DetailedStats | undefined;
    await until(async () => {
      const [before, count] = [usage(), samples.detailed.length];
      await until(() => samples.detailed.length >= count + 2, 'the next samples come');
      brief = samples.brief.at(-1);
      own = samples.detailed.findLast(({ target }) => 'container' in target);
      folder = samples.detailed.findLast(({ target }) => 'cgroup' in target);
      return [brief?.memoryBytes, own?.memory?.bytes, folder?.memory?.bytes, usage()].every(
        (bytes) => bytes === before,
      );
    }, 'its memory stands still, and is told');
    assert.equal(brief?.memoryMax, 300 * MiB);
    assert.equal(brief?.pids, Number(read(pids, 'pids.current')));
    assert.equal(brief?.pidsMax, 40);
    assert.equal(brief?.cpuMax, 0.5);
    assert.equal(brief?.oomKills, 0);
    assert.equal(own?.pids?.count, brief?.pids);
    assert.equal(own?.pids?.refused, 0);
    if (existsSync(path.join(memory, 'memory.peak')) || !v2) {
      assert.equal(own?.memory?.peak, Number(read(memory, v2 ? 'memory.peak' : 'memory.max_usage_in_bytes')));
    }
    if (v2) assert.deepEqual(own?.memory?.events, keyed(read(memory, 'memory.events')));
    else assert.deepEqual(own?.memory?.events, { max: Number(read(memory, 'memory.failcnt')), oom_kill: 0 });
    const counted = own?.cpu?.usageMicroseconds ?? Number.NaN;
    assert.ok(counted > 0 && counted <= cpu(), `${counted} of ${cpu()}`);
    assert.deepEqual(folder?.memory, own?.memory);
    assert.equal(folder?.pids?.count, own?.pids?.count);
  });

  withCgroup('throttling and use of the CPU are those of cpu.stat', async (_, helper) => {
    const samples = collect(helper);
    const { id, folders } = await run(helper, {
      args: ['/bin/sh', '-c', 'while :; do :; done'],
      resources: { cpu: { quota: 5000, period: 100_000 } },
    });
    const stat = () => keyed(read(folders.unified ?? folders.cpu ?? '', 'cpu.stat'));
    const throttled = () => (v2 ? (stat().throttled_usec ?? 0) : (stat().throttled_time ?? 0) / 1000);
    const before = { periods: stat().nr_periods ?? 0, count: stat().nr_throttled ?? 0, time: throttled() };
    await helper.sendRequest(protocol.WatchStats, { containers: [], details: [{ container: id }] });
    // On a busy machine it may be a while until it gets as much as it is allowed.
    await until(
      () => samples.detailed.length >= 3 && (samples.detailed.at(-1)?.cpu?.throttledPeriods ?? 0) > before.count,
      'it is throttled',
    );
    const last = samples.detailed.at(-1)?.cpu;
    const after = { periods: stat().nr_periods ?? 0, count: stat().nr_throttled ?? 0, time: throttled() };
    assert.ok(
      last?.periods !== undefined && last.throttledPeriods !== undefined && last.throttledMicroseconds !== undefined,
    );
    for (const [value, least, most] of [
      [last.periods, before.periods, after.periods],
      [last.throttledPeriods, before.count, after.count],
      [last.throttledMicroseconds, before.time, after.time],
    ] as const) {
      assert.ok(value > least && value <= most, `${value} is between ${least} and ${most}`);
    }
    // Cores are the counter's difference over the time between two samples.
    const [one, other] = samples.detailed.slice(-2);
    const seconds = (Date.parse(other?.at ?? '') - Date.parse(one?.at ?? '')) / 1000;
    const used = ((other?.cpu?.usageMicroseconds ?? 0) - (one?.cpu?.usageMicroseconds ?? 0)) / 1e6;
    assert.ok(
      Math.abs((other?.cpu?.cores ?? 0) - used / seconds) < 0.02,
      `${other?.cpu?.cores} cores of ${used / seconds}`,
    );
  });

  withCgroup('a limit above is told where it is tighter', async (t, helper) => {
    const samples = collect(helper);
    const { id, folders } = await run(helper, {});
    const memory = folders.unified ?? folders.memory ?? '';
    await helper.sendRequest(protocol.WatchStats, { containers: [id] });
    await until(() => samples.brief.length > 0, 'a sample comes');
    const file = v2 ? 'memory.max' : 'memory.limit_in_bytes';
    assert.equal(samples.brief.at(-1)?.memoryEffective, tightestAbove(memory, file));
    const above = path.join(path.dirname(memory), file);
    if (!isWritable(above)) return t.skip(`${above} is not this user’s to write`);
    // Of a group of ours, which goes with its last container.
    writeFileSync(above, String(2048 * MiB));
    try {
      await until(() => samples.brief.at(-1)?.memoryEffective === 2048 * MiB, 'the new one is told');
    } finally {
      writeFileSync(above, v2 ? 'max' : '-1');
    }
  });

  withCgroup('what has ended is gone, and is back with its next start', async (_, helper) => {
    const samples = collect(helper);
    const { id } = await run(helper, {});
    const last = () => samples.detailed.at(-1);
    await helper.sendRequest(protocol.WatchStats, { containers: [id], details: [{ container: id }] });
    await until(() => last()?.memory !== undefined, 'it is sampled');
    await helper.sendRequest(protocol.StopContainer, { container: id, graceSeconds: 1 });
    await until(() => last()?.gone === true, 'it is told to be gone');
    assert.equal(last()?.memory, undefined);
    const brief = samples.brief.length;
    await delay(1500);
    assert.equal(samples.brief.length, brief, 'what does not run is passed over');
    await helper.sendRequest(protocol.StartContainer, { container: id });
    await until(() => last()?.gone === undefined && samples.brief.length > brief, 'it is sampled again');
    assert.ok((last()?.memory?.bytes ?? 0) > 0);
  });

  test(`${version} statistics: what entered a container counts, and nobody samples unasked`, async (t) => {
    const helper = await start(t);
    const samples = collect(helper);
    const { id } = await run(helper, { args: ['/bin/sleep', '1000'] });
    await helper.sendRequest(protocol.WatchStats, { containers: [id] });
    await until(() => samples.brief.at(-1)?.pids === 1, 'one process is counted');
    assert.ok((samples.brief.at(-1)?.memoryBytes ?? 0) > 0);
    await helper.sendRequest(protocol.ExecInContainer, {
      container: id,
      process: { args: ['/bin/sh', '-c', 'while :; do :; done'] },
    });
    await until(() => samples.brief.at(-1)?.pids === 2, 'what entered is counted');
    await until(() => (samples.brief.at(-1)?.cpu ?? 0) > 0.02, 'its CPU time is counted');
    await helper.sendRequest(protocol.WatchStats, { containers: [] });
    const still = samples.brief.length;
    await delay(2200);
    assert.ok(samples.brief.length <= still + 1, 'nothing is sampled for nobody');
  });

  if (!v2) return;

  withCgroup('pressure is what the files say', async (_, helper) => {
    const samples = collect(helper);
    // More to do than half a core may: some wait all the time.
    const { id, folders } = await run(helper, {
      args: ['/bin/sh', '-c', 'while :; do :; done & while :; do :; done'],
      resources: { cpu: { quota: 50_000, period: 100_000 } },
    });
    const total = (resource: string) =>
      Number(/^some .*total=(\d+)/m.exec(read(folders.unified ?? '', `${resource}.pressure`))?.[1]);
    await helper.sendRequest(protocol.WatchStats, { containers: [], details: [{ container: id }] });
    await until(() => (samples.detailed.at(-1)?.pressure?.cpu?.some.avg10 ?? 0) > 1, 'the CPU is short');
    const before = total('cpu');
    const count = samples.detailed.length;
    await until(() => samples.detailed.length > count, 'a sample comes');
    const sampled = samples.detailed.at(-1)?.pressure;
    const after = total('cpu');
    const value = sampled?.cpu?.some.total ?? Number.NaN;
    assert.ok(value >= before && value <= after, `${value} is between ${before} and ${after}`);
    assert.ok(sampled?.cpu?.full !== undefined && sampled.memory?.full !== undefined && sampled.io?.full !== undefined);
    assert.equal(sampled.memory.some.total, total('memory'));
  });

  withCgroup('rates of a device add up to what was written', async (t, helper) => {
    const samples = collect(helper);
    const { id, folders } = await run(helper, {
      args: [
        '/bin/sh',
        '-c',
        'while :; do dd if=/dev/zero of=/var/tmp/written bs=64k count=8 conv=fsync 2>/dev/null; sleep 0.1; done',
      ],
    });
    const folder = folders.unified ?? '';
    if (!existsSync(path.join(folder, 'io.stat'))) return t.skip('the io controller is not delegated');
    const written = () =>
      [...read(folder, 'io.stat').matchAll(/wbytes=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
    await until(() => written() > 0, 'something reaches a disk');
    await helper.sendRequest(protocol.WatchStats, { containers: [id], details: [{ container: id }] });
    await until(() => samples.detailed.length >= 1, 'the first sample comes');
    const before = written();
    const first = samples.detailed.length;
    await until(() => samples.detailed.length >= first + 4, 'four more come');
    const after = written();
    const seconds = (index: number) =>
      (Date.parse(samples.detailed[index]?.at ?? '') - Date.parse(samples.detailed[index - 1]?.at ?? '')) / 1000;
    const added = samples.detailed.reduce((sum, { io }, index) => {
      const rate = (io ?? []).reduce((all, device) => all + device.writtenBytes, 0);
      return index < first ? sum : sum + rate * seconds(index);
    }, 0);
    // Each sample lies a moment before or after our own reading of the file.
    assert.ok(added > 0 && Math.abs(added - (after - before)) < 4 * MiB, `${added} of ${after - before}`);
    assert.ok((samples.brief.at(-1)?.ioWritten ?? 0) > 0);
    assert.ok(samples.detailed.at(-1)?.io?.[0]?.name !== undefined, 'the device has a name');
  });
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    // access(2) fails for one reason only: not writable for this user.
    return false;
  }
}

function tightestAbove(folder: string, file: string): number | undefined {
  let tightest: number | undefined;
  for (let above = path.dirname(folder); existsSync(path.join(above, file)); above = path.dirname(above)) {
    const value = Number(read(above, file));
    if (value < 2 ** 62 && value < (tightest ?? Number.POSITIVE_INFINITY)) tightest = value;
  }
  return tightest;
}
