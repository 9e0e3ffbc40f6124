import { basename } from 'node:path';
import { ErrorCode, terrariumError } from '../protocol/errors.js';

const longest = 255;

// image-spec annotations.md gives org.opencontainers.image.ref.name this grammar; other tools refuse anything else.
const component = '[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*';
const grammar = new RegExp(`^${component}(?:/${component})*$`);

/**
 * Checks the name of an image: `debian`, `debian:12`, `registry.example/team/app:1.0`.
 * @returns the name, unchanged.
 * @throws TerrariumError Invalid, with what is wrong in words.
 */
export function checkImageName(name: string): string {
  const problem = problemOf(name);
  if (problem !== undefined) {
    throw terrariumError(
      ErrorCode.Invalid,
      `${JSON.stringify(name.slice(0, longest))} cannot name an image: ${problem}`,
      {
        fix: 'Use letters, digits and single . _ - : between them, with / between parts: debian:12, team/app.',
      },
    );
  }
  return name;
}

/** Whether `checkImageName` accepts it. */
export function isImageName(name: string): boolean {
  return problemOf(name) === undefined;
}

function problemOf(name: string): string | undefined {
  if (name === '') {
    return 'it is empty';
  }
  if (name.length > longest) {
    return `it is longer than ${longest} characters`;
  }
  const foreign = /[^A-Za-z0-9\-._:@+/]/u.exec(name);
  if (foreign) {
    return `${JSON.stringify(foreign[0])} is not allowed`;
  }
  if (name.startsWith('/') || name.endsWith('/') || name.includes('//')) {
    return 'a part between slashes is empty';
  }
  return grammar.test(name)
    ? undefined
    : 'each part must begin and end with a letter or digit, without doubled separators';
}

const archiveEnding = /\.(?:tar|tgz|tbz|tbz2|txz|tzst|tar\.(?:gz|bz2|xz|zst|zstd))$/i;

/** A valid name for the image in a file: `/tmp/Debian 12 (rootfs).tar.xz` gives `debian-12-rootfs`. */
export function proposeName(file: string): string {
  const stem = basename(file).replace(archiveEnding, '').normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const words = stem.match(/[a-z0-9]+(?:[._][a-z0-9]+)*/g) ?? [];
  return (
    words
      .join('-')
      .slice(0, 100)
      .replace(/[^a-z0-9]+$/, '') || 'image'
  );
}
