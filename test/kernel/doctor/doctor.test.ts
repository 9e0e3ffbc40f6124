import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancellationTokenSource, LSPErrorCodes } from 'vscode-languageserver/node';
import * as protocol from '../../../helper/protocol/index.js';
import { ownRuntime, startHelper } from '../cgroup/helperProcess.js';
import { assertNothingLeft, examine } from './support.js';

const allIds = Object.values(protocol.doctorGroups).flat();

/** These tests make containers: a doctor that says that none can run is wrong. */
function assertContainersRun({ lines }: protocol.DoctorReport): void {
  for (const { id, essential, verdict, tried } of lines)
    if (essential) assert.equal(verdict, 'works', `${id}: ${tried}`);
}

test('the doctor tries everything in its order, and leaves nothing behind', async (t) => {
  const { report, line: lineOf, data } = await examine(t);
  assert.deepEqual(
    report.lines.map(({ id }) => id),
    allIds,
  );
  for (const line of report.lines) {
    assert.ok((protocol.doctorGroups[line.group] as readonly string[]).includes(line.id), line.id);
    assert.ok(line.features.length > 0, line.id);
    assert.ok(line.tried.length > 0, line.id);
    assert.ok((line.milliseconds ?? -1) >= 0, line.id);
    if (line.verdict !== 'works') assert.ok((line.fix ?? '').length > 0, `${line.id} has a fix`);
  }
  const idmapped = lineOf('idmapped-mount');
  if (idmapped.verdict === 'works') assert.match(idmapped.tried, / Of \/.*: mount_setattr answers E(PERM|INVAL);/);
  assertContainersRun(report);
  await assertNothingLeft(data);
});

test('two at once do not come into each other’s way', async (t) => {
  const { report, helper, data } = await examine(t);
  const [one, two] = await Promise.all([
    helper.sendRequest(protocol.RunDoctor),
    helper.sendRequest(protocol.RunDoctor),
  ]);
  for (const each of [report, one, two]) assertContainersRun(each);
  const verdicts = ({ lines }: protocol.DoctorReport) => lines.map(({ id, verdict }) => `${id} ${verdict}`);
  assert.deepEqual(verdicts(one), verdicts(report));
  assert.deepEqual(verdicts(two), verdicts(report));
  await assertNothingLeft(data);
});

test('a run that is cancelled ends, and leaves nothing behind either', async (t) => {
  let data = '';
  const helper = await startHelper(t, {
    environment: (folder) => {
      data = folder;
      return ownRuntime(folder);
    },
  });
  const cancel = new CancellationTokenSource();
  const asked = helper.sendRequest(protocol.RunDoctor, cancel.token);
  // It is at work when it has made the first of its folders, or has answered what comes after it.
  await helper.sendRequest(protocol.ListContainers);
  cancel.cancel();
  await assert.rejects(asked, (error: { code?: number }) => error.code === LSPErrorCodes.RequestCancelled);
  await assertNothingLeft(data);
  const { lines } = await helper.sendRequest(protocol.RunDoctor);
  assert.equal(lines.length, allIds.length);
});
