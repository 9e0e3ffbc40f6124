import { ResponseError } from 'vscode-jsonrpc';
import { parseReference } from '../registry/reference.js';

/**
 * How other engines shall call an image: a name without a registry becomes `localhost/NAME:TAG`, as podman has it, since
 * they would take `debian` for Docker Hub's and might fetch that. Undefined when it is no name that they allow.
 */
export function archiveName(name: string): string | undefined {
  const first = name.slice(0, Math.max(name.indexOf('/'), 0));
  const hasRegistry = first === 'localhost' || /[.:]/.test(first);
  try {
    const { registry, repository, tag } = parseReference(
      (hasRegistry ? name : `localhost/${name}`).split('@', 1)[0] ?? '',
    );
    return `${registry}/${repository}:${tag ?? 'latest'}`;
  } catch (error) {
    if (error instanceof ResponseError) return undefined;
    throw error;
  }
}
