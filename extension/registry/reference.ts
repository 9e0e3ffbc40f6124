import type { Platform } from '../../helper/protocol/index.js';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:[A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]+)?';
const grammar = new RegExp(
  `^(?:${host}/)?${component}(?:/${component})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/** What is wrong with a reference to an image in a registry, in a sentence, or nothing. The helper has the last word. */
export function referenceProblem(reference: string): string | undefined {
  if (reference === '') {
    return 'Name an image, such as debian:bookworm-slim or ghcr.io/owner/image.';
  }
  return grammar.test(reference) ? undefined : 'Expected [HOST[:PORT]/]PATH[:TAG][@DIGEST], the path in small letters.';
}

/** The host and port of the registry that a reference names; Docker's own when it names none. */
export function registryHost(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

/** Adds a reference to those used lately, newest first, each once. */
export function rememberReference(recent: readonly string[], reference: string): string[] {
  return [reference, ...recent.filter((other) => other !== reference)].slice(0, 15);
}

/** Whether programs of a platform run on this machine. @param arch as Node names it. */
export function isOwnPlatform({ os, architecture }: Platform, arch: string): boolean {
  return os === 'linux' && architecture === (arch === 'x64' ? 'amd64' : arch);
}

/** Platforms with those of a machine first, otherwise in their order. @param arch as Node names it. */
export function orderPlatforms(platforms: readonly Platform[], arch: string): Platform[] {
  return [
    ...platforms.filter((platform) => isOwnPlatform(platform, arch)),
    ...platforms.filter((platform) => !isOwnPlatform(platform, arch)),
  ];
}
