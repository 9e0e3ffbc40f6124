/** What is said about a field or a word of a seccomp profile under the pointer, as Markdown. Pure. */
import type { JSONSchema } from 'vscode-json-languageservice';
import { at, callText, profileSchema } from './completion.js';
import { patternOf, type Written } from './document.js';
import { seccompActions } from './vocabulary.js';

let grammar: JSONSchema | undefined;

/** For what is written at a place of a file with a profile; undefined: nothing to say. */
export function profileHover({ path, value }: Written): string | undefined {
  const field = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path;
  const meaning = typeof value === 'string' ? profileWord(patternOf(path), value) : undefined;
  grammar ??= profileSchema();
  const lines = [descriptionIn(grammar, field), meaning].filter((line) => line !== undefined);
  return lines.length === 0 ? undefined : lines.join('\n\n');
}

function descriptionIn(schema: JSONSchema, path: Written['path']): string | undefined {
  try {
    return at(schema, ...path.map((part) => (typeof part === 'number' ? '[]' : part))).description;
  } catch {
    // A field that the grammar does not have: a diagnostic says so.
    return undefined;
  }
}

/** What a word means at a place of a profile, whose pattern is from the profile on. */
export function profileWord(pattern: string, word: string): string | undefined {
  switch (pattern) {
    case 'defaultAction':
    case 'syscalls[].action':
      return Object.hasOwn(seccompActions, word) ? seccompActions[word] : undefined;
    case 'syscalls[].names[]':
    case 'syscalls[].name':
      return callMeaning(word);
    default:
      return undefined;
  }
}

/** Its numbers, and where its manual is. */
export function callMeaning(name: string): string {
  const isName = /^[a-z0-9_]+$/.test(name);
  const manual = `https://man7.org/linux/man-pages/man2/${name}.2.html`;
  return isName ? `${callText(name)} · [${name}(2)](${manual})` : callText(name);
}
