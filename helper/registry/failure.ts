import { ErrorCode, type TerrariumError, terrariumError } from '../protocol/errors.js';
import { Transient } from './retry.js';

/** A registry that cannot be reached, or does not do what it should. */
export function unavailable(message: string, cause: string, fix?: string): TerrariumError {
  return terrariumError(ErrorCode.Unavailable, message, { cause, ...(fix === undefined ? {} : { fix }) });
}

/** @param problems of credentials that were looked for and could not be read, in sentences. */
export function unauthorized(message: string, cause: string, problems: readonly string[] = []): TerrariumError {
  return terrariumError(ErrorCode.Unauthorized, message, {
    cause: [cause, ...problems].join(' '),
    fix: 'Check the name, and give user name and password or token of an account that may use it.',
  });
}

/** Network failures that are often over a moment later. */
const passing = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETDOWN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

const remedies: readonly { codes: RegExp; cause: string; fix: string }[] = [
  { codes: /^ENOTFOUND$/, cause: 'There is no such host.', fix: 'Check the name of the registry.' },
  { codes: /^EAI_AGAIN$/, cause: 'Its name cannot be looked up now.', fix: 'Check the network of this machine.' },
  { codes: /^ECONNREFUSED$/, cause: 'Nothing listens there.', fix: 'Check host and port, and that it runs.' },
  {
    codes: /TIMEOUT|^ETIMEDOUT$/,
    cause: 'It does not answer in time.',
    fix: 'Check the network; behind a proxy set HTTPS_PROXY.',
  },
  {
    codes: /^(EHOSTUNREACH|ENETUNREACH|ENETDOWN)$/,
    cause: 'There is no way to it.',
    fix: 'Check the network of this machine.',
  },
  {
    codes: /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ISSUER/,
    cause: 'Its certificate cannot be verified.',
    fix: 'Put the certificate of its authority in a file (PEM) and set SSL_CERT_FILE or NODE_EXTRA_CA_CERTS to its path.',
  },
  {
    codes: /^EPROTO$|^ERR_SSL_/,
    cause: 'It does not speak TLS there.',
    fix: 'If it is meant to be used without encryption, say that it is insecure.',
  },
];

/** The code of a network error, which libraries wrap. */
export function networkCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    // What happens on each address of a host comes as one error.
    if (at instanceof AggregateError) return networkCode(at.errors[0]);
  }
  return undefined;
}

/** What an error of the network is answered with: `Transient` when it may pass. Everything else passes unchanged. */
export function networkFailure(error: unknown, host: string): unknown {
  const code = networkCode(error);
  if (code === undefined || !(error instanceof Error)) return error;
  const remedy = remedies.find(({ codes }) => codes.test(code));
  const failure = terrariumError(ErrorCode.Unavailable, `Cannot talk to ${host}: ${error.message || code}`, {
    errno: code,
    ...(remedy === undefined ? { fix: 'Check the network, and try again.' } : { cause: remedy.cause, fix: remedy.fix }),
  });
  return passing.has(code) ? new Transient(failure) : failure;
}
