/** The last line that a program printed, for a sentence. */
export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

/** An errno as a program's message has it: "Permission denied" and the like. */
export function errnoIn(output: string): string | undefined {
  return messages.find(([text]) => output.includes(text))?.[1];
}

/** Source: strerror(3) of glibc and musl, where both agree. */
const messages: readonly [string, string][] = [
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
  ['No such file or directory', 'ENOENT'],
  ['No such device', 'ENODEV'],
  ['Invalid argument', 'EINVAL'],
  ['No space left on device', 'ENOSPC'],
];
