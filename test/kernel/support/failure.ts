import assert from 'node:assert/strict';
import type { ErrorCode, ErrorData, TerrariumError } from '../../../helper/protocol/index.js';

export interface ExpectedFailure {
  code: ErrorCode;
  message: RegExp;
  /** What the remedy has to speak of. */
  fix?: RegExp;
  cause?: RegExp;
  data?: Partial<ErrorData>;
}

/** The work fails with one clear message that says what to do about it. */
export async function fails(work: Promise<unknown>, expected: ExpectedFailure): Promise<TerrariumError> {
  const error = await work.then(
    (result) => assert.fail(`It succeeded: ${JSON.stringify(result)}`),
    (reason: TerrariumError) => reason,
  );
  const { code, message, data = {} } = error;
  const said = `${code} ${message} ${JSON.stringify(data)}`;
  assert.equal(code, expected.code, said);
  assert.match(message, expected.message, said);
  assert.ok(!message.includes('\n'), `one line: ${said}`);
  if (expected.fix !== undefined) assert.match(data.fix ?? '', expected.fix, said);
  if (expected.cause !== undefined) assert.match(data.cause ?? '', expected.cause, said);
  for (const [key, value] of Object.entries(expected.data ?? {})) {
    assert.deepEqual(data[key as keyof ErrorData], value, `${key}: ${said}`);
  }
  return error;
}
