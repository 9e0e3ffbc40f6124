// Writes helper/security/seccomp/syscalls.json: the numbers of system calls by name, per architecture, from the kernel's
// own headers as the compilers see them. Needs gcc and aarch64-linux-gnu-gcc: `apt install gcc-aarch64-linux-gnu`.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';

const compilers = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' };

// What kernels have that are newer than the headers of the machine this runs on: since 5.1 every architecture gives a
// new system call the same number (scripts/syscall.tbl of the kernel). 335 and 336 are x86-64's own.
const newer = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};
const newerOnX64 = { uretprobe: 335, uprobe: 336 };

function fromHeaders(compiler) {
  const macros = new Map(
    execFileSync(compiler, ['-E', '-dM', '-x', 'c', '-'], { input: '#include <asm/unistd.h>\n', encoding: 'utf8' })
      .split('\n')
      .map((line) => /^#define (\w+) (\w+)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, value]) => [name, value]),
  );
  const numberOf = (value) => (macros.has(value) ? numberOf(macros.get(value)) : Number(value));
  return [...macros.keys()]
    .filter((name) => name.startsWith('__NR_') && !['__NR_syscalls', '__NR_arch_specific_syscall'].includes(name))
    .map((name) => [name.slice('__NR_'.length), numberOf(name)]);
}

const tables = {};
for (const [architecture, compiler] of Object.entries(compilers)) {
  const known = fromHeaders(compiler);
  const names = new Set(known.map(([name]) => name));
  const added = Object.entries({ ...newer, ...(architecture === 'x64' ? newerOnX64 : {}) });
  const all = [...known, ...added.filter(([name]) => !names.has(name))].sort(([, one], [, other]) => one - other);
  const numbers = all.map(([, number]) => number);
  if (numbers.some((number) => !Number.isInteger(number)) || new Set(numbers).size !== numbers.length) {
    throw new Error(`${compiler}: the headers give a number twice, or something that is none`);
  }
  tables[architecture] = Object.fromEntries(all);
}
const file = path.join(import.meta.dirname, '../helper/security/seccomp/syscalls.json');
writeFileSync(file, `${JSON.stringify(tables, undefined, 2)}\n`);
