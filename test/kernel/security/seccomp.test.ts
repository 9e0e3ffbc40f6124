import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { ownArchitecture, systemCallNumbers } from '../../../helper/security/seccomp/architecture.js';
import { compileSeccomp } from '../../../helper/security/seccomp/compile.js';
import { defaultProfile } from '../../../helper/security/seccomp/profile.js';
import { memfdCreate } from '../../../native/bindings/memfd.js';
import { temporaryFolder } from '../bindings/temporary.js';

const { EPERM, ENOSYS } = constants.errno;
const filterDescriptor = 3;

/** Runs a program in a sandbox of bubblewrap's, which loads a filter of ours; without one: the positive control. */
function run(command: readonly string[], filter: Uint8Array | undefined) {
  const isolation = [
    '--unshare-user',
    '--unshare-pid',
    '--ro-bind',
    '/',
    '/',
    '--dev-bind',
    '/dev',
    '/dev',
    '--proc',
    '/proc',
  ];
  if (filter === undefined) {
    return spawnSync('bwrap', [...isolation, ...command], { encoding: 'utf8' });
  }
  const memory = memfdCreate('filter');
  writeSync(memory, filter);
  // A descriptor of its own: bubblewrap reads from the current position on.
  const fd = openSync(`/proc/self/fd/${memory}`, 'r');
  try {
    return spawnSync('bwrap', [...isolation, '--seccomp', String(filterDescriptor), ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', fd],
    });
  } finally {
    closeSync(fd);
    closeSync(memory);
  }
}

type Call = [name: string, ...args: number[]];

/** Errno of each call (0: it worked), made by a Node inside the sandbox. */
function attempt(calls: Record<string, Call>, filter: Uint8Array | undefined): Record<string, number> {
  const numbers = systemCallNumbers[ownArchitecture()];
  const list = Object.entries(calls).map(([label, [name, ...args]]) => [label, [numbers[name], ...args]]);
  const program = `
    const koffi = require(${JSON.stringify(createRequire(__filename).resolve('koffi'))});
    const syscall = koffi.load(null).func('syscall', 'long', Array(7).fill('long'));
    const result = {};
    for (const [label, args] of ${JSON.stringify(list)}) {
      const padded = [...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
      result[label] = syscall(...padded) === -1 ? koffi.errno() : 0;
    }
    console.log(JSON.stringify(result));`;
  const { stdout, stderr, status } = run([process.execPath, '-e', program], filter);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, number>;
}

const filter = compileSeccomp(defaultProfile()).filter;

const refused: Record<string, Call> = {
  'a user namespace': ['unshare', 0x10000000],
  // With CLONE_FS: an error of its own (EINVAL), so that the control makes no process.
  'a user namespace by clone': ['clone', 0x10000200],
  'the session keyring': ['keyctl', 0, -3, 1],
  'a new key': ['add_key', 0, 0, 0, 0, -3],
  AF_ALG: ['socket', 38, 5, 0],
  AF_VSOCK: ['socket', 40, 1, 0],
  'AF_VSOCK with high bits': ['socket', 2 ** 32 + 40, 1, 0],
  TIOCSTI: ['ioctl', 0, 0x5412, 0],
  'TIOCSTI with high bits': ['ioctl', 0, 2 ** 32 + 0x5412, 0],
  TIOCLINUX: ['ioctl', 0, 0x541c, 0],
  io_uring: ['io_uring_setup', 1, 0],
  setns: ['setns', -1, 0],
  'opening a tree': ['open_tree', -100, 0, 0],
};

test('refused calls answer EPERM, and something else without the filter', () => {
  const without = attempt(refused, undefined);
  const labels = Object.keys(refused);
  assert.deepEqual(
    labels.filter((label) => without[label] === EPERM),
    [],
    'the control',
  );
  assert.deepEqual(attempt(refused, filter), Object.fromEntries(labels.map((label) => [label, EPERM])));
});

test('clone3 and unknown calls answer ENOSYS, so that programs fall back', () => {
  const calls: Record<string, Call> = { clone3: ['clone3', 0, 0], personality: ['personality', 0x0400000] };
  assert.notEqual(attempt(calls, undefined).clone3, ENOSYS);
  assert.deepEqual(attempt(calls, filter), { clone3: ENOSYS, personality: ENOSYS });
});

test('ordinary programs run as ever', () => {
  const script =
    'set -e; (sleep 0 & wait); echo $((6 * 7)) | cat; ls / >/dev/null; mktemp -u >/dev/null; head -c 8 /dev/urandom | wc -c';
  const { stdout, stderr, status } = run(['sh', '-c', script], filter);
  assert.deepEqual([stderr, stdout, status], ['', '42\n8\n', 0]);
  const seen = run(['grep', '-E', '^Seccomp:', '/proc/self/status'], filter);
  assert.equal(seen.stdout, 'Seccomp:\t2\n');
  assert.equal(run(['grep', '-E', '^Seccomp:', '/proc/self/status'], undefined).stdout, 'Seccomp:\t0\n');
});

test('threads and child processes work: Node inside Node', () => {
  const program = `
    const { Worker } = require('node:worker_threads');
    const { execFileSync } = require('node:child_process');
    new Worker('1', { eval: true }).once('exit', () => console.log(execFileSync('echo', ['done']).toString()));`;
  const { stdout, stderr } = run([process.execPath, '-e', program], filter);
  assert.equal(stdout.trim(), 'done', stderr);
});

test('32-bit system calls end the process', (t) => {
  if (process.arch !== 'x64') {
    t.skip('a 64-bit program can make 32-bit calls on x86-64 only');
    return;
  }
  const folder = temporaryFolder(t);
  const program = path.join(folder.path, 'exit42');
  writeFileSync(program, programThatExitsBy32BitCall(42));
  chmodSync(program, 0o755);
  const control = run([program], undefined);
  if (control.status !== 42) {
    t.skip(`this kernel has no 32-bit system calls (status ${control.status}, signal ${control.signal})`);
    return;
  }
  // bubblewrap reports a death by signal as 128 + its number.
  assert.equal(run([program], filter).status, 128 + constants.signals.SIGSYS);
});

/** A static x86-64 ELF file with one segment: mov eax, 1 (exit in i386); mov ebx, status; int 0x80. */
function programThatExitsBy32BitCall(status: number): Buffer {
  const [headers, address] = [64 + 56, 0x400000];
  const code = Buffer.from([0xb8, 1, 0, 0, 0, 0xbb, status, 0, 0, 0, 0xcd, 0x80]);
  const elf = Buffer.alloc(headers);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  elf.writeUInt16LE(2, 16); // ET_EXEC
  elf.writeUInt16LE(62, 18); // EM_X86_64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(address + headers), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // PT_LOAD
  elf.writeUInt32LE(5, 68); // readable, executable
  elf.writeBigUInt64LE(BigInt(address), 80);
  elf.writeBigUInt64LE(BigInt(address), 88);
  elf.writeBigUInt64LE(BigInt(headers + code.length), 96);
  elf.writeBigUInt64LE(BigInt(headers + code.length), 104);
  elf.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([elf, code]);
}
