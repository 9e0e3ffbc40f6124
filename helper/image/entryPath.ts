import { badInput, shown } from './failure.js';
import { whiteoutPrefix } from './whiteouts.js';

/**
 * A path as a string with one character (U+0000–U+00FF) per byte: file names need not be UTF-8, and such strings
 * can be keys. Convert with `toBytes` before the kernel sees it.
 */
export type ByteString = string;

export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** NAME_MAX and PATH_MAX (with its NUL) of limits.h. */
const longestName = 255;
const longestPath = 4095;

/**
 * Splits the name of an entry, or the target of a hard link, into components below the root; none means the root.
 * A leading slash is dropped, as every tar does.
 * @throws TerrariumError BadInput for names that lead out (`..`) or that no file can have.
 */
export function entryComponents(path: Buffer): ByteString[] {
  if (path.length === 0) {
    throw refused('an entry without a name', path);
  }
  if (path.includes(0)) {
    throw refused('a name with a NUL byte', path);
  }
  if (path.length > longestPath) {
    throw refused(`a name longer than ${longestPath} bytes`, path);
  }
  const components = path
    .toString('latin1')
    .split('/')
    .filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) {
    throw refused('a name that leads out of the root', path);
  }
  if (components.some((component, at) => nameLength(component, at === components.length - 1) > longestName)) {
    throw refused(`a name with a part longer than ${longestName} bytes`, path);
  }
  return components;
}

/** Bytes a file system must take: of a whiteout only what it hides is ever a name. */
function nameLength(component: ByteString, last: boolean): number {
  return component.length - (last && component.startsWith(whiteoutPrefix) ? whiteoutPrefix.length : 0);
}

function refused(what: string, path: Buffer) {
  return badInput(`The archive was refused: it holds ${what}: ${shown(path)}`);
}
