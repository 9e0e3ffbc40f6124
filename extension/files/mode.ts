import type { FileKind } from '../../helper/protocol/index.js';

/** A mode in octal, as chmod(1) takes it: `644`, `4755`. */
export function octalText(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

/** Bits that a symbolic mode without `u`, `g`, `o` or `a` leaves alone: chmod(1) takes them from the umask. */
const umask = 0o022;

/**
 * The mode that `text` makes of `current`: octal, or symbolic as for chmod(1), such as `u+x,go-w`. Undefined when it
 * is neither.
 */
export function changedMode(text: string, current: { kind: FileKind; mode: number }): number | undefined {
  const trimmed = text.trim();
  if (/^[0-7]{1,4}$/.test(trimmed)) {
    return Number.parseInt(trimmed, 8);
  }
  let mode: number | undefined = current.mode;
  for (const clause of trimmed.split(',')) {
    mode = mode === undefined ? undefined : applyClause(clause, { kind: current.kind, mode });
  }
  return mode;
}

function applyClause(clause: string, current: { kind: FileKind; mode: number }): number | undefined {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (!match) {
    return undefined;
  }
  const [, who = '', actions = ''] = match;
  let { mode } = current;
  for (const [, operator, what = ''] of actions.matchAll(/([-+=])([rwxXst]+|[ugo])?/g)) {
    const field = fieldOf(who);
    const bits = wantedBits(what, { ...current, mode }) & field & (who === '' ? ~umask : 0o7777);
    if (operator === '+') {
      mode |= bits;
    } else if (operator === '-') {
      mode &= ~bits;
    } else {
      // Of a folder, `=` leaves setuid and setgid as they are unless they are named.
      const kept = current.kind === 'directory' && !what.includes('s') ? 0o6000 : 0;
      mode = (mode & (~field | kept)) | bits;
    }
  }
  return mode;
}

/** All bits that the letters of `who` are about. */
function fieldOf(who: string): number {
  if (who === '' || who.includes('a')) {
    return 0o7777;
  }
  return (who.includes('u') ? 0o4700 : 0) | (who.includes('g') ? 0o2070 : 0) | (who.includes('o') ? 0o1007 : 0);
}

function wantedBits(what: string, current: { kind: FileKind; mode: number }): number {
  const copied = { u: 6, g: 3, o: 0 }[what];
  if (copied !== undefined) {
    return ((current.mode >> copied) & 0o7) * 0o111;
  }
  const conditional = current.kind === 'directory' || (current.mode & 0o111) !== 0 ? 0o111 : 0;
  return (
    (what.includes('r') ? 0o444 : 0) |
    (what.includes('w') ? 0o222 : 0) |
    (what.includes('x') ? 0o111 : 0) |
    (what.includes('X') ? conditional : 0) |
    (what.includes('s') ? 0o6000 : 0) |
    (what.includes('t') ? 0o1000 : 0)
  );
}

/** What is wrong with a mode that is being typed, in a sentence, or nothing. */
export function modeProblem(text: string): string | undefined {
  if (text.trim() === '') {
    return 'Octal such as 644, or symbolic such as u+x,go-w.';
  }
  if (/^[0-9]+$/.test(text.trim()) && !/^[0-7]{1,4}$/.test(text.trim())) {
    return 'Octal modes have up to four digits from 0 to 7.';
  }
  return changedMode(text, { kind: 'file', mode: 0 }) === undefined
    ? 'Neither octal such as 644 nor symbolic such as u+x,go-w.'
    : undefined;
}

/**
 * What is wrong with an owner that is being typed, in a sentence, or nothing: `user`, `user:group`, `:group`, names or
 * numbers, as for chown(1). Whether the container has them, the helper knows.
 */
export function ownerProblem(text: string): string | undefined {
  const match = /^([^:]*)(?::([^:]*))?$/.exec(text.trim());
  const [, user = '', group] = match ?? [];
  if (!match || (user === '' && (group ?? '') === '')) {
    return 'A user, user:group or :group; names of the container, or numbers.';
  }
  for (const word of [user, group ?? '']) {
    if (/^\d+$/.test(word) && Number(word) > 4294967294) {
      return `${word} is larger than any id.`;
    }
    if (!/^([A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?$/.test(word)) {
      return `${JSON.stringify(word)} is neither a name nor a number.`;
    }
  }
  return undefined;
}
