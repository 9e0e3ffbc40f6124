/**
 * Names, commands and messages come from images, containers and files: each place in the editor that gives some
 * characters a meaning gets them without it. All functions are pure and total.
 */

// Controls, line and paragraph separators, and whatever is drawn as nothing: marks and overrides of writing direction,
// joiners, variation selectors, tags.
const unprintable = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]+/gu;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * One line of visible text for labels, titles and accessible names: controls and line breaks become one space,
 * direction marks and invisible characters go, and beyond `limit` characters it is cut with an ellipsis.
 */
export function plainText(text: string, limit = 200): string {
  const visible = text
    .replace(loneSurrogate, '\ufffd')
    .replace(unprintable, (run) => (/\p{Cc}|[\u2028\u2029]/u.test(run) ? ' ' : ''))
    .trim();
  const characters = Array.from(visible);
  return characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : visible;
}

/** For places that draw `$(name)` as an icon: quick picks, the status bar. There it is shown as it is written. */
export function iconSafeText(text: string, limit?: number): string {
  return plainText(text, limit).replace(/\$(?=\([a-z0-9~-]+\))/gi, '\\$');
}

/** For notifications, dialogs and a view's message, which turn `[text](target)` into a link that may run a command. */
export function messageText(text: string, limit = 600): string {
  return plainText(text, limit).replace(/\](?=\()/g, '] ');
}

/** For terminal names, drawn with icons but without a way to escape them. */
export function terminalText(text: string, limit = 60): string {
  return plainText(text, limit).replace(/\$(?=\()/g, '$ ');
}

/** Several lines for a tooltip given as a plain string; each line is made visible on its own, empty ones are left out. */
export function tooltipText(lines: readonly (string | undefined)[]): string {
  return lines
    .filter((line): line is string => line !== undefined && line !== '')
    .map((line) => plainText(line, 400))
    .join('\n');
}

/**
 * Output of a process as text for a document: terminal control sequences and other controls go, line breaks and
 * tabs stay. A carriage return without a line feed overwrites in a terminal; here it ends the line.
 */
export function documentText(output: string): string {
  return (
    output
      // OSC, DCS, SOS, PM, APC up to their terminator; then CSI; then other escapes.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences are made of them
      .replace(/\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
      .replace(/(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
      .replace(/\x1b[ -/]*[0-~]?/g, '')
      .replace(/\r\n|\r/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
      .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '')
      .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
  );
}

/** What an editor or a reader's eye obeys: control characters, marks that turn the direction of text, line separators. */
const obeyed = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One line of text that is to be seen exactly: what would be obeyed stands there as `\x1b`, `\n`, `\u202e`. */
export function escapedText(text: string): string {
  const names: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  return text.replace(obeyed, (character) => {
    const digits = character.charCodeAt(0).toString(16);
    return names[character] ?? (digits.length <= 2 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`);
  });
}

/** JSON to read: `JSON.stringify` leaves DEL, the C1 controls and marks of direction as they are. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(obeyed, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** For Markdown, in tables too: code, of which nothing is drawn as anything but what it is. Empty text stays empty. */
export function codeSpan(text: string): string {
  const visible = escapedText(text).trim();
  if (visible === '') return '';
  const longest = Math.max(0, ...(visible.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const padding = visible.startsWith('`') || visible.endsWith('`') ? ' ' : '';
  return `${fence}${padding}${visible.replaceAll('|', '\\|')}${padding}${fence}`;
}
