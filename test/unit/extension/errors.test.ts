import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { combinedReport, isCancelled, reportOf } from '../../../extension/errors/errorReport.js';
import { ErrorCode, terrariumError } from '../../../helper/protocol/index.js';

describe('an error', () => {
  it('is what was attempted, what went wrong, why, and what to do', () => {
    const error = terrariumError(ErrorCode.StepFailed, 'clone failed with EPERM', {
      cause: 'AppArmor restricts user namespaces',
      fix: 'Allow them for this program.',
      command: 'sudo sysctl kernel.x=0',
      ledger: { container: 'c', operation: 'start-1' },
    });
    assert.deepEqual(reportOf(error, 'Start web'), {
      message: 'Start web: clone failed with EPERM. AppArmor restricts user namespaces. Allow them for this program.',
      actions: [
        { kind: 'copyCommand', command: 'sudo sysctl kernel.x=0' },
        { kind: 'showLedger', container: 'c', operation: 'start-1' },
        { kind: 'openDoctor' },
      ],
    });
  });

  it('that a line of the doctor tries leads there', () => {
    const error = terrariumError(ErrorCode.StepFailed, 'mount failed with EINVAL', { doctor: 'overlay' });
    assert.deepEqual(reportOf(error, 'Start web').actions, [{ kind: 'showDoctorLine', line: 'overlay' }]);
  });

  it('of a person’s own making offers no doctor and no log', () => {
    assert.deepEqual(reportOf(terrariumError(ErrorCode.NameTaken, 'There is a web'), 'Rename').actions, []);
  });

  it('that is a defect leads to the log', () => {
    assert.deepEqual(reportOf(new Error('x is undefined'), 'Start').actions, [{ kind: 'showLog' }]);
    assert.deepEqual(reportOf(terrariumError(ErrorCode.Internal, 'oops'), 'Start').actions, [{ kind: 'showLog' }]);
    assert.match(reportOf('thrown text', 'Start').message, /thrown text/);
  });

  it('of a helper that died says that containers run on', () => {
    const error = Object.assign(new Error('Pending response rejected'), { code: -32097 });
    assert.match(reportOf(error, 'Stop web').message, /^Stop web: the helper ended .* run on/);
  });

  it('ignores data of the wrong shape', () => {
    const error = Object.assign(new Error('odd'), {
      code: ErrorCode.StepFailed,
      data: { cause: 5, command: {}, ledger: 'x', fix: null },
    });
    assert.deepEqual(reportOf(error, 'Start'), { message: 'Start: odd.', actions: [{ kind: 'openDoctor' }] });
  });

  it('cannot put a link into its notification', () => {
    const error = terrariumError(ErrorCode.BadInput, 'bad name [x](command:evil)', { cause: '\u202Eabc\n$(flame)' });
    const { message } = reportOf(error, 'Import');
    assert.doesNotMatch(message, /\]\(|\n|\u202e/);
  });

  it('of a cancelled request is none', () => {
    const cancelled = Object.assign(new Error('Cancelled'), { code: -32800 });
    assert.equal(isCancelled(cancelled), true);
    assert.equal(isCancelled(new Error('Cancelled')), false);
    assert.equal(combinedReport([{ error: cancelled, doing: 'Stop a' }]), undefined);
  });
});

describe('several errors', () => {
  it('are one notification: the first in full, the others by name', () => {
    const report = combinedReport([
      { error: terrariumError(ErrorCode.WrongState, 'it is paused'), doing: 'Stop a' },
      { error: terrariumError(ErrorCode.WrongState, 'it is gone'), doing: 'Stop b' },
    ]);
    assert.equal(report?.message, 'Stop a: it is paused. Also failed: Stop b.');
  });
});
