import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';

export type ParsedText =
  | { ok: true; value: unknown }
  /** `offset` and `length` in UTF-16 units say where in the text it went wrong. */
  | { ok: false; message: string; offset: number; length: number };

/** Reads JSON with comments and trailing commas, as the editor's own files have it; the first error counts. */
export function parseText(text: string): ParsedText {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true, disallowComments: false });
  const [first] = errors;
  if (first === undefined) return { ok: true, value };
  const words = printParseErrorCode(first.error).replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return { ok: false, message: words, offset: first.offset, length: first.length };
}
