import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { zygoteFailure } from '../../../helper/doctor/zygoteFailure.js';
import { ErrorCode } from '../../../helper/protocol/index.js';
import { ZygoteError } from '../../../helper/zygote/launch.js';

const identity = { mapping: 'range' as const, uidMappings: [], gidMappings: [], explanation: '' };

// The stage reports the number; names may come from Node.
for (const errno of ['ENOSPC', String(constants.errno.ENOSPC)]) {
  test(`a zygote refused with ${errno} is no full disk`, async () => {
    const error = await zygoteFailure(new ZygoteError('unshare', errno, 'No space left on device'), identity);
    assert.equal(error.code, ErrorCode.Unavailable);
    assert.equal(error.data?.errno, 'ENOSPC');
    assert.match(error.data?.cause ?? '', /not about disk space/);
    assert.ok((error.data?.command ?? '').length > 0);
  });
}
