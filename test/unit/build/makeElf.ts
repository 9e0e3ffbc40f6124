/** ELF files made by hand, with nothing in them but what a loader reads. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';

export interface ElfContent {
  /** e_machine; default x86-64. */
  machine?: number;
  interpreter?: string;
  needed?: readonly string[];
  rpath?: string;
  runpath?: string;
  soname?: string;
  noDefaultFolders?: boolean;
}

/** elf(5): a header, three program headers, strings and a dynamic section, loaded at 0x400000. */
export function makeElf(content: ElfContent = {}): Buffer {
  const address = 0x400000n;
  const headers = 64 + 3 * 56;
  let strings = Buffer.from('\0');
  const add = (text: string): number => {
    const at = strings.length;
    strings = Buffer.concat([strings, Buffer.from(`${text}\0`)]);
    return at;
  };
  const entries: [bigint, bigint][] = [];
  for (const name of content.needed ?? []) entries.push([1n, BigInt(add(name))]);
  for (const [tag, text] of [
    [14n, content.soname],
    [15n, content.rpath],
    [29n, content.runpath],
  ] as const) {
    if (text !== undefined) entries.push([tag, BigInt(add(text))]);
  }
  if (content.noDefaultFolders) entries.push([0x6ffffffbn, 0x800n]);
  const interpreterAt = headers + (content.interpreter === undefined ? 0 : add(content.interpreter));
  const dynamicAt = Math.ceil((headers + strings.length) / 8) * 8;
  entries.push([5n, address + BigInt(headers)], [0n, 0n]);
  const file = Buffer.alloc(dynamicAt + entries.length * 16);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(content.machine ?? 62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(3, 56);
  const segment = (index: number, type: number, offset: number, size: number) => {
    const at = 64 + index * 56;
    file.writeUInt32LE(type, at);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(address + BigInt(offset), at + 16);
    file.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(0, 1, 0, file.length);
  segment(1, 2, dynamicAt, entries.length * 16);
  if (content.interpreter !== undefined) segment(2, 3, interpreterAt, content.interpreter.length + 1);
  strings.copy(file, headers);
  for (const [index, [tag, value]] of entries.entries()) {
    file.writeBigUInt64LE(tag, dynamicAt + index * 16);
    file.writeBigUInt64LE(value, dynamicAt + index * 16 + 8);
  }
  return file;
}

export type Tree = Record<string, Buffer | string | { link: string }>;

/** A folder that stands for a machine's `/`; every file in it may be executed. */
export function makeTree(t: TestContext, tree: Tree): string {
  const root = mkdtempSync(path.join(tmpdir(), 'build-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(tree)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, file);
    else writeFileSync(file, content, { mode: 0o755 });
  }
  return root;
}
