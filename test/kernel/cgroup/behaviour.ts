import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CgroupCounters } from '../../../helper/cgroup/counters.js';
import { freeze, isFrozen, thaw } from '../../../helper/cgroup/freezer.js';
import { killAll } from '../../../helper/cgroup/kill.js';
import { readLimits } from '../../../helper/cgroup/limits.js';
import { coresBetween } from '../../../helper/cgroup/rates.js';
import { controllerFile, controllerFolder } from '../../../helper/cgroup/record.js';
import { writeLimits } from '../../../helper/cgroup/write.js';
import { isAlive, processIdentity } from '../../../helper/inspect/stat.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { type Bed, type Group, makeGroup, until } from './bed.js';

const MiB = 1024 * 1024;

/** Eats memory in steps of 10 MiB and says after each how many it has. */
const hog = (steps: number) =>
  `exec ${process.execPath} -e '
    const held = [];
    for (let i = 1; i <= ${steps}; i++) { held.push(Buffer.alloc(${10 * MiB}, 1)); require("fs").writeFileSync(process.argv[1], String(i)); }
    setInterval(() => held.length, 1000);
  ' "$WORK/steps"`;

const stepsOf = (group: Group) => Number(readIfThere(path.join(group.work, 'steps')) || 0);

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function report(bed: Bed, group: Group): ReturnType<typeof readLimits> {
  return readLimits({
    target: { container: 'c' },
    title: 'c',
    access: bed.access,
    record: group.record,
    resources: undefined,
    running: true,
  });
}

async function values(bed: Bed, group: Group): Promise<Record<string, string | undefined>> {
  const { readings } = await report(bed, group);
  return Object.fromEntries(readings.map(({ name, value }) => [name, value]));
}

