/** What the first line of a script says, as the kernel (execve(2), binfmt_script) and env(1) read it. */
export interface Script {
  /** Path after `#!`. */
  interpreter: string;
  /** Name or path of the program that env looks for, when the interpreter is env. */
  program?: string;
}

/** BINPRM_BUF_SIZE: what the kernel looks at. */
export const longestFirstLine = 256;

/** @param head first bytes of a file. @returns undefined when it is no script. */
export function parseScript(head: Buffer): Script | undefined {
  if (head.toString('latin1', 0, 2) !== '#!') return undefined;
  const [line = ''] = head.toString('utf8', 2, longestFirstLine).split('\n');
  const match = /^[ \t]*([^ \t\0]+)[ \t]*(.*?)[ \t]*$/.exec(line.replace(/\0.*$/s, ''));
  const interpreter = match?.[1];
  if (interpreter === undefined) return undefined;
  const program = /(?:^|\/)env$/.test(interpreter) ? programOfEnv(match?.[2] ?? '') : undefined;
  return { interpreter, ...(program === undefined ? {} : { program }) };
}

/**
 * The kernel hands on everything after the interpreter as one argument: only with `-S` does env take it apart. Options
 * and variables before the program's name are passed over.
 */
function programOfEnv(argument: string): string | undefined {
  const split = /^(?:-[iv]*S|--split-string[= ])\s*(.*)$/.exec(argument);
  if (split === null) return argument === '' || argument.startsWith('-') ? undefined : argument;
  const words = (split[1] ?? '').split(/[ \t]+/);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '-u' || word === '-C') at++;
    else if (word !== '' && !word.startsWith('-') && !word.includes('=')) return word;
  }
  return undefined;
}
