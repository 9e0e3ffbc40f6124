/** Attacks from inside, written in Perl: every Debian has it, and it makes any system call. */

/** Numbers of linux/unistd.h. */
const numbers = {
  x64: {
    socket: 41,
    ioctl: 16,
    unshare: 272,
    prctl: 157,
    ptrace: 101,
    processVmRead: 310,
    setgroups: 116,
    renameat2: 316,
  },
  arm64: {
    socket: 198,
    ioctl: 29,
    unshare: 97,
    prctl: 167,
    ptrace: 117,
    processVmRead: 270,
    setgroups: 159,
    renameat2: 276,
  },
} as const;

/** The number of a system call on this machine. */
export function systemCall(name: keyof (typeof numbers)['x64']): number {
  return process.arch === 'arm64' ? numbers.arm64[name] : numbers.x64[name];
}

/** Arguments that run a script; `arguments` become its @ARGV. */
export const perl = (script: string, ...args: string[]): string[] => [
  '/usr/bin/perl',
  '-e',
  `use strict; use warnings; no warnings 'once'; $| = 1;\n${script}`,
  ...args,
];

/**
 * Perl for `attempt(NAME, call…)`: makes a system call and prints `NAME ok` or `NAME ERRNO`, the number as in errno.h.
 */
export const attempt = `sub attempt { my ($name, $number, @call) = @_; $! = 0; my $result = syscall($number, @call);
  print "$name ", ($result < 0 ? $!+0 : 'ok'), "\\n"; return $result; }\n`;

/** Lines `NAME RESULT` as a map. */
export const results = (output: string): Map<string, string> =>
  new Map(
    output
      .trim()
      .split('\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );
