/** A line that was found. Lines and columns count from zero. */
export interface Hit {
  line: number;
  column: number;
  length: number;
  text: string;
}

/**
 * What is searched for: `/…/` is a regular expression, anything else is taken as it is typed. Without capital letters
 * neither distinguishes case. Throws SyntaxError for an expression that is none.
 */
export function searchPattern(query: string): RegExp {
  const expression = /^\/(.+)\/$/.exec(query)?.[1];
  const source = expression ?? query.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(source, /\p{Lu}/u.test(query) ? 'u' : 'iu');
}

/** A longer line was made by a program, not written: nobody reads it in a list. */
const longestLine = 2000;
/** Of one file; whoever wants more opens it. */
const mostHitsPerFile = 20;

/** The lines of a text in which the pattern is found. */
export function hitsIn(text: string, pattern: RegExp): Hit[] {
  const hits: Hit[] = [];
  const lines = text.split('\n');
  for (let line = 0; line < lines.length && hits.length < mostHitsPerFile; line++) {
    const content = lines[line] ?? '';
    const match = content.length > longestLine ? null : pattern.exec(content);
    if (match && match[0] !== '') {
      hits.push({ line, column: match.index, length: match[0].length, text: content });
    }
  }
  return hits;
}
