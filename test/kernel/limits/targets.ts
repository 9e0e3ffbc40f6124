import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { fails } from '../support/failure.js';
import { eventually } from '../support/wait.js';
import { type LimitsBed, readingOf } from './limitsBed.js';

const { ErrorCode } = protocol;
const MiB = 1024 * 1024;

/** Limits of any cgroup by its path, of groups, what groups above leave, and what is said before a change. */
export function testTargets(bed: LimitsBed): void {
  const read = (target: protocol.LimitTarget) => bed.helper.request(protocol.ReadLimits, target);
  const set = (
    target: protocol.LimitTarget,
    name: string,
    value: string,
    more: Partial<protocol.SetLimitsParams> = {},
  ) => bed.helper.request(protocol.SetLimits, { target, changes: [{ name, value }], ...more });
  const undo = (target: protocol.LimitTarget) => bed.helper.request(protocol.UndoLimits, { target });
  const preview = (target: protocol.LimitTarget, values: Record<string, string>) =>
    bed.helper.request(protocol.PreviewLimits, {
      target,
      changes: Object.entries(values).map(([name, value]) => ({ name, value })),
    });
  /** The folder of a container's cgroup that holds a limit. */
  const folderOf = async (container: string, name: string): Promise<string> => {
    const [file] = (await bed.reading(container, name)).files;
    assert.ok(file);
    return path.dirname(file);
  };
  /** A cgroup beside those of containers, that nobody is in; gone after the test. */
  const makeBeside = async (t: TestContext): Promise<string> => {
    const { id } = await bed.up();
    const folder = path.join(path.dirname(await folderOf(id, 'pids.max')), `beside-${id}`);
    mkdirSync(folder);
    t.after(() => rmdirSync(folder));
    return folder;
  };

  bed.testWithCgroups('a cgroup by its path: read, set, undone, tried', async (t) => {
    const cgroup = await makeBeside(t);
    const report = await read({ cgroup });
    assert.deepEqual([report.target, report.live], [{ cgroup }, true]);
    assert.ok(cgroup.endsWith(report.title) && report.title.startsWith('/'), report.title);
    assert.equal(readingOf(report, 'pids.max')?.value, 'max');
    // Processes in it are not a container's.
    assert.deepEqual(
      report.readings.filter(({ name }) => name.startsWith('RLIMIT_')),
      [],
    );
    const file = path.join(cgroup, 'pids.max');
    await set({ cgroup }, 'pids.max', '33');
    assert.equal(readFileSync(file, 'utf8'), '33\n');
    await undo({ cgroup });
    assert.equal(readFileSync(file, 'utf8'), 'max\n');
    const alone = await bed.client();
    await alone.helper.request(protocol.SetLimits, {
      target: { cgroup },
      changes: [{ name: 'pids.max', value: '44' }],
      trySeconds: 600,
    });
    assert.equal(readFileSync(file, 'utf8'), '44\n');
    await alone.helper.crash();
    await eventually('the rollback', () => readFileSync(file, 'utf8') === 'max\n');
    await fails(set({ cgroup }, 'RLIMIT_NOFILE', '64'), { code: ErrorCode.Invalid, message: /no limits of processes/ });
  });

  bed.testWithCgroups('edits of a cgroup are not those of a later one by that name', async (t) => {
    const cgroup = await makeBeside(t);
    await set({ cgroup }, 'pids.max', '33');
    rmdirSync(cgroup);
    await fails(read({ cgroup }), { code: ErrorCode.NotFound, message: /no control group/ });
    mkdirSync(cgroup);
    const report = await read({ cgroup });
    assert.deepEqual(
      [report.undoable, await bed.helper.request(protocol.ListLimitEdits, { target: { cgroup } })],
      [undefined, []],
    );
    await fails(undo({ cgroup }), { code: ErrorCode.WrongState, message: /to undo/ });
  });

  bed.testWithCgroups('a container’s own cgroup, by its path, is that container', async () => {
    const { id, name } = await bed.up();
    const report = await read({ cgroup: await folderOf(id, 'pids.max') });
    assert.deepEqual([report.target, report.title], [{ container: id }, name]);
  });

  bed.testWithCgroups('a cgroup that is not ours is read and not written', async (t) => {
    const { id } = await bed.up();
    const above = path.dirname(await folderOf(id, 'pids.max'));
    // Somewhere above, the user's groups end; but the root of the hierarchy has no limits.
    for (let cgroup = above; cgroup.split('/').length > 4; cgroup = path.dirname(cgroup)) {
      const reading = readingOf(await read({ cgroup }), 'pids.max');
      if (reading === undefined || reading.writable) continue;
      assert.ok(reading.unavailable?.reason && reading.unavailable.remedy);
      const before = readFileSync(path.join(cgroup, 'pids.max'), 'utf8');
      const { forecasts } = await preview({ cgroup }, { 'pids.max': '100000' });
      assert.equal(forecasts[0]?.severity, 'danger');
      await fails(set({ cgroup }, 'pids.max', '100000'), {
        code: ErrorCode.Unavailable,
        message: /pids\.max/,
        fix: /./,
      });
      assert.equal(readFileSync(path.join(cgroup, 'pids.max'), 'utf8'), before);
      return;
    }
    t.skip(
      process.getuid?.() === 0 ? 'root may write every group' : 'every group above that has limits is this user’s',
    );
  });

  bed.testWithCgroups('paths that are no cgroup’s are refused', async () => {
    const { id } = await bed.up();
    const cgroup = await folderOf(id, 'pids.max');
    const link = path.join(bed.home.folder, 'link');
    symlinkSync(cgroup, link);
    const wrong = [
      '/',
      '/etc',
      '/proc/self',
      '/sys/fs/cgroup/../../../etc',
      `${cgroup}/../${path.basename(cgroup)}`,
      `${cgroup}/.`,
      `${cgroup}/`,
      `${cgroup}/pids.max`,
      cgroup.slice(1),
      link,
      '',
      `${cgroup}\0`,
    ];
    for (const folder of wrong) {
      await fails(read({ cgroup: folder }), { code: ErrorCode.Invalid, message: /no control group/ });
      await fails(set({ cgroup: folder }, 'pids.max', '5'), { code: ErrorCode.Invalid, message: /no control group/ });
    }
    await fails(read({ cgroup: `${cgroup}-gone` }), { code: ErrorCode.NotFound, message: /no control group/ });
  });

  bed.testWithCgroups('a group’s tighter limit is told of its containers, and foreseen', async () => {
    const { id } = await bed.up({ group: 'tight', resources: { pids: { limit: 50 } } });
    await set({ group: 'tight' }, 'pids.max', '30');
    const reading = await bed.reading(id, 'pids.max');
    assert.deepEqual([reading.value, reading.effective?.value], ['50', '30']);
    const above = reading.effective?.path ?? '';
    assert.equal(readFileSync(path.join(above, 'pids.max'), 'utf8'), '30\n');
    const { forecasts } = await preview({ container: id }, { 'pids.max': '40' });
    assert.deepEqual([forecasts[0]?.severity, forecasts[0]?.text.includes(`${above}, allows 30`)], ['warning', true]);
    // By its path it is the same group, and one client's edit is the other's to undo.
    assert.deepEqual((await read({ cgroup: above })).target, { group: 'tight' });
    await undo({ cgroup: above });
    assert.equal(readFileSync(path.join(above, 'pids.max'), 'utf8'), 'max\n');
    assert.equal((await bed.reading(id, 'pids.max')).effective, undefined);
  });

  bed.testWithCgroups('all containers together: limited, tried, rolled back', async () => {
    const { id } = await bed.up();
    const target = { group: protocol.allContainers };
    const { report } = await set(target, 'pids.max', '400');
    assert.equal((await bed.reading(id, 'pids.max')).effective?.value, '400');
    assert.equal(report.title, 'All containers');
    await set(target, 'pids.max', '300', { trySeconds: 600 });
    assert.equal((await bed.reading(id, 'pids.max')).effective?.value, '300');
    await undo(target);
    assert.equal((await bed.reading(id, 'pids.max')).effective?.value, '400');
    await undo(target);
    // What others have above may be tighter than none.
    assert.notEqual((await bed.reading(id, 'pids.max')).effective?.value, '400');
  });

  bed.testWithCgroups('a preview has the writes that set then makes', async () => {
    const { id } = await bed.up({ resources: { pids: { limit: 40 }, memory: { limit: 256 * MiB } } });
    const values = {
      'pids.max': '50',
      'memory.max': String(128 * MiB),
      'cpu.max': '50000 100000',
      RLIMIT_NOFILE: '64',
    };
    const { writes, forecasts } = await preview({ container: id }, values);
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.deepEqual(forecasts.map(({ name }) => name).sort(), Object.keys(values).sort());
    const done = await bed.set(id, values);
    assert.deepEqual(
      done.writes.map(({ held: _, ...write }) => write),
      writes,
    );
    for (const { file, held } of done.writes)
      if (file !== '') assert.equal(readFileSync(file, 'utf8').trim(), held, file);
  });

  bed.testWithCgroups('memory below what is in use: foreseen, and refused', async () => {
    const hold = 'my $s = ""; vec($s, 100 * 1048576 - 1, 8) = 1; print "held\\n"; sleep 600';
    const { id } = await bed.up({
      args: ['/usr/bin/perl', '-e', `$| = 1; ${hold}`],
      resources: { memory: { limit: 256 * MiB, swap: 256 * MiB } },
    });
    await eventually('the memory to be held', async () => (await bed.helper.output(id)).includes('held'));
    const values = { 'memory.max': String(32 * MiB) };
    const { forecasts } = await preview({ container: id }, values);
    assert.match(forecasts[0]?.text ?? '', /^Uses 1\d\d(\.\d+)? MiB: .* will be refused/);
    assert.equal(forecasts[0]?.severity, 'danger');
    await fails(bed.set(id, values), { code: ErrorCode.Invalid, message: /./, fix: /./ });
    assert.equal(await bed.file(id, 'memory.max'), String(256 * MiB));
    assert.equal((await bed.helper.summary(id)).state, 'running');
    assert.equal(
      (await preview({ container: id }, { 'memory.max': String(200 * MiB) })).forecasts[0]?.severity,
      'plain',
    );
  });

  bed.testWithCgroups('a trial that the kernel does not let be taken back goes on until it does', async () => {
    // It lets go of its memory when it is told to.
    const hold =
      'my $s = ""; $SIG{USR1} = sub { undef $s; print "let go\\n" }; while (1) { select undef, undef, undef, 0.1; ';
    const grow =
      'if (-e $ARGV[0] && $s eq "") { vec($s, 100 * 1048576 - 1, 8) = 1; print "held\\n"; unlink $ARGV[0] } }';
    const go = path.join('/tmp', `go-${process.pid}`);
    const { id, init } = await bed.up({
      args: ['/usr/bin/perl', '-e', `$| = 1; ${hold}${grow}`, go],
      resources: { memory: { limit: 64 * MiB, swap: 64 * MiB }, pids: { limit: 40 } },
    });
    await bed.set(id, { 'memory.max': String(256 * MiB), 'memory.swap.max': '0', 'pids.max': '50' }, { trySeconds: 7 });
    const process_ = { args: ['/bin/sh', '-c', `: > ${go}`] };
    await bed.helper.request(protocol.ExecInContainer, { container: id, process: process_ });
    await eventually('the memory to be held', async () => (await bed.helper.output(id)).includes('held'));
    const report = await eventually('the rollback to be refused', async () => {
      const found = await bed.read(id);
      return found.notice?.reason.startsWith('A change on trial') === true && found;
    });
    // What can be taken back, is.
    assert.equal(await bed.file(id, 'pids.max'), '40');
    assert.equal(await bed.file(id, 'memory.max'), String(256 * MiB));
    assert.ok(report.trial);
    assert.equal((await bed.helper.summary(id)).state, 'running');
    process.kill(init?.pid ?? 0, 'SIGUSR1');
    await eventually('the memory to be let go', async () => (await bed.helper.output(id)).includes('let go'));
    await eventually('the rollback', async () => (await bed.file(id, 'memory.max')) === String(64 * MiB));
    assert.equal((await bed.read(id)).trial, undefined);
  });
}
