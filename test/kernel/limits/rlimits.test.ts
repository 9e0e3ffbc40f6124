import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { eventually } from '../support/wait.js';
import { readingOf } from './limitsBed.js';

const { ErrorCode } = protocol;
const bed = new Bed();

const names = {
  RLIMIT_AS: 'Max address space',
  RLIMIT_NPROC: 'Max processes',
  RLIMIT_CPU: 'Max cpu time',
  RLIMIT_NOFILE: 'Max open files',
} as const;

/** Soft and hard limit of a process, as the kernel tells everybody. */
function limitsOf(pid: number, name: keyof typeof names): [string, string] {
  const line = readFileSync(`/proc/${pid}/limits`, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(names[name]));
  const [soft = '', hard = ''] = (line ?? '').slice(names[name].length).trim().split(/\s+/);
  return [soft, hard];
}

async function processes(container: string): Promise<protocol.ProcessInfo[]> {
  return bed.helper.request(protocol.ListProcesses, { container });
}

function set(container: string, values: Record<string, string>, more: Partial<protocol.SetLimitsParams> = {}) {
  const changes = Object.entries(values).map(([name, value]) => ({ name, value }));
  return bed.helper.request(protocol.SetLimits, { target: { container }, changes, ...more });
}

const undo = (container: string) => bed.helper.request(protocol.UndoLimits, { target: { container } });
const read = (container: string) => bed.helper.request(protocol.ReadLimits, { container });

/** A container with a family of processes. */
async function family(more: protocol.ContainerSpecification = {}) {
  const { id, pid } = await bed.up(bed.script('sleep 600 & sleep 600 & sleep 600', more));
  await eventually('its processes', async () => (await processes(id)).length >= 3);
  return { id, pid };
}

test('they are offered for every container, each by itself, and said to be of processes', async () => {
  const { id, pid } = await family();
  const report = await read(id);
  const rlimits = report.readings.filter(({ name }) => protocol.knobOf(name).controller === 'rlimit');
  assert.deepEqual(
    rlimits.map(({ name }) => name),
    Object.keys(names),
  );
  for (const { name, value, files, writable } of rlimits) {
    const [soft] = limitsOf(pid, name as keyof typeof names);
    assert.deepEqual([value, files, writable], [soft === 'unlimited' ? 'max' : soft, [], true], name);
  }
  // Where nothing else limits they come first, with the reason.
  if (report.mode === 'none') {
    assert.equal(protocol.knobOf(report.readings[0]?.name ?? '').controller, 'rlimit');
    assert.ok(report.notice?.reason && report.notice.remedy);
  } else {
    assert.notEqual(protocol.knobOf(report.readings[0]?.name ?? '').controller, 'rlimit');
  }
});

test('set for all processes at once, undone, and in force', async () => {
  const { id, pid } = await family();
  const [soft, hard] = limitsOf(pid, 'RLIMIT_NOFILE');
  const { report, writes, edit } = await set(id, { RLIMIT_NOFILE: '19', RLIMIT_AS: '1073741824' });
  for (const { identity } of await processes(id)) {
    // The hard one stays: lowered, it could never be raised again.
    assert.deepEqual(limitsOf(identity.pid, 'RLIMIT_NOFILE'), ['19', hard]);
    assert.equal(limitsOf(identity.pid, 'RLIMIT_AS')[0], '1073741824');
  }
  assert.deepEqual(
    writes.map(({ file, name, data, held }) => [file, name, data, held]),
    [
      ['', 'RLIMIT_NOFILE', '19', '19'],
      ['', 'RLIMIT_AS', '1073741824', '1073741824'],
    ],
  );
  assert.equal(readingOf(report, 'RLIMIT_NOFILE')?.value, '19');
  assert.deepEqual(edit.changes[0], { name: 'RLIMIT_NOFILE', before: soft, after: '19' });
  await undo(id);
  for (const { identity } of await processes(id))
    assert.deepEqual(limitsOf(identity.pid, 'RLIMIT_NOFILE'), [soft, hard]);
});

test('the kernel holds a process to it', async () => {
  const open = `awk 'BEGIN { for (i = 1; i < ARGC; i++) if ((getline line < ARGV[i]) < 0) { print "refused"; exit } print "opened" }'`;
  const openAll = `${open} $(ls -d /bin/* | head -30)`;
  const { id } = await bed.up(
    bed.script(`${openAll}; until [ -e /tmp/go ]; do sleep 0.05; done; ${openAll}; exec sleep 600`),
  );
  await eventually('the files to be opened', async () => (await bed.helper.output(id)) === 'opened\n');
  await set(id, { RLIMIT_NOFILE: '16' });
  await bed.exec(id, ': > /tmp/go');
  await eventually('the refusal', async () => (await bed.helper.output(id)) === 'opened\nrefused\n');
});

test('max goes as far as the hard limit, and beyond it only CAP_SYS_RESOURCE goes', async () => {
  const { id, pid } = await family({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }] });
  await set(id, { RLIMIT_NOFILE: 'max' });
  assert.deepEqual(limitsOf(pid, 'RLIMIT_NOFILE'), ['128', '128']);
  const [forecast] = (
    await bed.helper.request(protocol.PreviewLimits, {
      target: { container: id },
      changes: [{ name: 'RLIMIT_NOFILE', value: '256' }],
    })
  ).forecasts;
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if ((BigInt(`0x${effective}`) & (1n << 24n)) !== 0n) {
    await set(id, { RLIMIT_NOFILE: '256' });
    assert.deepEqual(limitsOf(pid, 'RLIMIT_NOFILE'), ['256', '256']);
    assert.equal(forecast?.severity, 'plain');
  } else {
    assert.equal(forecast?.severity, 'danger');
    // Both or none.
    await fails(set(id, { RLIMIT_AS: '1073741824', RLIMIT_NOFILE: '256' }), {
      code: ErrorCode.Unavailable,
      message: /refused RLIMIT_NOFILE = 256/,
      fix: /at most 128/,
      data: { errno: 'EPERM', syscall: 'prlimit' },
    });
    assert.equal(limitsOf(pid, 'RLIMIT_AS')[0], 'unlimited');
  }
});

