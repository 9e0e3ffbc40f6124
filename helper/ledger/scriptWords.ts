/** Words of the scripts that people run: quoted, and with the container's own folders replaced by the script's. */

/** The folder of the container itself, with `upper` and the like below it, becomes the script's own. */
const ownFolder = /[^=:,]*\/containers\/[0-9a-f]{12}(?=\/(?:rootfs|upper|work|scratch|empty)\b|$)/g;

export function isOurs(path: string): boolean {
  return new RegExp(ownFolder).test(path);
}

/** Quotes text in which our folders are replaced by `$dir`. */
export function ours(text: string): string {
  return `"${text.replace(/[\\"$`]/g, '\\$&').replace(ownFolder, '$dir')}"`;
}

/** What a terminal or a reader's eye obeys: control characters, marks that turn the direction of text, line separators. */
const obeyed = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One shell word, whatever is in it; what is obeyed by its bytes, so that a script can be shown on a terminal. */
export function quote(word: string): string {
  if (new RegExp(obeyed).test(word)) {
    // By its bytes: what \u means depends on the locale.
    const bytes = (c: string) => [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    return `$'${word.replace(/[\\']/g, '\\$&').replace(obeyed, bytes)}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
