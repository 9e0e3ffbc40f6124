import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isElf, type ReadBytes, readElf } from '../../../helper/build/elf.js';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/errors.js';
import { makeElf } from './makeElf.js';

/** Reads from memory, and counts. */
function reader(bytes: Buffer): { read: ReadBytes; bytesRead: () => number } {
  let count = 0;
  return {
    read: async (offset, length) => {
      const part = bytes.subarray(offset, offset + length);
      count += part.length;
      return part;
    },
    bytesRead: () => count,
  };
}

const elf = (bytes: Buffer) => readElf(reader(bytes).read, '/bin/x');

const full = makeElf({
  interpreter: '/lib64/ld-linux-x86-64.so.2',
  needed: ['liba.so.1', 'libc.so.6'],
  runpath: '$ORIGIN/../lib',
  soname: 'libx.so.1',
  noDefaultFolders: true,
});

describe('an ELF file', () => {
  test('says what its loader reads', async () => {
    assert.deepEqual(await elf(full), {
      machine: 'x86-64',
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      needed: ['liba.so.1', 'libc.so.6'],
      runpath: '$ORIGIN/../lib',
      soname: 'libx.so.1',
      noDefaultFolders: true,
    });
    assert.deepEqual(await elf(makeElf({ machine: 183 })), { machine: 'aarch64', needed: [], noDefaultFolders: false });
  });

  test('with a RUNPATH has no RPATH', async () => {
    const both = await elf(makeElf({ rpath: '/a', runpath: '/b' }));
    assert.deepEqual('rpath' in both, false);
    const one = await elf(makeElf({ rpath: '/a' }));
    assert.equal('rpath' in one && one.rpath, '/a');
  });

  test('for another machine is told by name', async () => {
    const names: [number, RegExp][] = [
      [40, /ARM/],
      [243, /RISC-V/],
      [9999, /9999/],
    ];
    for (const [machine, what] of names) {
      const found = await elf(makeElf({ machine }));
      assert.ok(found.machine === 'other');
      assert.match(found.what, what);
    }
    const narrow = makeElf({ machine: 3 });
    narrow[4] = 1;
    assert.deepEqual(await elf(narrow), { machine: 'other', what: '32-bit x86' });
    const bigEndian = makeElf();
    bigEndian[5] = 2;
    assert.equal((await elf(bigEndian)).machine, 'other');
  });

  test('is told from what is none', () => {
    assert.ok(isElf(full));
    for (const text of ['', '\x7fEL', '#!/bin/sh', '\0\0\0\0']) assert.ok(!isElf(Buffer.from(text, 'latin1')), text);
  });
});

describe('a damaged ELF file', () => {
  /** Reads it; what is thrown must be a clear refusal, and little may be read for it. */
  async function read(bytes: Buffer): Promise<'read' | 'refused'> {
    const { read: source, bytesRead } = reader(bytes);
    try {
      await readElf(source, '/bin/x');
      return 'read';
    } catch (error) {
      assert.equal((error as TerrariumError).code, ErrorCode.BadInput, String(error));
      return 'refused';
    } finally {
      assert.ok(bytesRead() < 64 * 1024 * 1024, `${bytesRead()} bytes`);
    }
  }

  test('is refused wherever it is cut', async () => {
    for (let length = 0; length < full.length - 32; length++) {
      assert.equal(await read(full.subarray(0, length)), 'refused', `${length} bytes`);
    }
  });

  test('is refused when it has strings without an end, or in no segment', async () => {
    const endless = Buffer.concat([full, Buffer.alloc(8192, 'x')]);
    // The interpreter begins where the x are.
    endless.writeBigUInt64LE(BigInt(full.length), 64 + 2 * 56 + 8);
    endless.writeBigUInt64LE(8192n, 64 + 2 * 56 + 32);
    assert.equal(await read(endless), 'refused');
    const nowhere = Buffer.from(full);
    nowhere.writeBigUInt64LE(0x900000n, 64 + 16);
    assert.equal(await read(nowhere), 'refused');
  });

  test('never takes us beyond it, whichever bytes are wrong', async () => {
    // mulberry32: the same files every time.
    let state = 20_261_122;
    const random = (below: number) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
    const values = [0, 1, 2, 0x7f, 0x80, 0xff];
    const outcomes = new Set<string>();
    for (let round = 0; round < 4000; round++) {
      const bytes = Buffer.from(full);
      for (let change = 0; change <= random(4); change++) bytes[random(bytes.length)] = values[random(6)] ?? 0;
      outcomes.add(await read(bytes));
    }
    assert.deepEqual([...outcomes].sort(), ['read', 'refused']);
  });
});
