import { ErrorCode, type TerrariumError, terrariumError } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import type { ZygoteError } from '../zygote/launch.js';
import { errnoOf } from './attempt.js';
import { explainFailure, gatherFacts } from './explain.js';

/** The error of a request that needed the zygote, which could not be started: on such a machine no container can be made. */
export async function zygoteFailure(error: ZygoteError, identity: Identity): Promise<TerrariumError> {
  const failure = { step: 'zygote', syscall: error.syscall, errno: errnoOf(error.errno), path: '' };
  const { step, syscall, errno } = failure;
  return terrariumError(ErrorCode.Unavailable, `No user namespace can be made here: ${error.message}`, {
    step,
    syscall,
    errno,
    ...explainFailure(failure, await gatherFacts(identity)),
  });
}