/** The five that every machine has. */
async function everyday(bed: Bed, group: Group): Promise<Record<string, string | undefined>> {
  const all = await values(bed, group);
  const names = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max'];
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

/**
 * What limits, the freezer and statistics do on a real kernel: the same on cgroup v1 and v2.
 * `findBed` gives the place to test in, or the reason why there is none.
 */
export function testCgroups(version: 1 | 2, findBed: (t: TestContext) => Promise<Bed | string>): void {
  const cgroupTest = (name: string, body: (t: TestContext, bed: Bed) => Promise<void>): void => {
    test(`v${version}: ${name}`, async (t) => {
      const bed = await findBed(t);
      if (typeof bed === 'string') t.skip(bed);
      else await body(t, bed);
    });
  };

  cgroupTest('a hog of 10 MB steps under 100 MB dies between 80 and 100 MB', async (t, bed) => {
    const group = await makeGroup(t, bed, { memory: { limit: 100 * MiB, swap: 100 * MiB } });
    const identity = processIdentity(await group.run(hog(30)));
    assert.ok(identity);
    await until(() => !isAlive(identity), 'the hog is killed');
    const peakFile = version === 2 ? 'memory.peak' : 'memory.max_usage_in_bytes';
    const peak = Number(readFileSync(controllerFile(group.record, 'memory', peakFile) ?? '', 'utf8'));
    assert.ok(peak > 80 * MiB && peak <= 100 * MiB, `it held ${peak / MiB} MiB at most`);
    assert.ok(stepsOf(group) >= 1 && stepsOf(group) < 10, `after ${stepsOf(group)} steps`);
    assert.ok((await report(bed, group)).events.oomKills >= 1);
  });

  cgroupTest('the same hog lives without a limit', async (t, bed) => {
    const group = await makeGroup(t, bed, {});
    const identity = processIdentity(await group.run(hog(12)));
    assert.ok(identity);
    await until(() => stepsOf(group) === 12, 'it has all its memory');
    assert.ok(isAlive(identity));
    assert.equal((await report(bed, group)).events.oomKills, 0);
  });

  cgroupTest('5 % of a core is 4 to 6 %', async (t, bed) => {
    const group = await makeGroup(t, bed, { cpu: { quota: 5000, period: 100_000 } });
    await group.run('while :; do :; done');
    const counters = new CgroupCounters(group.record);
    t.after(() => counters.close());
    const mark = () => ({ at: performance.now(), cpuNanoseconds: counters.cpuNanoseconds() ?? 0 });
    let cores = 0;
    // On a busy machine a window may be short of time; a limit that is not in force is wrong in every one.
    for (let window = 0; window < 4 && !(cores > 0.04 && cores < 0.06); window++) {
      const first = mark();
      await delay(4000);
      cores = coresBetween(first, mark()) ?? 0;
    }
    assert.ok(cores > 0.04 && cores < 0.06, `it used ${cores} cores`);
    assert.ok((await report(bed, group)).events.throttledMicroseconds > 1_000_000);
  });

  cgroupTest('a fork bomb stops at pids.max, and is killed whole', async (t, bed) => {
    const group = await makeGroup(t, bed, { pids: { limit: 20 } });
    await group.run('bomb() { bomb | bomb & }; bomb & exec sleep 60');
    await until(async () => (await report(bed, group)).events.pidsRefused > 0, 'the limit is met');
    const current = controllerFile(group.record, 'pids', 'pids.current') ?? '';
    for (let i = 0; i < 20; i++) {
      assert.ok(Number(readFileSync(current, 'utf8')) <= 20);
      await delay(10);
    }
    await killAll(group.record);
    await until(() => Number(readFileSync(current, 'utf8')) === 0, 'all are gone');
  });

  cgroupTest('freezing stops the clockwork, thawing lets it go on, and a frozen one can be killed', async (t, bed) => {
    const group = await makeGroup(t, bed, {});
    const counter = path.join(group.work, 'count');
    const read = () => Number(readIfThere(counter) || 0);
    const pid = await group.run('i=0; while :; do i=$((i+1)); echo $i > $WORK/new; mv $WORK/new $WORK/count; done');
    const identity = processIdentity(pid);
    assert.ok(identity);
    await until(() => read() > 5, 'it counts');
    assert.equal(await isFrozen(group.record), false);
    await freeze(group.record);
    assert.equal(await isFrozen(group.record), true);
    const still = read();
    await delay(300);
    assert.equal(read(), still);
    await thaw(group.record);
    assert.equal(await isFrozen(group.record), false);
    await until(() => read() > still, 'it counts on');
    await freeze(group.record);
    await killAll(group.record);
    assert.ok(!isAlive(identity));
  });

  cgroupTest('the everyday limits change while it runs, are read back, and are cleared', async (t, bed) => {
    const group = await makeGroup(t, bed, {});
    await group.run('sleep 60');
    await writeLimits(group.record, [
      { name: 'memory.max', value: `${100 * MiB}` },
      { name: 'memory.swap.max', value: `${50 * MiB}` },
      { name: 'cpu.max', value: '50000 100000' },
      { name: 'cpu.weight', value: '37' },
      { name: 'pids.max', value: '20' },
    ]);
    assert.deepEqual(await everyday(bed, group), {
      'memory.max': `${100 * MiB}`,
      'memory.swap.max': `${50 * MiB}`,
      'cpu.max': '50000 100000',
      'cpu.weight': '37',
      'pids.max': '20',
    });
    await writeLimits(group.record, [{ name: 'memory.max', value: `${80 * MiB}` }]);
    assert.equal((await values(bed, group))['memory.swap.max'], `${50 * MiB}`);
    const cleared = {
      'memory.max': 'max',
      'memory.swap.max': 'max',
      'cpu.max': 'max 100000',
      'cpu.weight': '100',
      'pids.max': 'max',
    };
    await writeLimits(
      group.record,
      Object.entries(cleared).map(([name, value]) => ({ name, value })),
    );
    assert.deepEqual(await everyday(bed, group), cleared);
  });

  cgroupTest('a memory limit below what is in use is refused, kills nothing and undoes the rest', async (t, bed) => {
    const group = await makeGroup(t, bed, { memory: { limit: 400 * MiB, swap: 400 * MiB }, pids: { limit: 50 } });
    const identity = processIdentity(await group.run(hog(8)));
    assert.ok(identity);
    await until(() => stepsOf(group) === 8, 'it has its memory');
    const before = await everyday(bed, group);
    await assert.rejects(
      writeLimits(group.record, [
        { name: 'memory.max', value: `${30 * MiB}` },
        { name: 'pids.max', value: '30' },
      ]),
      (error: { code: number; message: string; data: { cause: string; fix: string } }) => {
        assert.equal(error.code, ErrorCode.Invalid);
        assert.match(error.message, /Nothing was changed/);
        assert.ok(error.data.cause.length > 0 && error.data.fix.length > 0);
        return true;
      },
    );
    assert.deepEqual(await everyday(bed, group), before);
    if (version === 2)
      assert.equal(readFileSync(controllerFile(group.record, 'memory', 'memory.high') ?? '', 'utf8'), 'max\n');
    assert.ok(isAlive(identity));
    assert.equal((await report(bed, group)).events.oomKills, 0);
  });

  cgroupTest('a memory limit above what is in use, but below page cache, is taken', async (t, bed) => {
    const group = await makeGroup(t, bed, {});
    // Page cache counts as use, and can be reclaimed.
    await group.run(
      'dd if=/dev/zero of=$WORK/big bs=1M count=60 2>/dev/null; sync $WORK/big; echo done > $WORK/done; sleep 60',
    );
    await until(() => existsSync(path.join(group.work, 'done')), 'the file is written');
    await writeLimits(group.record, [{ name: 'memory.max', value: `${20 * MiB}` }]);
    assert.equal((await values(bed, group))['memory.max'], `${20 * MiB}`);
  });

  cgroupTest('the tightest limit above the container is the effective one', async (t, bed) => {
    const outer = await makeGroup(t, bed, { pids: { limit: 50 } });
    const folder = controllerFolder(outer.record, 'pids') ?? '';
    if (version === 2) writeFileSync(path.join(folder, 'cgroup.subtree_control'), '+pids');
    const inner = path.join(folder, 'inner');
    mkdirSync(inner);
    t.after(() => {
      if (existsSync(inner)) rmdirSync(inner);
    });
    const record = {
      ...outer.record,
      paths: version === 2 ? { unified: inner } : { ...outer.record.paths, pids: inner },
    };
    const reading = async () =>
      (await report(bed, { ...outer, record })).readings.find(({ name }) => name === 'pids.max');
    assert.deepEqual((await reading())?.effective, { value: '50', path: folder });
    await writeLimits(record, [{ name: 'pids.max', value: '10' }]);
    assert.equal((await reading())?.effective, undefined);
    rmdirSync(inner);
  });
}
