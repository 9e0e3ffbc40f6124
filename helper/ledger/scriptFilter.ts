import type { StepOf } from '../plan/step.js';

/** Numbers of seccomp(2): asm/unistd_64.h, asm-generic/unistd.h. The filter itself is of this architecture, too. */
const seccompCall = process.arch === 'arm64' ? 277 : 317;
const instructionBytes = 8;

/**
 * Lines that put the command which loads a seccomp filter into the array `load`, to be set before another command: perl
 * alone has, on most machines, a way to make any system call. Without perl the array is empty. seccomp(2)
 *
 * @param perl words of the shell that stand for it.
 */
export function filterLines({ filter, flags }: StepOf<'installSeccomp'>, perl: string): string[] {
  const count = filter.length / instructionBytes;
  const hex = Buffer.from(filter).toString('hex');
  return [
    `# The seccomp filter, ${count} instructions of BPF as a struct sock_fprog, loaded by seccomp(2).`,
    'load=()',
    'if command -v perl > /dev/null; then',
    `  load=(${perl} -e '`,
    `    my $filter = pack("H*", shift); my $program = pack("S x6 P", ${count}, $filter);`,
    `    syscall(${seccompCall}, 1, ${flags}, $program) == 0 or die "seccomp: $!\\n"; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n"`,
    `    ' ${hex})`,
    'else',
    "  echo 'The seccomp filter is left out: there is no perl to load it.' >&2",
    'fi',
  ];
}
