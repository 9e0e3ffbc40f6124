/**
 * What to execute for a line that a person typed. A line of nothing but plain words is executed as it is, so that it
 * works in a root with no shell; anything that needs a shell (quotes, pipes, variables, globs) is given to `sh -c`.
 */
export function commandLine(line: string): string[] {
  const trimmed = line.trim();
  if (trimmed === '') {
    return [];
  }
  return /^[\w@%+=:,./ \t-]+$/.test(trimmed) && !/^\w+=/.test(trimmed)
    ? trimmed.split(/[ \t]+/)
    : ['/bin/sh', '-c', trimmed];
}

/** A command as it would be typed, for showing: words that need quotes get them. */
export function shownCommand(args: readonly string[]): string {
  return args.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
