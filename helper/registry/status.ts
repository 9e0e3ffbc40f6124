import { z } from 'zod';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { unauthorized, unavailable } from './failure.js';
import { parseRetryAfter, Transient } from './retry.js';
import { discard, type HttpResponse, headerOf, type Transport } from './transport.js';

/** distribution-spec, "Error Codes". */
const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })).min(1),
});
const largestExplanation = 64 * 1024;
const longestShown = 300;

export interface StatusContext {
  transport: Transport;
  signal: AbortSignal;
  /** What was asked for, to say that it is not there: `docker.io/library/debian:12`. */
  subject?: string;
  /** What was found out on the way to credentials, in sentences. */
  problems?: readonly string[];
  /** The answer comes from where a redirect of the registry led. */
  isElsewhere?: boolean;
}

/**
 * Passes an answer of an expected status. Of any other the body is read, for what it says.
 * @throws Transient, or TerrariumError: Unauthorized, NotFound, Unavailable.
 */
export async function checkStatus(
  response: HttpResponse,
  expected: readonly number[],
  context: StatusContext,
): Promise<void> {
  const { status, url } = response;
  if (expected.includes(status)) return;
  const said = await explanation(response, context);
  const failure = unavailable(`${url.host} answered with status ${status}`, said ?? 'It does not say why.');
  if (status === 429 || status === 408 || status >= 500) {
    throw new Transient(failure, parseRetryAfter(headerOf(response, 'retry-after')));
  }
  // Who refuses there knows no account of ours.
  if (context.isElsewhere) throw failure;
  const subject = context.subject ?? 'what was asked for';
  if (status === 401 || status === 403) {
    const cause = said ?? 'It is not there, or not for everybody: registries do not say which.';
    throw unauthorized(`${url.host} gives no access to ${subject}`, cause, context.problems);
  }
  if (status === 404) {
    throw terrariumError(ErrorCode.NotFound, `${url.host} does not have ${subject}`, {
      ...(said === undefined ? {} : { cause: said }),
      fix: 'Check the name and the tag.',
    });
  }
  throw failure;
}

/** The registry's own words: untrusted, and as long as it likes. */
async function explanation(response: HttpResponse, { transport, signal }: StatusContext): Promise<string | undefined> {
  if (!/json/.test(headerOf(response, 'content-type') ?? '')) {
    await discard(response);
    return undefined;
  }
  const body = await transport.read(response, largestExplanation, signal);
  if (body === undefined) return undefined;
  try {
    const { errors } = errorsSchema.parse(JSON.parse(body.toString('utf8')));
    const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(': '));
    return words.join('; ').replace(/\s+/g, ' ').slice(0, longestShown) || undefined;
  } catch {
    // It is not obliged to explain itself in this form.
    return undefined;
  }
}