test('the next start has soft and hard; until restart it has what it had', async () => {
  const { id } = await family();
  const inherited = limitsOf((await bed.helper.summary(id)).init?.pid ?? 0, 'RLIMIT_NOFILE');
  await set(id, { RLIMIT_NOFILE: '100' }, { until: 'restart' });
  assert.equal(readingOf(await read(id), 'RLIMIT_NOFILE')?.nextStart, inherited[0]);
  await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
  assert.deepEqual(limitsOf((await bed.helper.summary(id)).init?.pid ?? 0, 'RLIMIT_NOFILE'), inherited);
  await set(id, { RLIMIT_NOFILE: '100' });
  await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
  assert.deepEqual(limitsOf((await bed.helper.summary(id)).init?.pid ?? 0, 'RLIMIT_NOFILE'), ['100', '100']);
});

test('a stopped container gets them with its next start', async () => {
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification: bed.script('sleep 600') });
  const { report } = await set(id, { RLIMIT_CPU: '3600' });
  assert.equal(readingOf(report, 'RLIMIT_CPU')?.value, '3600');
  const { summary } = await bed.helper.request(protocol.StartContainer, { container: id });
  assert.deepEqual(limitsOf(summary.init?.pid ?? 0, 'RLIMIT_CPU'), ['3600', '3600']);
});

test('processes that are forked meanwhile have it too', async () => {
  const { id } = await bed.up(bed.script('while :; do sleep 0.3 & (sleep 0.2 & sleep 0.1); done'));
  await eventually('its processes', async () => (await processes(id)).length > 3);
  await set(id, { RLIMIT_NOFILE: '77' });
  const held = (await processes(id)).map(({ identity: { pid } }) => {
    try {
      return limitsOf(pid, 'RLIMIT_NOFILE')[0];
    } catch (error) {
      // It has ended before the file was opened, or before it was read.
      assert.ok(['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? ''), String(error));
      return '77';
    }
  });
  // A zombie has none any more.
  assert.deepEqual(
    [...new Set(held)].filter((value) => value !== '77' && value !== ''),
    [],
  );
});

test('when processes differ, that is said', async () => {
  const { id } = await bed.up(bed.script('(ulimit -Sn 50; exec sleep 600) & sleep 600'));
  const reading = await eventually('two limits', async () => {
    const found = readingOf(await read(id), 'RLIMIT_NOFILE');
    return found?.raw?.includes('have another') === true && found;
  });
  assert.match(reading.raw ?? '', /1 of \d+ processes have another$/);
});

test('a trial of them is rolled back when its helper is killed', async () => {
  const { id, pid } = await family();
  const [soft] = limitsOf(pid, 'RLIMIT_NOFILE');
  const other = await bed.another();
  await other.request(protocol.SetLimits, {
    target: { container: id },
    changes: [{ name: 'RLIMIT_NOFILE', value: '33' }],
    trySeconds: 600,
  });
  assert.equal(limitsOf(pid, 'RLIMIT_NOFILE')[0], '33');
  await other.crash();
  await eventually('the rollback', () => limitsOf(pid, 'RLIMIT_NOFILE')[0] === soft);
});

test('processes of other ids of the range', async (t) => {
  if (!(await bed.shell('cat /proc/self/uid_map')).trim().includes('\n')) {
    t.skip('this user has no range of subordinate ids');
    return;
  }
  const { id, pid } = await family({ user: 'alice' });
  const [uid] = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.slice(1) ?? [];
  assert.notEqual(uid, String(process.getuid?.()));
  await set(id, { RLIMIT_NOFILE: '44' });
  for (const { identity } of await processes(id)) assert.equal(limitsOf(identity.pid, 'RLIMIT_NOFILE')[0], '44');
});

test('nonsense is refused', async () => {
  const { id } = await family();
  for (const value of ['-1', '15', 'many', '1.5', '99999999999']) {
    await fails(set(id, { RLIMIT_NOFILE: value }), {
      code: ErrorCode.Invalid,
      message: /no value for/,
      fix: /from 16/,
    });
  }
});

test('RLIMIT_NPROC counts the processes of a user in this container alone', async (t) => {
  const { id, pid } = await bed.up(bed.script('sleep 600 & sleep 600 & sleep 600'));
  const [uid] = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.slice(1) ?? [];
  if (uid === '0') {
    t.skip('root may have any number of processes');
    return;
  }
  // The same user has more than that outside, and in another container.
  const crowd = Array.from({ length: 30 }, () => 'sleep 600 &').join(' ');
  await bed.up(bed.script(`${crowd} wait`));
  await set(id, { RLIMIT_NPROC: '8' });
  const fork = (count: number) =>
    bed.exec(id, `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); sleep 1 & done; echo all`);
  assert.deepEqual([(await fork(2)).stdout], ['all\n']);
  assert.match((await fork(12)).stderr, /can't fork/);
});
