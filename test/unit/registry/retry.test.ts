import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode, terrariumError } from '../../../helper/protocol/errors.js';
import { parseRetryAfter, type RetryPolicy, retried, Transient } from '../../../helper/registry/retry.js';

const policy: RetryPolicy = { attempts: 4, firstDelayMilliseconds: 4, longestDelayMilliseconds: 50 };
const failure = terrariumError(ErrorCode.Unavailable, 'busy');
const never = new AbortController().signal;

/** Fails so often, and then succeeds. @returns how often it was tried, with the result. */
async function after(failures: number, wait?: number, progressAt: number[] = []): Promise<{ attempts: number }> {
  let attempts = 0;
  await retried(
    async (progress) => {
      if (progressAt.includes(attempts)) progress();
      if (attempts++ < failures) throw new Transient(failure, wait);
    },
    policy,
    never,
  );
  return { attempts };
}

test('what fails in passing is tried again, a few times', async () => {
  assert.deepEqual(await after(3), { attempts: 4 });
  await assert.rejects(after(4), { code: ErrorCode.Unavailable, message: 'busy' });
});

test('progress makes the count start again', async () => {
  assert.deepEqual(await after(6, undefined, [2, 4]), { attempts: 7 });
});

test('what fails for good is not', async () => {
  let attempts = 0;
  const work = retried(
    async () => {
      attempts++;
      throw failure;
    },
    policy,
    never,
  );
  await assert.rejects(work, failure);
  assert.equal(attempts, 1);
});

test('a wish to wait is honoured, unless it is too long', async () => {
  const start = performance.now();
  await after(2, 20);
  assert.ok(performance.now() - start >= 38, 'it waited twice');
  await assert.rejects(after(1, 51_000), (error: { data: { fix: string } }) => /51 seconds/.test(error.data.fix));
});

test('a cancel ends the waiting', async () => {
  const abort = new AbortController();
  const slow: RetryPolicy = { attempts: 9, firstDelayMilliseconds: 60_000, longestDelayMilliseconds: 60_000 };
  const work = retried(() => Promise.reject(new Transient(failure)), slow, abort.signal);
  setTimeout(() => abort.abort(), 10);
  await assert.rejects(work, { code: -32800 });
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(parseRetryAfter('120', now), 120_000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000);
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  for (const wrong of [undefined, 'soon', '-1e99', '99999999999999'])
    assert.equal(parseRetryAfter(wrong, now), undefined);
});
