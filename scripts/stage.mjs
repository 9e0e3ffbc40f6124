// Builds the stage: its generated header, then the static program for this machine's architecture, and for arm64
// too where Debian's cross compiler is installed. --all makes a missing cross compiler an error (packaging needs it).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const all = process.argv.includes('--all');
const debianName = { x64: 'x86-64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const crossCompiler = { x64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' };

function fail(message) {
  console.error(`stage: ${message}`);
  process.exit(1);
}

/** Whether a program is on PATH. */
const onPath = (program) =>
  (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(path.join(folder, program)));

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) fail(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

if (process.platform !== 'linux') fail('Terrarium is made of Linux kernel primitives and builds on Linux only.');
const missing = ['make', 'gcc'].filter((program) => !onPath(program));
if (missing.length > 0)
  fail(
    `${missing.join(' and ')} not found. The stage is a small C program. On Debian and Ubuntu:\n` +
      '  sudo apt-get install -y gcc make libc6-dev\non Fedora:\n  sudo dnf install -y gcc make glibc-static',
  );

run(process.execPath, ['scripts/generate.mjs']);
for (const arch of ['x64', 'arm64']) {
  const own = arch === process.arch;
  if (!own && !onPath(crossCompiler[arch])) {
    const hint = `no ${crossCompiler[arch]}: the stage for linux-${arch} is left out (apt-get install gcc-${debianName[arch]})`;
    if (all) fail(hint);
    console.error(`stage: ${hint}`);
    continue;
  }
  run('make', ['--silent', `-j${availableParallelism()}`, '-C', 'native/stage', `ARCH=${arch}`]);
}
