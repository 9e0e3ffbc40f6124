import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';

const bed = new Bed();

test('the ledger of a start: every step with its calls, in order, with results and times', async () => {
  const { id } = await bed.up();
  const ledger = await bed.helper.request(protocol.ReadLedger, { container: id });
  assert.deepEqual([ledger.operation, ledger.succeeded, ledger.dropped], ['start-1', true, 0]);
  const order = ledger.steps.map(({ kind }) => kind);
  const expected = [
    'monitor',
    'clone',
    'mapIds',
    'setPropagation',
    'setRoot',
    'setHostname',
    'pivotRoot',
    'limitBoundingSet',
    'setCapabilities',
    'setNoNewPrivileges',
    'installSeccomp',
    'stayInit',
  ];
  assert.deepEqual(
    expected.map((kind) => order.indexOf(kind)).toSorted((a, b) => a - b),
    expected.map((kind) => order.indexOf(kind)),
  );
  assert.ok(!expected.some((kind) => !order.includes(kind)), order.join());
  const calls = ledger.steps.flatMap((step) => step.calls);
  const called = (name: string) => calls.find((call) => call.name === name);
  for (const name of ['clone3', 'pivot_root', 'sethostname', 'seccomp', 'fsopen', 'move_mount']) {
    assert.deepEqual([called(name)?.errno, (called(name)?.result ?? -1) >= 0], [0, true], name);
  }
  assert.match(called('clone3')?.args.join(' ') ?? '', /CLONE_NEWPID/);
  assert.equal(called('clone3')?.actor, 'monitor');
  assert.equal(called('pivot_root')?.actor, 'init');
  for (const step of ledger.steps) assert.ok(step.purpose !== '' && step.without !== '', step.kind);
  // Each actor's calls follow one another.
  for (const actor of ['monitor', 'init']) {
    const own = calls.filter((call) => call.actor === actor).map(({ startNanoseconds }) => startNanoseconds);
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
      actor,
    );
  }
  assert.ok(ledger.durationNanoseconds > 10_000 && ledger.durationNanoseconds < 10e9);
  const { text } = await bed.helper.request(protocol.RenderLedger, { container: id, format: 'markdown' });
  for (const name of ['pivot_root', 'clone3', 'mapIds']) assert.match(text, new RegExp(name));
});

test('operations are listed; one that failed keeps its step and errno', async () => {
  const { id } = await bed.up();
  await bed.exec(id, 'true');
  const failed = bed.helper.request(protocol.ExecInContainer, { container: id, process: { args: ['nosuch'] } });
  const error = await fails(failed, { code: protocol.ErrorCode.StepFailed, message: /nosuch/ });
  await bed.helper.request(protocol.RestartContainer, { container: id });
  const list = await bed.helper.request(protocol.ListLedgers, { container: id });
  const told = list.map(({ operation, succeeded }) => `${operation} ${succeeded}`).sort();
  assert.deepEqual(told, ['exec-1 true', 'exec-2 false', 'start-1 true', 'start-2 true']);
  assert.deepEqual(error.data?.ledger, { container: id, operation: 'exec-2' });
  const ledger = await bed.helper.request(protocol.ReadLedger, { container: id, operation: 'exec-2' });
  const step = ledger.steps.find((one) => one.failed);
  assert.equal(step?.kind, 'execute');
  assert.equal(step?.calls.at(-1)?.errnoName, 'ENOENT');
  await fails(bed.helper.request(protocol.ReadLedger, { container: id, operation: 'exec-9' }), {
    code: protocol.ErrorCode.NotFound,
    message: /exec-9/,
  });
});

test('the ledger of a start that failed so early that the container is gone can be read by its id', async () => {
  const error = await fails(bed.helper.run({ root: bed.root, args: ['/nosuch'] }), {
    code: protocol.ErrorCode.StepFailed,
    message: /nosuch/,
  });
  const at = error.data?.ledger;
  assert.ok(at);
  const ledger = await bed.helper.request(protocol.ReadLedger, at);
  assert.deepEqual([ledger.succeeded, ledger.steps.find(({ failed }) => failed)?.kind], [false, 'execute']);
});

test('the script of an exec enters the container', async () => {
  const { id } = await bed.up({ hostname: 'entered' });
  await bed.exec(id, 'hostname; cat /etc/passwd | wc -l');
  const { text } = await bed.helper.request(protocol.RenderLedger, {
    container: id,
    operation: 'exec-1',
    format: 'script',
  });
  const file = path.join(bed.home.folder, 'enter.sh');
  writeFileSync(file, text);
  const ended = spawnSync('bash', [file], { encoding: 'utf8' });
  assert.equal(ended.stdout, 'entered\n3\n');
  // This root has none that could drop them.
  assert.equal(ended.stderr, 'Privileges are kept: there is no setpriv to drop them.\n');
});
