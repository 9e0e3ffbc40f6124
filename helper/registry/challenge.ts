/** One challenge of a `WWW-Authenticate` header: RFC 9110, 11.6.1. */
export interface Challenge {
  /** In small letters: `bearer`, `basic`. */
  scheme: string;
  /** By names in small letters. */
  parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(String.raw`(${token})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(${token}))\s*(?:,[\s,]*|$)`, 'y');
/** A scheme with nothing, a token68 that is passed over, or parameters after it. */
const start = new RegExp(String.raw`(${token})(?:\s*(?:,[\s,]*|$)|\s+(?:[0-9A-Za-z._~+/-]+=*\s*(?:,[\s,]*|$))?)`, 'y');

/** Reads the challenges of a header's values. What follows something malformed is left out: it is the server's word. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const values = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return values.flatMap(parseValue);
}

function parseValue(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = /^[\s,]*/.exec(text)?.[0].length ?? 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  while (at < text.length) {
    const [, scheme] = match(start) ?? [];
    if (scheme === undefined) return challenges;
    const parameters = new Map<string, string>();
    for (let found = match(parameter); found !== null; found = match(parameter)) {
      const [, name = '', quoted, plain] = found;
      // The first counts: a second one of the same name is an error of the server, or an attempt.
      if (!parameters.has(name.toLowerCase())) {
        parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/gs, '$1') ?? plain ?? '');
      }
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
