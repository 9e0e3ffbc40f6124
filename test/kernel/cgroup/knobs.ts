import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { blockDevices } from '../../../helper/cgroup/devices.js';
import { writeLimits } from '../../../helper/cgroup/write.js';
import * as protocol from '../../../helper/protocol/index.js';
import { settled } from '../support/wait.js';
import { until } from './bed.js';
import type { HelperOptions } from './helperProcess.js';

const MiB = 1024 * 1024;

/** A running container, and short ways to ask of its limits what the form asks. */
class Subject {
  constructor(
    private readonly helper: MessageConnection,
    readonly id: string,
  ) {}

  static async run(helper: MessageConnection, specification: protocol.ContainerSpecification): Promise<Subject> {
    const { summary } = await helper.sendRequest(protocol.RunContainer, { specification });
    return new Subject(helper, summary.id);
  }

  report(): Promise<protocol.LimitsReport> {
    return this.helper.sendRequest(protocol.ReadLimits, { container: this.id });
  }

  /** All readings of one report, by name. */
  async readings(): Promise<(name: string) => protocol.LimitReading> {
    const { readings } = await this.report();
    return (name) => {
      const found = readings.find((reading) => reading.name === name);
      assert.ok(found, `${name} is offered`);
      return found;
    };
  }

  async reading(name: string): Promise<protocol.LimitReading> {
    return (await this.readings())(name);
  }

  set(values: Readonly<Record<string, string>>): Promise<protocol.LimitsOutcome> {
    const changes = Object.entries(values).map(([name, value]) => ({ name, value }));
    return this.helper.sendRequest(protocol.SetLimits, { target: { container: this.id }, changes });
  }

  async output(): Promise<string> {
    const { entries } = await this.helper.sendRequest(protocol.ReadLogs, { container: this.id });
    return entries.map(({ data }) => Buffer.from(data, 'base64').toString()).join('');
  }
}

/** What the kernel itself has in the files of a knob, read past the helper. */
const kernelHas = ({ files }: protocol.LimitReading): string =>
  files
    .map((file) => readFileSync(file, 'utf8').trim())
    .join(' ')
    .trim();

/** By name: what is set, and what the kernel's files must then hold. */
function knobCases(version: 1 | 2, device: string): Record<string, [value: string, files: string]> {
  // So much that nothing becomes slow: starting and ending write to this disk too.
  const io = `${device} rbps=1048576000 wbps=2097152000 riops=max wiops=100000`;
  return version === 2
    ? {
        'memory.max': [`${100 * MiB}`, `${100 * MiB}`],
        'memory.high': [`${90 * MiB}`, `${90 * MiB}`],
        'memory.swap.max': [`${8 * MiB}`, `${8 * MiB}`],
        'memory.low': [`${2 * MiB}`, `${2 * MiB}`],
        'memory.min': [`${MiB}`, `${MiB}`],
        'memory.oom.group': ['1', '1'],
        'memory.zswap.max': [`${3 * MiB}`, `${3 * MiB}`],
        'cpu.max': ['40000 50000', '40000 50000'],
        'cpu.max.burst': ['10000', '10000'],
        'cpu.weight': ['37', '37'],
        'cpuset.cpus': ['0', '0'],
        'cpuset.mems': ['0', '0'],
        'pids.max': ['40', '40'],
        'io.max': [io, io],
        'io.weight': ['default 50', 'default 50'],
        // In no list of ours: found among the files.
        'memory.swap.high': [`${4 * MiB}`, `${4 * MiB}`],
      }
    : {
        'memory.max': [`${100 * MiB}`, `${100 * MiB}`],
        'memory.swap.max': [`${8 * MiB}`, `${108 * MiB}`],
        'memory.low': [`${2 * MiB}`, `${2 * MiB}`],
        'memory.swappiness': ['10', '10'],
        'cpu.max': ['40000 50000', '40000 50000'],
        'cpu.max.burst': ['10000', '10000'],
        'cpu.weight': ['100', '1024'],
        'cpuset.cpus': ['0', '0'],
        'cpuset.mems': ['0', '0'],
        'pids.max': ['40', '40'],
        'io.max': [io, `${device} 1048576000 ${device} 2097152000  ${device} 100000`],
        // The file of devices names the group's too.
        'io.weight': ['default 50', '50 default 50'],
      };
}

/**
 * Every knob, asked for as the form asks, and held against the kernel's own files. `start` gives the helper; where it finds
 * no cgroups of this version the tests are skipped with its reason.
 */
