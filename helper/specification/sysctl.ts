import type { oci } from '../protocol/index.js';
import { type NamespaceQuestion, namespaceChoices } from './namespaces.js';

/**
 * Which namespace a setting of /proc/sys belongs to; undefined: to the whole machine. Sources: namespaces(7),
 * ipc_namespaces(7), sysctl/user.rst, and the settings that other runtimes let containers have.
 */
export function namespaceOfSysctl(key: string): oci.NamespaceType | undefined {
  const name = key.replaceAll('/', '.');
  if (name.startsWith('net.')) return 'network';
  if (/^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|auto_msgmni)$/.test(name)) return 'ipc';
  if (/^(fs\.mqueue\.|kernel\.(msg|sem|shm)_next_id$)/.test(name)) return 'ipc';
  if (/^user\.max_[a-z]+_namespaces$/.test(name)) return 'user';
  return /^kernel\.(domainname|hostname)$/.test(name) ? 'uts' : undefined;
}

/**
 * Why a container may not have a setting; undefined: it may. The kernel alone would not refuse it to everybody: root of a
 * container that root started owns the machine's own settings.
 */
export function refusedSysctl(key: string, question: NamespaceQuestion): string | undefined {
  const type = namespaceOfSysctl(key);
  if (type === undefined) return `${key} is a setting of the whole machine, which a container may not change`;
  return namespaceChoices(question)[type] === 'new'
    ? undefined
    : `${key} is a setting of a ${type} namespace that is not this container’s own`;
}
