import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orTakeBack } from '../../../helper/network/shape.js';
import { ErrorCode, terrariumError } from '../../../helper/protocol/index.js';

const works = async () => undefined;
const fails = (error: Error) => async () => {
  throw error;
};
const refused = terrariumError(ErrorCode.StepFailed, 'addNetem failed', { cause: 'No sch_netem.', doctor: 'netem' });

test('what was taken back is told as it failed; what worked is not taken back', async () => {
  await orTakeBack(works, fails(new Error('not to be called')));
  await assert.rejects(orTakeBack(fails(refused), works), refused);
});

test('when taking back fails too, the first failure is told, and the second in its cause', async () => {
  const second = new Error('the link is gone');
  await assert.rejects(orTakeBack(fails(refused), fails(second)), {
    code: ErrorCode.StepFailed,
    message: 'addNetem failed',
    data: {
      cause: 'No sch_netem. It may be half changed: putting it back as it was failed, too (the link is gone).',
      doctor: 'netem',
    },
  });
  await assert.rejects(orTakeBack(fails(new Error('no answer')), fails(second)), {
    code: ErrorCode.Internal,
    message: 'no answer',
    data: { cause: 'It may be half changed: putting it back as it was failed, too (the link is gone).' },
  });
});
