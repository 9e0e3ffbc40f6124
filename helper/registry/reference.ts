import { ErrorCode, type TerrariumError, terrariumError } from '../protocol/errors.js';

/** Where an image lies: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`, with nothing left out. */
export interface Reference {
  /** Host and port, as written: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  registry: string;
  /** Without the registry: `library/debian`. */
  repository: string;
  tag?: string;
  digest?: string;
}

const defaultRegistry = 'docker.io';
const defaultTag = 'latest';

// The grammar of github.com/distribution/reference.
const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const registryGrammar = new RegExp(
  String.raw`^(?:${domainComponent}(?:\.${domainComponent})*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$`,
);
const pathComponent = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const repositoryGrammar = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagGrammar = /^\w[\w.-]{0,127}$/;
const digestGrammar = /^sha256:[0-9a-f]{64}$/;
const longestName = 255;

/**
 * Reads a reference with Docker's defaults: `debian` is `docker.io/library/debian:latest`. What comes before the first
 * slash is a registry when it has a dot, a port or capitals, or is `localhost`.
 * @throws TerrariumError Invalid, with what is wrong in words.
 */
export function parseReference(text: string): Reference {
  const scheme = /^[a-z][a-z+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw invalid(text, `leave out ${scheme}`);
  const [name = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw invalid(text, 'there is more than one @');
  if (digest !== undefined && !digestGrammar.test(digest)) {
    throw invalid(text, 'what follows the @ is not sha256: and 64 hexadecimal digits');
  }
  // A colon before the last slash belongs to a port.
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : name.slice(colon + 1);
  if (tag !== undefined && !tagGrammar.test(tag)) throw invalid(text, 'the tag is not of letters, digits, . _ and -');
  const { registry, repository } = withRegistry(colon === -1 ? name : name.slice(0, colon));
  if (!registryGrammar.test(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a host`);
  if (!repositoryGrammar.test(repository)) {
    throw invalid(text, 'a repository is of small letters and digits, with single . _ - / between them');
  }
  if (registry.length + 1 + repository.length > longestName) throw invalid(text, 'it is too long');
  if (digest === undefined) return { registry, repository, tag: tag ?? defaultTag };
  return { registry, repository, digest, ...(tag === undefined ? {} : { tag }) };
}

function withRegistry(name: string): Pick<Reference, 'registry' | 'repository'> {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const [registry, repository] = isHost ? [first, name.slice(slash + 1)] : [defaultRegistry, name];
  if (registry !== defaultRegistry && registry !== 'index.docker.io') return { registry, repository };
  // Docker Hub's own images have no owner.
  return { registry: defaultRegistry, repository: repository.includes('/') ? repository : `library/${repository}` };
}

/** The reference in full, as `parseReference` reads it again. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** What a manifest is asked for by: a digest says exactly which, whatever the tag. */
export function manifestKey({ tag, digest }: Reference): string {
  return digest ?? tag ?? defaultTag;
}

/** Host and port that answer for a registry: Docker Hub's are not where its name says. */
export function apiHost(registry: string): string {
  return registry === defaultRegistry ? 'registry-1.docker.io' : registry;
}

/**
 * Whether a host (without port) is this machine: what is sent there crosses no network. Names other than `localhost`
 * are not resolved: whoever answers for them could be anywhere by the next request.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function invalid(text: string, problem: string): TerrariumError {
  return terrariumError(ErrorCode.Invalid, `${JSON.stringify(text.slice(0, longestName))} names no image: ${problem}`, {
    fix: 'Use [HOST[:PORT]/]NAME[:TAG][@DIGEST], such as debian:12 or registry.example:5000/team/app.',
  });
}