export function testKnobs(
  version: 1 | 2,
  start: (t: TestContext, options?: HelperOptions) => Promise<MessageConnection>,
): void {
  const knobTest = (name: string, body: (helper: MessageConnection, t: TestContext) => Promise<void>): void => {
    test(`v${version} knobs: ${name}`, async (t) => {
      const helper = await start(t);
      const probe = await helper.sendRequest(protocol.CreateContainer, { specification: {} });
      const { mode, notice } = await helper.sendRequest(protocol.ReadLimits, { container: probe.id });
      if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
      else if (mode !== `v${version}`) t.skip(`this machine has its controllers in cgroup ${mode}`);
      else await body(helper, t);
    });
  };
  const disk = async (): Promise<string> => {
    const [first] = await blockDevices(tmpdir());
    assert.ok(first, 'there is a disk');
    return first.number;
  };

  knobTest('all are written in one go, are in the files, survive a restart, and are cleared', async (helper) => {
    const cases = knobCases(version, await disk());
    const subject = await Subject.run(helper, {});
    const before = new Map((await subject.report()).readings.map((reading) => [reading.name, reading]));
    const { writes } = await subject.set(
      Object.fromEntries(Object.entries(cases).map(([name, [value]]) => [name, value])),
    );
    for (const write of writes) assert.equal(write.held, readLine(write), `${write.file} was read back`);
    const check = async (when: string): Promise<void> => {
      const read = await subject.readings();
      for (const [name, [value, files]] of Object.entries(cases)) {
        const reading = read(name);
        assert.equal(reading.value, value, `${name} ${when}`);
        assert.equal(kernelHas(reading), files, `the files of ${name} ${when}`);
        assert.equal(reading.nextStart, undefined, `${name} is kept for the next start`);
        assert.equal(reading.writable, true);
      }
    };
    await check('after it was set');
    await helper.sendRequest(protocol.RestartContainer, { container: subject.id, graceSeconds: 1 });
    await check('after a restart');
    await subject.set(Object.fromEntries(Object.keys(cases).map((name) => [name, protocol.knobOf(name).cleared])));
    const read = await subject.readings();
    for (const name of Object.keys(cases)) {
      const reading = read(name);
      assert.equal(kernelHas(reading), textAtFirst(name, before.get(name)), `${name} is cleared`);
      assert.equal(reading.nextStart, undefined, `${name} is cleared for the next start too`);
    }
  });

  knobTest('limits of a specification are in force from the first moment', async (helper) => {
    const device = await disk();
    const [major = 0, minor = 0] = device.split(':').map(Number);
    const subject = await Subject.run(helper, {
      resources: {
        memory: { limit: 64 * MiB, swap: 64 * MiB, reservation: MiB, ...(version === 1 ? { swappiness: 5 } : {}) },
        cpu: { quota: 20_000, period: 50_000, burst: 10_000, cpus: '0', mems: '0', shares: 2000 },
        pids: { limit: 30 },
        blockIO: { throttleWriteBpsDevice: [{ major, minor, rate: 1000 * MiB }] },
        ...(version === 2 ? { unified: { 'memory.high': `${50 * MiB}` } } : {}),
      },
    });
    const read = await subject.readings();
    const held = (name: string) => read(name).value;
    assert.equal(held('memory.max'), `${64 * MiB}`);
    assert.equal(held('memory.swap.max'), '0');
    assert.equal(held('memory.low'), `${MiB}`);
    assert.equal(held('cpu.max'), '20000 50000');
    assert.equal(held('cpu.max.burst'), '10000');
    assert.equal(held('cpu.weight'), '170');
    assert.equal(held('cpuset.cpus'), '0');
    assert.equal(held('pids.max'), '30');
    assert.equal(held('io.max'), `${device} rbps=max wbps=${1000 * MiB} riops=max wiops=max`);
    if (version === 1) assert.equal(held('memory.swappiness'), '5');
    else assert.equal(held('memory.high'), `${50 * MiB}`);
    for (const { name, nextStart } of (await subject.report()).readings) assert.equal(nextStart, undefined, name);
  });

  knobTest('what the kernel rounds is told', async (helper) => {
    const subject = await Subject.run(helper, {});
    const { writes, report } = await subject.set({ 'memory.max': '100000001' });
    const [file = ''] = (await subject.reading('memory.max')).files;
    const held = readFileSync(file, 'utf8').trim();
    assert.ok(Number(held) < 100_000_001 && Number(held) > 100_000_001 - 65_536, `the kernel holds ${held}`);
    assert.deepEqual(
      writes.find((write) => write.file === file),
      { name: 'memory.max', file, data: '100000001', held },
    );
    const reading = report.readings.find(({ name }) => name === 'memory.max');
    assert.deepEqual([reading?.value, reading?.nextStart], [held, undefined]);
  });

  knobTest('only idle CPU: the weight comes back afterwards', async (helper) => {
    const subject = await Subject.run(helper, { resources: { cpu: { shares: 2000 } } });
    await subject.set({ 'cpu.idle': '1' });
    assert.equal(kernelHas(await subject.reading('cpu.idle')), '1');
    await assert.rejects(subject.set({ 'cpu.weight': '50' }), (error: protocol.TerrariumError) => {
      assert.equal(error.code, protocol.ErrorCode.Invalid);
      assert.match(error.data?.fix ?? '', /cpu.idle to 0/);
      return true;
    });
    await subject.set({ 'cpu.idle': '0' });
    assert.equal((await subject.reading('cpu.weight')).value, '170');
  });

  knobTest('CPUs are taken away and given back while it runs', async (helper) => {
    const subject = await Subject.run(helper, { args: ['/bin/sh', '-c', 'while :; do nproc; sleep 0.1; done'] });
    const all = (await waitFor(subject, /^(\d+)$/m))?.[1] ?? '';
    if (all === '1') return;
    await subject.set({ 'cpuset.cpus': '1' });
    await until(async () => /\n1\n$/.test(await subject.output()), 'it has one CPU');
    await subject.set({ 'cpuset.cpus': '' });
    await until(async () => new RegExp(`\\n1\\n(.*\\n)*${all}\\n$`).test(await subject.output()), 'it has all again');
  });

  knobTest('io.max holds a writer within 10 %', async (helper) => {
    const device = await disk();
    const mebibytes = 6;
    const subject = await Subject.run(helper, {
      // Waits for the limit; bypasses the page cache, so that each write is one of the disk's.
      args: [
        '/bin/sh',
        '-c',
        `echo ready; until [ -e /go ]; do sleep 0.05; done
         for i in 1 2 3 4; do LC_ALL=C dd if=/dev/zero of=/big bs=64k count=${mebibytes * 16} oflag=direct; done 2>&1
         exec sleep 60`,
      ],
    });
    await waitFor(subject, /ready/);
    await subject.set({ 'io.max': `${device} wbps=${2 * MiB}` });
    await helper.sendRequest(protocol.ExecInContainer, {
      container: subject.id,
      process: { args: ['/bin/sh', '-c', ': > /go'], terminal: false },
    });
    const expected = mebibytes / 2;
    const measured = async () =>
      [...(await subject.output()).matchAll(/copied, ([\d.]+) s/g)].map((match) => Number(match[1]));
    const fits = (seconds: number) => seconds > expected * 0.9 && seconds < expected * 1.1;
    // On a busy machine a writer may be short of time; a limit that is not in force is too fast every time.
    for (let run = 1; run <= 4 && !(await measured()).some(fits); run++) {
      await until(async () => (await measured()).length >= run, `writer ${run} is done`);
    }
    const times = await measured();
    assert.ok(times.some(fits), `${mebibytes} MiB at 2 MiB/s took ${times.join(', ')} s`);
    assert.ok(Math.min(...times) > expected * 0.9, `the fastest took ${Math.min(...times)} s`);
  });

  knobTest('a raised limit frees a throttled process at once', async (helper) => {
    const subject = await Subject.run(helper, {
      // A dot for some milliseconds of work.
      args: ['/bin/sh', '-c', 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; printf .; done'],
    });
    const dots = async () => (await subject.output()).length;
    await until(async () => (await dots()) > 5, 'it runs');
    // One thousandth of a core, in periods of a second: it has used up the first one at once.
    await subject.set({ 'cpu.max': '1000 1000000' });
    // What was in the pipe may still arrive.
    const before = await settled('the dots', dots);
    await delay(2000);
    const slow = (await dots()) - before;
    assert.ok(slow < 20, `one thousandth of a core gives ${slow} dots in two seconds`);
    await subject.set({ 'cpu.max': 'max' });
    await until(async () => (await dots()) > before + slow + 40, 'it runs on');
  });

  knobTest('a disk that is not there is refused by the kernel, and explained', async (helper) => {
    const subject = await Subject.run(helper, { resources: { pids: { limit: 20 } } });
    await assert.rejects(
      subject.set({ 'pids.max': '50', 'io.max': '250:77 rbps=1000' }),
      (error: protocol.TerrariumError) => {
        assert.equal(error.code, protocol.ErrorCode.Invalid);
        assert.equal(error.data?.errno, 'ENODEV');
        assert.match(error.data?.cause ?? '', /no such disk/);
        assert.equal(error.data?.doctor, 'cgroup-io');
        assert.match(error.message, /Nothing was changed/);
        return true;
      },
    );
    assert.equal((await subject.reading('pids.max')).value, '20');
  });

  knobTest('what the next start would fail for is refused while it is stopped', async (helper) => {
    const { id } = await helper.sendRequest(protocol.CreateContainer, { specification: {} });
    const other =
      version === 1 ? { name: 'memory.high', value: '50000000' } : { name: 'memory.swappiness', value: '5' };
    const set = (changes: protocol.LimitChange[]) =>
      helper.sendRequest(protocol.SetLimits, { target: { container: id }, changes });
    await assert.rejects(set([other]), { code: protocol.ErrorCode.Unavailable });
    await set([{ name: 'io.max', value: `${await disk()} rbps=1000000000` }]);
    await helper.sendRequest(protocol.StartContainer, { container: id });
    assert.match((await new Subject(helper, id).reading('io.max')).value ?? '', / rbps=1000000000 /);
  });

  knobTest('a CPU that is not there is refused by the kernel, and explained', async (helper) => {
    const subject = await Subject.run(helper, {});
    await assert.rejects(subject.set({ 'cpuset.cpus': '4000' }), (error: protocol.TerrariumError) => {
      assert.equal(error.code, protocol.ErrorCode.Invalid);
      assert.match(error.data?.cause ?? '', /CPU/);
      assert.ok((error.data?.fix ?? '').length > 0);
      return true;
    });
  });

  knobTest('a cgroup of somebody else cannot be written, and one that was removed is gone', async (helper) => {
    const subject = await Subject.run(helper, {});
    const [file = ''] = (await subject.reading('pids.max')).files;
    const folder = path.join(path.dirname(file), 'inner');
    mkdirSync(folder);
    const record = (at: string) =>
      version === 2
        ? ({ version: 2, paths: { unified: at } } as const)
        : ({ version: 1, paths: { pids: at } } as const);
    rmdirSync(folder);
    await assert.rejects(writeLimits(record(folder), [{ name: 'pids.max', value: '5' }]), {
      code: protocol.ErrorCode.WrongState,
    });
    // To root every file is its own.
    if (process.getuid?.() === 0) return;
    chmodSync(file, 0o000);
    const read = await subject.readings();
    assert.match(read('pids.max').unavailable?.reason ?? '', /cannot be read \(EACCES\)/);
    assert.equal(read('memory.max').value, 'max');
    chmodSync(file, 0o644);
    // What the administrator made and handed over: its limits stay the administrator's.
    const foreign = version === 2 ? '/sys/fs/cgroup/system.slice' : path.resolve(file, '../../..');
    await assert.rejects(
      writeLimits(record(foreign), [{ name: 'pids.max', value: '4000' }]),
      (error: protocol.TerrariumError) => {
        assert.equal(error.code, protocol.ErrorCode.Unavailable);
        assert.equal(error.data?.errno, 'EACCES');
        assert.match(error.data?.cause ?? '', /not yours/);
        return true;
      },
    );
  });

  knobTest('where cgroups are mounted read-only, limits are shown, and said not to be writable', async (helper, t) => {
    const subject = await Subject.run(helper, { resources: { pids: { limit: 20 } } });
    const [file = ''] = (await subject.reading('pids.max')).files;
    const mount = version === 2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';
    const script = `mount --bind ${mount} ${mount} && mount -o remount,bind,ro ${mount} && exec "$@"`;
    const enclosed = await start(t, {
      wrap: (command) => ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', ...command],
    });
    const target = { cgroup: path.dirname(file) };
    const report = await enclosed.sendRequest(protocol.ReadLimits, target);
    const pids = report.readings.find(({ name }) => name === 'pids.max');
    assert.deepEqual([pids?.value, pids?.writable], ['20', false]);
    assert.match(pids?.unavailable?.reason ?? '', /read-only/);
    await assert.rejects(
      enclosed.sendRequest(protocol.SetLimits, { target, changes: [{ name: 'pids.max', value: '30' }] }),
      (error: protocol.TerrariumError) => {
        assert.equal(error.code, protocol.ErrorCode.Unavailable);
        assert.equal(error.data?.errno, 'EROFS');
        assert.match(error.message, /Nothing was changed/);
        return true;
      },
    );
    assert.equal(readFileSync(file, 'utf8'), '20\n');
  });
}

/** The line of a file that a write was about, past the helper. */
function readLine({ file, data, held }: protocol.LimitWrite): string {
  const content = readFileSync(file, 'utf8').trim();
  const lines = content.split('\n');
  return lines.length > 1 || held !== content
    ? (lines.find((line) => line.split(' ')[0] === data.split(' ')[0]) ?? '')
    : content;
}

async function waitFor(subject: Subject, pattern: RegExp): Promise<RegExpExecArray | null> {
  await until(async () => pattern.test(await subject.output()), `the container prints ${pattern}`);
  return pattern.exec(await subject.output());
}

/** What a new group had, with the period of CPU time that stays as it was set. */
function textAtFirst(name: string, reading: protocol.LimitReading | undefined): string {
  assert.ok(reading, `${name} was offered at first`);
  if (name === 'memory.swappiness') return '60';
  return reading.raw ?? '';
}
