const archiveEndings = /\.(tar(\.(gz|xz|zst|zstd|bz2))?|tgz|txz|tzst|tbz2?|oci)$/i;

/** A name for an image, made from the file it is imported from: `/tmp/Debian 12.tar.xz` gives `debian-12`. */
export function proposedImageName(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1).replace(archiveEndings, '');
  const name = base
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/([._-])[._-]*/g, '$1')
    .replace(/^[._-]+|[._-]+$/g, '');
  return name === '' ? 'image' : name.slice(0, 64).replace(/[._-]+$/, '');
}

/** A name for an image, made from what an archive or registry calls it: `docker.io/library/debian:12` gives `debian:12`. */
export function proposedReferenceName(reference: string): string {
  const name = reference.replace(/@.*$/, '').replace(/^docker\.io\/(library\/)?/, '');
  return imageNameProblem(name, []) === undefined ? name : proposedImageName(name);
}

/** The first of `base`, `base-2`, `base-3`… that is not taken. */
export function freeName(base: string, taken: readonly string[]): string {
  const used = new Set(taken);
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? base : `${base}-${number}`;
    if (!used.has(candidate)) {
      return candidate;
    }
  }
}

/** What is wrong with a name for a container, in a sentence, or nothing. The helper has the last word. */
export function containerNameProblem(name: string, taken: readonly string[]): string | undefined {
  return groupNameProblem(name) ?? (taken.includes(name) ? 'There already is a container of this name.' : undefined);
}

/** The same for a volume. */
export function volumeNameProblem(name: string, taken: readonly string[]): string | undefined {
  return groupNameProblem(name) ?? (taken.includes(name) ? 'There already is a volume of this name.' : undefined);
}

/** The same for a group of containers, whose name may be there already. */
export function groupNameProblem(name: string): string | undefined {
  if (!/^[a-zA-Z0-9]/.test(name)) {
    return 'Begin with a letter or a digit.';
  }
  if (!/^[a-zA-Z0-9_.-]*$/.test(name)) {
    return 'Only letters, digits, ".", "_" and "-".';
  }
  if (name.length > 63) {
    return `At most 63 characters; these are ${name.length}.`;
  }
  return undefined;
}

/** What is wrong with a host name, in a sentence, or nothing. The helper has the last word. */
export function hostnameProblem(name: string): string | undefined {
  if (!/^(?!-)[a-zA-Z0-9.-]*$/.test(name)) {
    return 'Only letters, digits, "." and "-", which it does not begin with.';
  }
  if (name.length > 64) {
    return `At most 64 characters; these are ${name.length}.`;
  }
  return undefined;
}

/** What is wrong with a name for an image, in a sentence, or nothing. The helper has the last word. */
export function imageNameProblem(name: string, taken: readonly string[]): string | undefined {
  if (!/^[a-z0-9]/.test(name)) {
    return 'Begin with a small letter or a digit.';
  }
  if (!/^[a-z0-9]+([._/:-]+[a-z0-9]+)*$/i.test(name)) {
    return 'Only letters, digits, and ".", "_", "-", "/", ":" between them.';
  }
  return taken.includes(name) ? 'There already is an image of this name.' : undefined;
}
