import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { isAlive } from '../../helper/inspect/stat.js';
import * as protocol from '../../helper/protocol/index.js';
import { until } from '../kernel/cgroup/bed.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';

// Of the machines that tests run on this one alone is sure to have swap.
const MiB = 1024 * 1024;

/** User-mode Linux takes its time to swap, most of all on a busy machine. */
const patience = 90;

/** Holds so many MiB, none of them empty, says so by a file of its own, and stays. */
const hog = (mebibytes: number) =>
  `my @held = map { my $s = "x" x ${MiB}; \\$s } 1 .. ${mebibytes}; open(F, ">", "/held-${mebibytes}"); close(F); sleep 600`;

/** A running container, asked as the form asks, and held against the files of its control group. */
class Swapper {
  private constructor(
    private readonly helper: MessageConnection,
    private readonly id: string,
    private readonly pid: number,
    private readonly folder: string,
  ) {}

  static async run(t: TestContext): Promise<Swapper> {
    const helper = await startHelper(t);
    const { summary } = await helper.sendRequest(protocol.RunContainer, { specification: {} });
    const report = await helper.sendRequest(protocol.ReadLimits, { container: summary.id });
    const swap = report.readings.find(({ name }) => name === 'memory.swap.max');
    assert.deepEqual([swap?.value, swap?.writable, swap?.unavailable], ['max', true, undefined]);
    return new Swapper(helper, summary.id, summary.init?.pid ?? 0, path.dirname(swap?.files[0] ?? ''));
  }

  async start(mebibytes: number): Promise<protocol.ProcessIdentity> {
    const process = { args: ['/usr/bin/perl', '-e', hog(mebibytes)], terminal: false };
    return (await this.helper.sendRequest(protocol.ExecInContainer, { container: this.id, process })).identity;
  }

  /** Whether a hog has all that it wants. */
  isFull(mebibytes: number): boolean {
    return existsSync(`/proc/${this.pid}/root/held-${mebibytes}`);
  }

  private params(values: Readonly<Record<string, string>>) {
    const changes = Object.entries(values).map(([name, value]) => ({ name, value }));
    return { target: { container: this.id }, changes };
  }

  set(values: Readonly<Record<string, string>>): Promise<protocol.LimitsOutcome> {
    return this.helper.sendRequest(protocol.SetLimits, this.params(values));
  }

  async foreseen(name: string, value: string): Promise<string> {
    const preview = await this.helper.sendRequest(protocol.PreviewLimits, this.params({ [name]: value }));
    return preview.forecasts.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
  }

  report(): Promise<protocol.LimitsReport> {
    return this.helper.sendRequest(protocol.ReadLimits, { container: this.id });
  }

  async swap(): Promise<protocol.LimitReading | undefined> {
    return (await this.report()).readings.find(({ name }) => name === 'memory.swap.max');
  }

  file(name: string): string {
    return readFileSync(path.join(this.folder, name), 'utf8').trim();
  }

  bytes(name: string): number {
    return Number(this.file(name));
  }
}

test('beyond memory.max a process is killed where swap is off, and swapped out as far as that is allowed', async (t) => {
  const subject = await Swapper.run(t);
  await subject.set({ 'memory.max': `${40 * MiB}`, 'memory.swap.max': '0' });
  assert.equal(subject.file('memory.swap.max'), '0');
  const killed = await subject.start(60);
  await until(async () => !isAlive(killed) && (await subject.report()).events.oomKills === 1, 'it is killed', patience);
  assert.equal(subject.bytes('memory.swap.peak'), 0);

  const { writes } = await subject.set({ 'memory.swap.max': `${100 * MiB}` });
  assert.deepEqual(
    writes.map(({ file, held }) => [path.basename(file), held]),
    [['memory.swap.max', `${100 * MiB}`]],
  );
  assert.equal(subject.bytes('memory.swap.max'), 100 * MiB);
  const swapped = await subject.start(70);
  await until(() => subject.isFull(70), 'it has more than the limit', patience);
  assert.ok(subject.bytes('memory.current') <= 40 * MiB);
  assert.ok(subject.bytes('memory.swap.current') > 25 * MiB, `${subject.file('memory.swap.current')} are swapped out`);
  const told = await subject.swap();
  assert.ok((told?.usage ?? 0) > 25 * MiB, JSON.stringify(told));
  assert.equal(told?.peak, subject.bytes('memory.swap.peak'), 'the high-water mark is the kernel’s');
  assert.equal((await subject.report()).events.oomKills, 1, 'nobody else is killed');

  assert.match(await subject.foreseen('memory.swap.max', '0'), /^warning: Has \d.* in swap: that stays there/);
  await subject.set({ 'memory.swap.max': '0' });
  assert.equal(subject.file('memory.swap.max'), '0');
  assert.ok(subject.bytes('memory.swap.current') > 25 * MiB, 'it stays there');
  assert.ok(isAlive(swapped));
  await subject.set({ 'memory.swap.max': 'max' });
  assert.equal(subject.file('memory.swap.max'), 'max');
});

test('where there is swap, memory.max is taken below what is in use, and kills nobody', async (t) => {
  const subject = await Swapper.run(t);
  const identity = await subject.start(60);
  await until(() => subject.isFull(60), 'it has its memory', patience);
  assert.match(await subject.foreseen('memory.max', `${30 * MiB}`), /^warning: Uses .*swap out [2-9]\d/);
  await subject.set({ 'memory.max': `${30 * MiB}` });
  assert.equal(subject.bytes('memory.max'), 30 * MiB);
  assert.ok(subject.bytes('memory.swap.current') > 25 * MiB, `${subject.file('memory.swap.current')} are swapped out`);
  assert.ok(isAlive(identity));
  assert.equal((await subject.report()).events.oomKills, 0);
  // With no swap left to take it the same is refused, as on machines without any.
  await subject.set({ 'memory.swap.max': '0' });
  assert.match(await subject.foreseen('memory.max', `${8 * MiB}`), /^danger: .*So this will be refused\.$/);
  await assert.rejects(subject.set({ 'memory.max': `${8 * MiB}` }), { code: protocol.ErrorCode.Invalid });
  assert.equal(subject.bytes('memory.max'), 30 * MiB);
  assert.ok(isAlive(identity));
});
